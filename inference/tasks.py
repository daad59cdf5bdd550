"""Doors of the workers. `gpu_*` go to the queue `gpu`, the rest to `default`."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from inference.services import jobs
from inference.services.generation import run_generation
from inference.services.sweeper import SweeperThread


@shared_task  # type: ignore[untyped-decorator]
def gpu_generate(run_id: int) -> None:
    run_generation(run_id)


@shared_task  # type: ignore[untyped-decorator]
def gpu_train(run_id: int) -> None:
    from inference.services.training_supervision import run_training

    run_training(run_id)


@shared_task  # type: ignore[untyped-decorator]
def gpu_benchmark(benchmark_id: int) -> None:
    from inference.services.benchmarks import run_benchmark

    run_benchmark(benchmark_id)


def start_sweeping(**kwargs: Any) -> None:
    SweeperThread().start()


def hand_jobs_back_on_quit(**kwargs: Any) -> None:
    """On SIGQUIT, Celery tries to end the running task, which a pool of threads cannot do: it
    stumbles before it sends `worker_shutting_down`, and would wait for the whole job."""
    celery_does = signal.getsignal(signal.SIGQUIT)

    def handle(number: int, frame: FrameType | None) -> None:
        jobs.worker_stopping.set()
        if callable(celery_does):
            celery_does(number, frame)

    signal.signal(signal.SIGQUIT, handle)


def hand_jobs_back(**kwargs: Any) -> None:
    jobs.worker_stopping.set()


worker_ready.connect(start_sweeping)
worker_ready.connect(hand_jobs_back_on_quit)
worker_shutting_down.connect(hand_jobs_back)

"""Doors of the workers. `gpu_*` go to the queue `gpu`, the rest to `default`."""

from __future__ import annotations

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
    from inference.services.training import run_training

    run_training(run_id)


def start_sweeping(**kwargs: Any) -> None:
    SweeperThread().start()


def hand_jobs_back(**kwargs: Any) -> None:
    jobs.worker_stopping.set()


worker_ready.connect(start_sweeping)
worker_shutting_down.connect(hand_jobs_back)

"""Doors of the workers. `gpu_*` go to the queue `gpu`, the rest to `default`."""

from __future__ import annotations

from celery import shared_task


@shared_task  # type: ignore[untyped-decorator]
def analyse(analysis_id: int) -> None:
    from annotations.services.analyses import run_analysis

    run_analysis(analysis_id)


@shared_task  # type: ignore[untyped-decorator]
def make_release(job_id: int) -> None:
    from annotations.services.release_jobs import run_release

    run_release(job_id)


@shared_task  # type: ignore[untyped-decorator]
def mail_flag(flag_id: int, inbox: str) -> None:
    from annotations.services import flags

    flags.mail_flag(flag_id, inbox)


@shared_task  # type: ignore[untyped-decorator]
def deliver(delivery_id: int) -> None:
    from annotations.services import deliveries

    deliveries.deliver(delivery_id)


@shared_task  # type: ignore[untyped-decorator]
def gpu_judge(run_id: int) -> None:
    from annotations.services.judge_work import run_judging

    run_judging(run_id)

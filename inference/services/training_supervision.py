"""A TrainingRun in the hands of a worker: the trainer works, this watches it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from django.conf import settings

from inference.backends.registry import unload_models
from inference.backends.weights import weights_sha256
from inference.errors import DomainError
from inference.models import ModelVersion, TrainingPoint, TrainingRun
from inference.selectors.run_options import ONLY_MODALITY
from inference.selectors.training import config_in_words
from inference.services import jobs
from inference.services.jobs import JobCancelled, Lease, WorkerStopping, work_under_lease
from inference.services.model_versions import NameTakenError, register_checkpoint
from inference.services.training import (
    LONGEST_NAME,
    log_file,
    output_folder,
    parsed_config,
    refuse_withdrawn,
    run_folder,
    trainer_config,
    verify_dataset,
)
from inference.services.training_checks import check_processes
from inference.services.training_disk import (
    NoRoomError,
    RoomWatch,
    check_room,
    disk_need,
    remove_checkpoints,
)
from inference.services.training_process import (
    HURRIED_STOP_SECONDS,
    TrainerProcess,
    end_leftovers,
    log_tail,
    start_trainer,
)
from inference.services.training_progress import ProgressReader, TrainingEvent
from inference.services.training_records import Told, read_report, record
from inference.services.training_rewards import judge_keys
from inference.training.progress import PROGRESS_FILE, REPORT_FILE

POLL_SECONDS = 0.5


class TrainingFailedError(DomainError):
    pass


def run_training(run_id: int, on_progress: Told | None = None) -> bool:
    """Watches the trainer until the run ends or is taken away; False if another worker has it."""
    return work_under_lease(
        TrainingRun,
        run_id,
        lambda lease: _train(lease, on_progress),
        "The training could not be supervised",
    )


def _train(lease: Lease[TrainingRun], on_progress: Told | None) -> None:
    lease.check()
    run = TrainingRun.objects.select_related("base", "team").get(pk=lease.pk)
    if run.result_id is not None:
        remove_checkpoints(output_folder(run))
        return
    refuse_withdrawn(run)
    verify_dataset(run)
    parsed = parsed_config(run)
    check_processes(parsed)
    check_room(run, parsed)
    config = _write_config(run)
    end_leftovers(config)
    reader = ProgressReader(output_folder(run) / PROGRESS_FILE)
    record(lease, reader.read(), on_progress)  # what was told while nobody was listening
    unload_models()  # the trainer needs the memory that this worker's last model holds
    keys = judge_keys(run.config.get("rewards"))
    trainer = start_trainer(config, log_file(run), parsed.processes, keys)
    TrainingRun.objects.filter(pk=run.pk).update(process_id=trainer.number)
    try:
        room = RoomWatch(run.team, disk_need(parsed), output_folder(run))
        last = watch(lease, trainer, reader, room, on_progress)
    finally:
        trainer.end(seconds=HURRIED_STOP_SECONDS)
    _register(lease, run, _checkpoint(run, last, trainer.exit_code()))


def _write_config(run: TrainingRun) -> Path:
    output_folder(run).mkdir(parents=True, exist_ok=True)
    config = run_folder(run) / "config.json"
    config.write_text(json.dumps(trainer_config(run), indent=2) + "\n", encoding="utf-8")
    return config


def watch(
    lease: Lease[TrainingRun],
    trainer: TrainerProcess,
    reader: ProgressReader,
    room: RoomWatch,
    on_progress: Told | None,
) -> TrainingEvent | None:
    """The event that settles the run, if the trainer told one before it ended."""
    settled: TrainingEvent | None = None
    while True:
        ended = trainer.exit_code() is not None  # asked before reading: nothing comes after
        events = reader.read()
        record(lease, events, on_progress)
        settled = next((e for e in reversed(events) if e.event in SETTLING), settled)
        if ended:
            return settled
        try:
            lease.check()
            room.check()
        except (JobCancelled, WorkerStopping, NoRoomError) as stop:
            events, killed = _stop(lease, trainer, reader, on_progress)
            settled = next((e for e in reversed(events) if e.event in SETTLING), settled)
            if settled is not None and settled.event == "end":
                return settled
            saved = any(event.event == "stopped" for event in events)
            if isinstance(stop, NoRoomError):
                raise NoRoomError(f"{stop} {STOPPED if saved else UNSAVED}") from stop
            if isinstance(stop, JobCancelled) and killed and not saved:
                TrainingRun.objects.filter(pk=lease.pk, error="").update(error=UNSAVED)
            raise
        time.sleep(POLL_SECONDS)


def _stop(
    lease: Lease[TrainingRun],
    trainer: TrainerProcess,
    reader: ProgressReader,
    on_progress: Told | None,
) -> tuple[list[TrainingEvent], bool]:
    """Its last events, and whether it had to be killed: a step and a large checkpoint take their
    time, which a worker that is told to end does not have."""
    asked = time.monotonic()
    if not jobs.worker_stopping.is_set():
        trainer.ask_to_stop()
    events: list[TrainingEvent] = []
    while trainer.exit_code() is None and not jobs.worker_stopping.is_set():
        if time.monotonic() - asked > settings.TRAINING_STOP_SECONDS:
            break
        with suppress(JobCancelled, WorkerStopping):
            lease.check()
        told = reader.read()
        record(lease, told, on_progress)
        events += told
        time.sleep(POLL_SECONDS)
    killed = trainer.exit_code() is None
    trainer.end(HURRIED_STOP_SECONDS if jobs.worker_stopping.is_set() else 0)
    told = reader.read()
    record(lease, told, on_progress)
    return [*events, *told], killed


SETTLING = ("end", "error")
STOPPED = "The run was stopped with a checkpoint, and goes on from there when it is resumed."
UNSAVED = (
    "The training process was ended before it had written a checkpoint of its last steps. Resumed, "
    "the run goes on from the one before, or begins anew where there is none."
)


def _checkpoint(run: TrainingRun, last: TrainingEvent | None, exit_code: int | None) -> Path:
    """Events are trusted, not exit codes."""
    if last is not None and last.event == "error":
        raise TrainingFailedError(f"The training failed: {last.message}")
    if last is None:
        tail = "\n".join(log_tail(log_file(run)).strip().splitlines()[-5:])
        raise TrainingFailedError(
            f"The training process ended without saying why (exit code {exit_code}). "
            f"The last lines of its log: {tail or 'none'}"
        )
    folder = Path(last.checkpoint)
    if not folder.resolve().is_relative_to(output_folder(run).resolve()) or not folder.is_dir():
        raise TrainingFailedError(f"The training named a checkpoint that is not there: {folder}")
    return folder


def _register(lease: Lease[TrainingRun], run: TrainingRun, checkpoint: Path) -> None:
    """What may no longer be learned from leaves no model, though its trainer came to the end: an
    erasure waits for the row and finds the model, or was there first and is seen here."""
    weights_sha256(checkpoint)  # reading them takes long, and is remembered
    report = read_report(output_folder(run) / REPORT_FILE)
    with lease.commit_chunk() as row:
        refuse_withdrawn(row)
        row.result = register_version(run, checkpoint)
        row.report = report
        row.save(update_fields=["result", "report"])
    remove_checkpoints(output_folder(run))


def register_version(run: TrainingRun, checkpoint: Path) -> ModelVersion:
    """Under the first name that is free, so that nothing learned is lost over a name."""
    taken = set(ModelVersion.objects.filter(team=run.team_id).values_list("name", flat=True))
    names = (name for name in version_names(run) if name not in taken)
    while True:
        try:
            result = register_checkpoint(
                team=run.team,
                name=next(names),
                path=checkpoint.relative_to(settings.VAR),
                parent=run.base,
                is_demo=run.base.is_demo,
                card=version_card(run),
            )
        except NameTakenError:  # by somebody else at this moment
            continue
        if ONLY_MODALITY in run.base.config:
            result.config[ONLY_MODALITY] = run.base.config[ONLY_MODALITY]
            result.save(update_fields=["config"])
        return result


def version_names(run: TrainingRun) -> Iterator[str]:
    """The run's name, then others that say whence they are; without end."""
    yield run.name
    for number in count(1):
        end = f" (training run {run.pk}{f', {number}' if number > 1 else ''})"
        yield run.name[: LONGEST_NAME - len(end)] + end


def version_card(run: TrainingRun) -> str:
    options = "\n".join(f"- {row.label}: {row.value}" for row in config_in_words(run))
    last = TrainingPoint.objects.filter(run=run).order_by("-step").first()
    values = last.values if last else {}
    logged = "\n".join(f"- {name}: {value:.6g}" for name, value in sorted(values.items()))
    return (
        f"# {run.name}\n\nTrained from {run.base.name} by {run.get_method_display()} on the "
        f"dataset with sha256 {run.dataset_sha256}.\n\n## Options\n\n{options or '- defaults'}\n\n"
        f"## Last logged values\n\n{logged or '- none'}\n"
    )

"""A TrainingRun from its request to its ModelVersion: the trainer works, this watches it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from inference.backends.registry import unload_models
from inference.backends.weights import weights_sha256
from inference.errors import DomainError, InvalidOptionsError, UnknownNameError
from inference.models import ModelVersion, TrainingPoint, TrainingRun
from inference.preference_files import (
    PAIRS_FILE,
    PreferenceFileError,
    sha256_file,
    verify_release,
)
from inference.selectors.cautions import what_stops
from inference.services import jobs
from inference.services.jobs import JobCancelled, Lease, WorkerStopping, work_under_lease
from inference.services.model_versions import (
    NameTakenError,
    checkpoint_folder,
    register_checkpoint,
)
from inference.services.training_process import (
    HURRIED_STOP_SECONDS,
    STOP_SECONDS,
    TrainerProcess,
    end_leftovers,
    log_tail,
    start_trainer,
)
from inference.services.training_progress import ProgressReader, TrainingEvent, points
from mood_eval.models import Team, User

POLL_SECONDS = 0.5
FINAL_PREFIX = "final_"
OURS = ("method", "base", "prompt", "dataset", "output", "resume", "media_root")
"""Keys of the trainer's configuration that the platform fills in."""
Progress = Callable[[TrainingRun], None]


class DatasetChangedError(DomainError):
    pass


class DatasetWithdrawnError(DomainError):
    """What the dataset holds may no longer be learned from."""


class TrainingFailedError(DomainError):
    pass


@transaction.atomic
def start_training_run(
    *,
    team: Team,
    name: str,
    method: str,
    base: ModelVersion,
    dataset_path: str | Path,
    dataset_sha256: str,
    config: Mapping[str, Any] | None = None,
    user: User | None = None,
) -> TrainingRun:
    """The dataset is a release's folder, or a file; relative paths lie below settings.VAR.

    `config` holds keys of inference.training.config, except those the platform fills in.
    """
    check_base(team, base)
    run = _create(
        team=team,
        name=name.strip() or free_name(base, method),
        method=method,
        base=base,
        dataset_path=str(dataset_path),
        dataset_sha256=dataset_sha256,
        config=dict(config or {}),
        created_by=user,
    )
    verify_dataset(run)
    run.folder = f"training/{run.pk}"
    run.save(update_fields=["folder"])
    check_config(run)
    jobs.enqueue(run)
    run.refresh_from_db()
    return run


def check_base(team: Team, base: ModelVersion) -> None:
    if base.team_id != team.pk:
        raise UnknownNameError("The base model belongs to another team.")
    if base.kind != ModelVersion.Kind.MULTIMOOD:
        raise InvalidOptionsError(f"{base} is not a checkpoint, so it cannot be trained.")


def _create(*, team: Team, name: str, method: str, **fields: Any) -> TrainingRun:
    if method not in TrainingRun.Method.values:
        raise InvalidOptionsError(f"There is no training method “{method}”.")
    if ModelVersion.objects.filter(team=team, name=name).exists():
        raise NameTakenError(f"There is already a model named “{name}”.")
    try:
        with transaction.atomic():
            return TrainingRun.objects.create(team=team, name=name, method=method, **fields)
    except IntegrityError as error:
        raise NameTakenError(f"There is already a training run named “{name}”.") from error


def free_name(base: ModelVersion, method: str) -> str:
    taken = set(TrainingRun.objects.filter(team=base.team_id).values_list("name", flat=True))
    taken |= set(ModelVersion.objects.filter(team=base.team_id).values_list("name", flat=True))
    number = 1
    while f"{base.name}-{method}-{number}" in taken:
        number += 1
    return f"{base.name}-{method}-{number}"


def dataset_of(run: TrainingRun) -> Path:
    return Path(settings.VAR / run.dataset_path)


def run_folder(run: TrainingRun) -> Path:
    return Path(settings.VAR / run.folder)


def output_folder(run: TrainingRun) -> Path:
    return run_folder(run) / "output"


def log_file(run: TrainingRun) -> Path:
    return run_folder(run) / "log.txt"


def verify_dataset(run: TrainingRun) -> None:
    dataset = dataset_of(run)
    try:
        if dataset.is_dir():
            found = verify_release(dataset)["files"][PAIRS_FILE]
        else:
            found = sha256_file(dataset)
    except FileNotFoundError as error:
        raise DatasetChangedError(f"The dataset {dataset} does not exist.") from error
    except PreferenceFileError as error:
        raise DatasetChangedError(str(error)) from error
    if found != run.dataset_sha256:
        raise DatasetChangedError(
            f"The dataset {dataset} is not the one this run was started with: its sha256 is "
            f"{found}, not {run.dataset_sha256}."
        )


def refuse_withdrawn(run: TrainingRun) -> None:
    for caution in what_stops(run):
        raise DatasetWithdrawnError(caution.sentence)


def trainer_config(run: TrainingRun) -> dict[str, Any]:
    return {
        **run.config,
        "method": run.method,
        "base": str(checkpoint_folder(run.base.path)),
        "prompt": run.base.prompt,
        "dataset": str(dataset_of(run)),
        "output": str(output_folder(run)),
        "media_root": default_storage.path(""),
        "resume": True,
    }


def check_config(run: TrainingRun) -> None:
    from inference.training.config import ConfigError
    from inference.training.config_reading import parse_config

    ours = sorted(set(run.config) & set(OURS))
    if ours:
        raise InvalidOptionsError(f"{', '.join(ours)}: filled in by the platform; leave it out.")
    Path(default_storage.path("")).mkdir(parents=True, exist_ok=True)
    try:
        parse_config(trainer_config(run), folder=settings.VAR)
    except ConfigError as error:
        raise InvalidOptionsError(f"The training configuration cannot be run. {error}") from error


def cancel_training_run(run: TrainingRun) -> None:
    """A trainer that works writes a checkpoint first."""
    jobs.request_cancel(run)


def resume_training_run(run: TrainingRun) -> None:
    refuse_withdrawn(run)
    jobs.resume(run)


def run_training(run_id: int, on_progress: Progress | None = None) -> bool:
    """Watches the trainer until the run ends or is taken away; False if another worker has it."""
    return work_under_lease(
        TrainingRun,
        run_id,
        lambda lease: _train(lease, on_progress),
        "The training could not be supervised",
    )


def _train(lease: Lease[TrainingRun], on_progress: Progress | None) -> None:
    lease.check()
    run = TrainingRun.objects.select_related("base", "team").get(pk=lease.pk)
    if run.result_id is not None:
        return
    refuse_withdrawn(run)
    verify_dataset(run)
    config = _write_config(run)
    end_leftovers(config)
    reader = ProgressReader(output_folder(run) / "progress.jsonl")
    record(lease, reader.read(), on_progress)  # what was told while nobody was listening
    unload_models()  # the trainer needs the memory that this worker's last model holds
    trainer = start_trainer(config, log_file(run), int(run.config.get("processes", 1)))
    TrainingRun.objects.filter(pk=run.pk).update(process_id=trainer.number)
    try:
        last = _watch(lease, trainer, reader, on_progress)
    finally:
        trainer.end(seconds=HURRIED_STOP_SECONDS)
    _register(lease, run, _checkpoint(run, last, trainer.exit_code()))


def _write_config(run: TrainingRun) -> Path:
    output_folder(run).mkdir(parents=True, exist_ok=True)
    config = run_folder(run) / "config.json"
    config.write_text(json.dumps(trainer_config(run), indent=2) + "\n", encoding="utf-8")
    return config


def _watch(
    lease: Lease[TrainingRun],
    trainer: TrainerProcess,
    reader: ProgressReader,
    on_progress: Progress | None,
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
        except (JobCancelled, WorkerStopping) as stop:
            in_hurry = isinstance(stop, WorkerStopping)
            trainer.end(HURRIED_STOP_SECONDS if in_hurry else STOP_SECONDS)
            events = reader.read()
            record(lease, events, on_progress)
            settled = next((e for e in reversed(events) if e.event in SETTLING), settled)
            if settled is not None and settled.event == "end":
                return settled
            raise
        time.sleep(POLL_SECONDS)


SETTLING = ("end", "error")


def record(
    lease: Lease[TrainingRun], events: Sequence[TrainingEvent], on_progress: Progress | None
) -> None:
    if not events:
        return
    with lease.commit_chunk() as run:
        logged = points(events)
        for event in events:
            if event.event == "end" and event.values:
                logged[event.step] = _with_final(run, event, logged.get(event.step))
        TrainingPoint.objects.bulk_create(
            [TrainingPoint(run=run, step=step, values=values) for step, values in logged.items()],
            update_conflicts=True,
            unique_fields=["run", "step"],
            update_fields=["values"],
        )
        for event in events:
            run.total = event.max_steps if event.max_steps is not None else run.total
            if event.event in ("begin", "log", "end"):
                run.done = event.step
    if on_progress:
        on_progress(run)


def _with_final(
    run: TrainingRun, event: TrainingEvent, logged: dict[str, float] | None
) -> dict[str, float]:
    """What the finished model was measured at, beside what was logged at its last step."""
    if logged is None:
        point = TrainingPoint.objects.filter(run=run, step=event.step).first()
        logged = point.values if point else {}
    return logged | {f"{FINAL_PREFIX}{name}": value for name, value in event.values.items()}


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
    with lease.commit_chunk() as row:
        refuse_withdrawn(row)
        row.result = register_checkpoint(
            team=run.team,
            name=free_version_name(run),
            path=checkpoint.relative_to(settings.VAR),
            parent=run.base,
            is_demo=run.base.is_demo,
            card=version_card(run),
        )
        row.save(update_fields=["result"])


def free_version_name(run: TrainingRun) -> str:
    """The run's name, unless somebody gave it to another model meanwhile."""
    taken = ModelVersion.objects.filter(team=run.team_id, name=run.name).exists()
    return f"{run.name} (training run {run.pk})" if taken else run.name


def version_card(run: TrainingRun) -> str:
    options = "\n".join(f"- {name}: {value}" for name, value in sorted(run.config.items()))
    last = TrainingPoint.objects.filter(run=run).order_by("-step").first()
    values = last.values if last else {}
    logged = "\n".join(f"- {name}: {value:.6g}" for name, value in sorted(values.items()))
    return (
        f"# {run.name}\n\nTrained from {run.base.name} by {run.get_method_display()} on the "
        f"dataset with sha256 {run.dataset_sha256}.\n\n## Options\n\n{options or '- defaults'}\n\n"
        f"## Last logged values\n\n{logged or '- none'}\n"
    )

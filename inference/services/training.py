"""A TrainingRun from its request to the queue; `training_supervision` does the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from inference.errors import DomainError, InvalidOptionsError, UnknownNameError
from inference.models import Corpus, ModelVersion, TrainingRun
from inference.preference_files import (
    PAIRS_FILE,
    PreferenceFileError,
    sha256_file,
    verify_release,
)
from inference.selectors.cautions import what_stops
from inference.selectors.run_options import MODALITY_NAMES, ONLY_MODALITY
from inference.services import jobs
from inference.services.model_versions import (
    NameTakenError,
    checkpoint_folder,
    refuse_reward_model,
)
from inference.services.training_checks import check_machine
from inference.services.training_disk import OUTPUT, check_room
from inference.services.training_rewards import (
    check_reward_models,
    check_reward_terms,
    reward_terms,
)
from inference.training.config import ConfigError, TrainingConfig
from inference.training.config_reading import parse_config
from inference.training.presets import with_preset
from mood_eval.models import Team, User

OURS = ("method", "base", "prompt", "dataset", "output", "resume", "media_root")
"""Keys of the trainer's configuration that the platform fills in."""
NULL_CHARACTER = "\\u0000"
"""As JSON spells it."""
LONGEST_NAME = 120
NAMES_TRIED = 20
"""Where others start unnamed runs at the same moment."""
BEYOND = ("held_out", "emotion_dataset", "nodes")
"""Keys that name files or machines outside what the platform looks after."""


class DatasetChangedError(DomainError):
    pass


class DatasetWithdrawnError(DomainError):
    """What the dataset holds may no longer be learned from."""


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
    preset: str = "",
    corpus: Corpus | None = None,
    reward_models: Sequence[ModelVersion] = (),
    held_out: Path | None = None,
) -> TrainingRun:
    """The dataset is a release's folder, or a file; relative paths lie below settings.VAR.

    `config` holds keys of inference.training.config, except those the platform fills in; they win
    over the preset's. `corpus`: whose dialogues the file holds. `reward_models` score the answers
    of ppo and grpo; an entry of `config["rewards"]` of kind "model" may name one of them, to give
    it a weight or criteria. `held_out`: a corpus file below settings.VAR of which nothing behind
    the run was learned; its labels are measured before and after.
    """
    check_method(method)
    check_base(team, base)
    check_reward_models(team, method, reward_models)
    run = _create(
        team=team,
        names=[name.strip()] if name.strip() else islice(free_names(base, method), NAMES_TRIED),
        method=method,
        preset=preset,
        base=base,
        corpus=corpus,
        dataset_path=str(dataset_path),
        dataset_sha256=dataset_sha256,
        config=with_only_modality(base, chosen_options(method, preset, config))
        | _measured_on(held_out),
        created_by=user,
    )
    run.reward_models.set(reward_models)
    refuse_withdrawn(run)
    verify_dataset(run)
    run.folder = f"training/{run.pk}"
    run.save(update_fields=["folder"])
    parsed = parsed_config(run)
    check_machine(parsed)
    check_room(run, parsed)
    jobs.enqueue(run)
    run.refresh_from_db()
    return run


def _measured_on(held_out: Path | None) -> dict[str, str]:
    if held_out is None:
        return {}
    return {"held_out": str(held_out.relative_to(settings.VAR))}


def with_only_modality(base: ModelVersion, options: dict[str, Any]) -> dict[str, Any]:
    """A model that may be given one thing only is trained on that."""
    only = base.config.get(ONLY_MODALITY)
    if only is None:
        return options
    if options.get("modality", only) != only:
        raise InvalidOptionsError(
            f"modality: “{base}” may be given one thing only: choose “{only}” "
            f"({MODALITY_NAMES[only]}), not “{options['modality']}”."
        )
    return {**options, "modality": only}


def check_method(method: str) -> None:
    if method not in TrainingRun.Method.values:
        raise InvalidOptionsError(f"There is no training method “{method}”.")


def check_base(team: Team, base: ModelVersion) -> None:
    if base.team_id != team.pk:
        raise UnknownNameError("The base model belongs to another team.")
    refuse_reward_model(base)
    if base.kind != ModelVersion.Kind.MULTIMOOD:
        raise InvalidOptionsError(f"{base} is not a checkpoint, so it cannot be trained.")


def chosen_options(
    method: str, preset: str, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The preset's values, and over them those that were given."""
    given = dict(config or {})
    ours = sorted(set(given) & set(OURS))
    if ours:
        raise InvalidOptionsError(f"{', '.join(ours)}: filled in by the platform; leave it out.")
    beyond = sorted(set(given) & set(BEYOND))
    if beyond:
        raise InvalidOptionsError(
            f"{', '.join(beyond)}: reaches beyond what the platform looks after. Leave it out, or "
            "start such a run by hand as docs/training.md describes."
        )
    check_text(given)
    try:
        return with_preset(preset, given, method)
    except ConfigError as error:
        raise InvalidOptionsError(f"The training configuration cannot be run. {error}") from error


def check_text(given: Mapping[str, Any]) -> None:
    """Python's JSON knows numbers and characters that neither a database nor a file takes."""
    for key, value in given.items():
        try:
            json.dumps(value, allow_nan=False)
        except ValueError as error:
            raise InvalidOptionsError(
                f"{key}: holds a number that is not finite, or too large. Give another one."
            ) from error
    try:
        text = json.dumps(given, ensure_ascii=False)
        fits = NULL_CHARACTER not in text and bool(text.encode())
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise InvalidOptionsError("The options hold a character that cannot be stored. Remove it.")


def _create(*, team: Team, names: Iterable[str], **fields: Any) -> TrainingRun:
    """Under the first of the names that nobody takes meanwhile."""
    taken = NameTakenError("There is no free name. Give the run one.")
    for name in names:
        try:
            return _create_named(team=team, name=name, **fields)
        except NameTakenError as error:
            taken = error
    raise taken


def _create_named(*, team: Team, name: str, **fields: Any) -> TrainingRun:
    if len(name) > LONGEST_NAME:
        raise InvalidOptionsError(f"A run's name has at most {LONGEST_NAME} characters.")
    if ModelVersion.objects.filter(team=team, name=name).exists():
        raise NameTakenError(f"There is already a model named “{name}”.")
    try:
        with transaction.atomic():
            return TrainingRun.objects.create(team=team, name=name, **fields)
    except IntegrityError as error:
        raise NameTakenError(f"There is already a training run named “{name}”.") from error


def free_names(base: ModelVersion, method: str) -> Iterator[str]:
    taken = set(TrainingRun.objects.filter(team=base.team_id).values_list("name", flat=True))
    taken |= set(ModelVersion.objects.filter(team=base.team_id).values_list("name", flat=True))
    stem = f"{base.name[: LONGEST_NAME - 20]}-{method}"
    return (name for n in count(1) if (name := f"{stem}-{n}") not in taken)


def dataset_of(run: TrainingRun) -> Path:
    return Path(settings.VAR / run.dataset_path)


def run_folder(run: TrainingRun) -> Path:
    return Path(settings.VAR / run.folder)


def output_folder(run: TrainingRun) -> Path:
    return run_folder(run) / OUTPUT


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
    measured_on = run.config.get("held_out")
    return {
        **run.config,
        **({"held_out": str(settings.VAR / measured_on)} if measured_on else {}),
        **reward_terms(run),
        "method": run.method,
        "base": str(checkpoint_folder(run.base.path)),
        "prompt": run.base.prompt,
        "dataset": str(dataset_of(run)),
        "output": str(output_folder(run)),
        "media_root": default_storage.path(""),
        "resume": True,
    }


def parsed_config(run: TrainingRun) -> TrainingConfig:
    """As the trainer will read it. Raises InvalidOptionsError where it would refuse it, and where
    the run asks a judge that it may not ask, or no longer."""
    check_reward_terms(run.config.get("rewards"))
    Path(default_storage.path("")).mkdir(parents=True, exist_ok=True)
    try:
        return parse_config(trainer_config(run), folder=settings.VAR)
    except ConfigError as error:
        raise InvalidOptionsError(f"The training configuration cannot be run. {error}") from error
    except OverflowError as error:
        raise InvalidOptionsError("A number in the options is too large.") from error


def cancel_training_run(run: TrainingRun) -> None:
    """A trainer that works writes a checkpoint first."""
    jobs.request_cancel(run)


def resume_training_run(run: TrainingRun) -> None:
    refuse_withdrawn(run)
    with transaction.atomic():
        jobs.resume(run)
        TrainingRun.objects.filter(pk=run.pk).update(stage="")
        check_room(run, parsed_config(run))

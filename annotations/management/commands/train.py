from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotations.models import PreferenceDataset
from annotations.services.erasures import refuse_erased_rows
from annotations.services.training import train_on_release
from inference.errors import DomainError, InvalidOptionsError
from inference.management.base import DomainCommand, owner_of, team_named
from inference.management.waiting import work_until_ended
from inference.models import JobState, TrainingRun
from inference.preference_files import PAIRS_FILE, PreferenceFileError, verify_release
from inference.selectors.names import model_named
from inference.selectors.training import training_facts, training_progress
from inference.services.training import (
    DatasetChangedError,
    log_file,
    start_training_run,
)
from inference.services.training_supervision import run_training
from mood_eval.models import Team


class Command(DomainCommand):
    help = (
        "Train a model on a released preference dataset. Without --wait the run waits for a "
        "worker of the queue gpu; with --wait this command is the worker."
    )
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("method", choices=["dpo"], help="how to train")
        parser.add_argument(
            "--dataset", required=True, type=Path, metavar="DIR", help="folder of a release"
        )
        parser.add_argument("--base", required=True, metavar="NAME", help="see `models`")
        parser.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="JSON object of options, such as learning_rate, epochs, max_steps, beta, lora",
        )
        parser.add_argument(
            "--name", default="", help="of the run and the new model (default: from the base)"
        )
        parser.add_argument("--wait", action="store_true", help="do the work here and now")

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        run = self.start(
            team,
            options["dataset"].resolve(),
            options["base"],
            read_config(options["config"]),
            options["name"],
        )
        if options["wait"]:
            self.wait(run)
        return training_facts(run)

    def start(
        self, team: Team, folder: Path, base: str, config: dict[str, Any], name: str
    ) -> TrainingRun:
        try:
            manifest = verify_release(folder)
        except PreferenceFileError as error:
            raise DatasetChangedError(str(error)) from error
        sha256 = manifest["files"][PAIRS_FILE]
        model, user = model_named(team, base), owner_of(team)
        refuse_erased_rows(team, sha256)
        known = release_with(team, sha256, manifest)
        if known is not None:
            return train_on_release(dataset=known, base=model, config=config, user=user, name=name)
        return start_training_run(
            team=team,
            name=name,
            method="dpo",
            base=model,
            dataset_path=folder,
            dataset_sha256=sha256,
            config=config,
            user=user,
        )

    def wait(self, run: TrainingRun) -> None:
        self.tell(f"Training run {run.pk}, {run.name}. Log: {log_file(run)}")
        self.shown = -1
        work_until_ended(
            run, lambda: run_training(run.pk, on_progress=self.show), lambda: self.show(run)
        )
        if run.state != JobState.DONE:
            raise DomainError(run.error or f"Training run {run.pk} was cancelled.")

    def show(self, run: TrainingRun) -> None:
        if run.done == self.shown:
            return
        self.shown = run.done
        progress = training_progress(run)
        point = run.points.filter(step=run.done).first()
        values = point.values if point else {}
        parts = [f"step {progress.done}/{progress.total}"]
        parts += [
            f"{name} {values[name]:.4g}" for name in ("loss", "reward_margin") if name in values
        ]
        if progress.remaining_words:
            parts.append(f"{progress.remaining_words} left")
        self.tell(", ".join(parts))

    def describe(self, report: dict[str, Any]) -> str:
        if report["state"] == JobState.DONE:
            measures = ", ".join(f"{k} {v:.4g}" for k, v in report["measures"].items())
            return f"{report['result']} is trained after {report['done']} steps: {measures}."
        return (
            f"Training run {report['training_run']} ({report['name']}) waits for a worker of the "
            "queue gpu."
        )


def release_with(team: Team, sha256: str, manifest: dict[str, Any]) -> PreferenceDataset | None:
    """The release that a folder is a copy of. Equal rows are enough, or a training on a copy with
    another manifest would be known to neither erasures nor follow-ups."""
    usable = PreferenceDataset.objects.filter(team=team, sha256=sha256, erasure=None)
    releases = list(usable.order_by("study", "pk"))  # those of studies before imported ones
    same = [release for release in releases if release.manifest == manifest]
    return next(iter([*same, *releases]), None)


def read_config(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidOptionsError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(config, dict):
        raise InvalidOptionsError(f"{path} must hold one JSON object.")
    return config

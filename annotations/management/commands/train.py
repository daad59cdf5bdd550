from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from annotations.models import PreferenceDataset
from annotations.services.erasures import refuse_erased_rows
from annotations.services.training import learns_from_releases, train_on_release
from inference.errors import DomainError, InvalidOptionsError
from inference.management.base import DomainCommand, owner_of, team_named, text_table
from inference.management.waiting import work_until_ended
from inference.models import JobState, TrainingRun
from inference.preference_files import PAIRS_FILE, PreferenceFileError, verify_release
from inference.selectors.names import corpus_named, model_named
from inference.selectors.training import training_facts, training_progress
from inference.services.training import (
    DatasetChangedError,
    log_file,
    start_training_run,
)
from inference.services.training_corpora import train_on_corpus
from inference.services.training_supervision import run_training
from inference.training.config import METHODS
from inference.training.presets import PRESETS, Preset, presets_of
from mood_eval.models import Team

TOLD = ("loss", "reward_margin", "reward", "kl")
"""Values shown at every step, where there are some."""


class Command(DomainCommand):
    help = (
        "Train a model: by sft or compressor on a corpus, by dpo or reward on a release, by ppo or "
        "grpo on either. Without --wait the run waits for a worker of the queue gpu; with --wait "
        "this command is the worker."
    )
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("method", nargs="?", choices=METHODS, help="how to train")
        parser.add_argument(
            "--presets", action="store_true", help="list the presets (of METHOD) and do nothing"
        )
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--dataset", type=Path, metavar="DIR", help="folder of a release")
        source.add_argument("--corpus", metavar="NAME", help="as `import_dialogues` named it")
        parser.add_argument("--base", metavar="NAME", help="model to start from; see `models`")
        parser.add_argument("--preset", default="", metavar="NAME", help="see --presets")
        parser.add_argument(
            "--reward-model",
            action="append",
            default=[],
            metavar="NAME",
            help="for ppo and grpo: a model that scores answers; may be given several times",
        )
        parser.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="JSON object of options, such as learning_rate, epochs, max_steps, beta, lora; "
            "they win over the preset's",
        )
        parser.add_argument(
            "--name", default="", help="of the run and the new model (default: from the base)"
        )
        parser.add_argument("--wait", action="store_true", help="do the work here and now")

    def act(self, **options: Any) -> dict[str, Any]:
        if options["presets"]:
            return {"presets": [preset_facts(preset) for preset in listed(options["method"])]}
        if missing := [name for name in ("method", "base") if not options[name]]:
            raise CommandError(
                f"Not given: {', '.join(missing)}. See `train --help`.", returncode=2
            )
        team = team_named(options["team"])
        run = self.start(team, options)
        if options["wait"]:
            self.wait(run)
        return training_facts(run)

    def start(self, team: Team, options: dict[str, Any]) -> TrainingRun:
        chosen = {
            "method": options["method"],
            "base": model_named(team, options["base"]),
            "config": read_config(options["config"]),
            "name": options["name"],
            "preset": options["preset"],
            "reward_models": [model_named(team, name) for name in options["reward_model"]],
            "user": owner_of(team),
        }
        if options["corpus"]:
            return train_on_corpus(corpus=corpus_named(team, options["corpus"]), **chosen)
        if options["dataset"]:
            return on_release(team, options["dataset"].resolve(), chosen)
        raise CommandError(
            "Name what to learn from: --dataset, the folder of a release, or --corpus.",
            returncode=2,
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
        parts += [f"{name} {values[name]:.4g}" for name in TOLD if name in values]
        if progress.remaining_words:
            parts.append(f"{progress.remaining_words} left")
        self.tell(", ".join(parts))

    def describe(self, report: dict[str, Any]) -> str:
        if "presets" in report:
            rows = [[p["method"], p["name"], p["title"], p["source"]] for p in report["presets"]]
            return text_table(["method", "preset", "", "source"], rows)
        if report["state"] == JobState.DONE:
            measures = ", ".join(f"{k} {v:.4g}" for k, v in report["measures"].items())
            told = f": {measures}" if measures else ""
            return f"{report['result']} is trained after {report['done']} steps{told}."
        return (
            f"Training run {report['training_run']} ({report['name']}) waits for a worker of the "
            "queue gpu."
        )


def listed(method: str | None) -> list[Preset]:
    return presets_of(method) if method else list(PRESETS.values())


def preset_facts(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "method": preset.method,
        "title": preset.title,
        "source": preset.source,
        "values": dict(preset.values),
        "notes": preset.notes,
    }


def on_release(team: Team, folder: Path, chosen: dict[str, Any]) -> TrainingRun:
    try:
        manifest = verify_release(folder)
    except PreferenceFileError as error:
        raise DatasetChangedError(str(error)) from error
    sha256 = manifest["files"][PAIRS_FILE]
    refuse_erased_rows(team, sha256)
    known = release_with(team, sha256, manifest)
    if known is not None:
        return train_on_release(dataset=known, **chosen)
    learns_from_releases(chosen["method"])
    return start_training_run(team=team, dataset_path=folder, dataset_sha256=sha256, **chosen)


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

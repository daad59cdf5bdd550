from __future__ import annotations

import argparse
from typing import Any, get_args

from inference.contracts import GenerationOptions, Modality
from inference.errors import DomainError
from inference.management.base import DomainCommand, owner_of, team_named
from inference.management.waiting import work_until_ended
from inference.models import GenerationRun, JobState
from inference.selectors.names import corpus_named, model_named
from inference.selectors.runs import run_facts, run_progress
from inference.services.generation import create_generation_run, run_generation

DEFAULTS = GenerationOptions()


class Command(DomainCommand):
    help = (
        "Let a model answer the stimuli of a corpus. Without --wait the run waits for a worker of "
        "the queue gpu; with --wait this command is the worker and reports until the run ends."
    )
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--model", required=True, metavar="NAME", help="see `models`")
        parser.add_argument("--corpus", required=True, metavar="NAME", help="whose stimuli")
        parser.add_argument(
            "--split",
            action="append",
            default=[],
            metavar="S",
            help="only dialogues of this split; may be given several times (default: all)",
        )
        parser.add_argument(
            "--limit", type=int, metavar="N", help="only the first N stimuli, in corpus order"
        )
        self.add_options(parser)
        parser.add_argument("--wait", action="store_true", help="do the work here and now")

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        group = parser.add_argument_group("how the model answers")
        group.add_argument(
            "--modality",
            choices=get_args(Modality),
            default=DEFAULTS.modality,
            help="what it sees: video and audio, audio, video, or text alone (default: av)",
        )
        group.add_argument(
            "--seed", type=int, default=DEFAULTS.seed, metavar="S", help="(default: %(default)s)"
        )
        group.add_argument(
            "--temperature",
            type=float,
            default=DEFAULTS.temperature,
            metavar="T",
            help="0 always takes the likeliest word (default: %(default)s)",
        )
        group.add_argument(
            "--top-p", type=float, default=DEFAULTS.top_p, metavar="P", help="(default: 1)"
        )
        group.add_argument(
            "--max-new-tokens",
            type=int,
            default=DEFAULTS.max_new_tokens,
            metavar="N",
            help="(default: %(default)s)",
        )
        group.add_argument(
            "--batch-size",
            type=int,
            default=DEFAULTS.batch_size,
            metavar="N",
            help="stimuli answered together (default: %(default)s)",
        )

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        run = create_generation_run(
            team=team,
            model_version=model_named(team, options["model"]),
            corpus=corpus_named(team, options["corpus"]),
            splits=options["split"],
            limit=options["limit"],
            options=GenerationOptions(
                modality=options["modality"],
                max_new_tokens=options["max_new_tokens"],
                temperature=options["temperature"],
                top_p=options["top_p"],
                batch_size=options["batch_size"],
                seed=options["seed"],
            ),
            user=owner_of(team),
        )
        if options["wait"]:
            self.wait(run)
        return run_facts(run)

    def wait(self, run: GenerationRun) -> None:
        self.tell(f"Run {run.pk}: {run.model_version} answers {run.total} stimuli.")
        self.shown = -1
        work_until_ended(
            run, lambda: run_generation(run.pk, on_chunk=self.show), lambda: self.show(run)
        )
        if run.state != JobState.DONE:
            raise DomainError(run.error or f"Run {run.pk} was cancelled.")

    def show(self, run: GenerationRun) -> None:
        if run.done == self.shown:
            return
        self.shown = run.done
        progress = run_progress(run)
        parts = [f"{progress.done}/{progress.total}", f"{progress.percent:.0f} %"]
        if progress.rate:
            parts.append(f"{progress.rate:.2f} responses/s")
        if progress.remaining:
            parts.append(f"{progress.remaining_words} left")
        self.tell(", ".join(parts))

    def describe(self, report: dict[str, Any]) -> str:
        if report["state"] == JobState.DONE:
            return f"Run {report['run']} is done: {report['done']} of {report['total']} answered."
        return (
            f"Run {report['run']} over {report['total']} stimuli waits for a worker of the queue "
            "gpu. `manage.py runs` shows how far it is."
        )

from __future__ import annotations

import argparse
from typing import Any, get_args

from inference.contracts import ClipScope, GenerationOptions, HistoryForm, Modality, Task
from inference.management.base import DomainCommand, owner_of, team_named
from inference.management.money import amount
from inference.management.run_waiting import ended_words, wait_for_run
from inference.models import JobState
from inference.selectors.endpoints import modalities_of
from inference.selectors.names import corpus_named, model_named
from inference.selectors.runs import run_facts
from inference.services.generation import create_generation_run

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
        parser.add_argument(
            "--budget",
            type=amount,
            metavar="AMOUNT",
            help="what a model behind an address may cost: the run stops there and can be resumed "
            "with more, see `resume_run` (default: no limit)",
        )
        self.add_options(parser)
        parser.add_argument("--wait", action="store_true", help="do the work here and now")

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        group = parser.add_argument_group("how the model answers")
        group.add_argument(
            "--modality",
            choices=get_args(Modality),
            help="what it sees: video and audio, audio, video, or text alone (default: the most "
            "that the model takes)",
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
            help="stimuli answered together; changes no answer (default: %(default)s)",
        )
        self.add_more_options(group)

    def add_more_options(self, group: argparse._ArgumentGroup) -> None:
        group.add_argument(
            "--samples",
            type=int,
            default=DEFAULTS.samples,
            metavar="N",
            help="answers a stimulus; several need a temperature above 0 (default: %(default)s)",
        )
        group.add_argument(
            "--clips",
            choices=get_args(ClipScope),
            default=DEFAULTS.clips,
            help="the newest clips of the turns that are answered, or of the client in the whole "
            "dialogue up to there; as many as the model takes (default: %(default)s)",
        )
        group.add_argument(
            "--history",
            choices=get_args(HistoryForm),
            default=DEFAULTS.history,
            help="the dialogue before: compressed by the model, as text, or left out "
            "(default: %(default)s)",
        )
        group.add_argument(
            "--free-labels",
            action="store_true",
            help="let the model write its labels freely instead of choosing among the known ones",
        )
        group.add_argument(
            "--as-published",
            action="store_true",
            help="treat media and prompt as the published code does",
        )
        group.add_argument(
            "--task",
            choices=get_args(Task),
            default=DEFAULTS.task,
            help="emotion: name only the client's emotion, from the clip alone "
            "(default: %(default)s)",
        )
        group.add_argument(
            "--emotions",
            nargs="+",
            default=[],
            metavar="E",
            help="labels of the task emotion (default: the canonical ones)",
        )

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        model = model_named(team, options["model"])
        run = create_generation_run(
            team=team,
            model_version=model,
            corpus=corpus_named(team, options["corpus"]),
            splits=options["split"],
            limit=options["limit"],
            options=GenerationOptions(
                modality=options["modality"] or modalities_of(model)[0],
                max_new_tokens=options["max_new_tokens"],
                temperature=options["temperature"],
                top_p=options["top_p"],
                batch_size=options["batch_size"],
                seed=options["seed"],
                samples=options["samples"],
                clips=options["clips"],
                history=options["history"],
                constrain_labels=not options["free_labels"],
                as_published=options["as_published"],
                task=options["task"],
                emotions=tuple(options["emotions"]),
            ),
            user=owner_of(team),
            budget=options["budget"],
        )
        if options["wait"]:
            wait_for_run(run, self.tell)
        return run_facts(run)

    def describe(self, report: dict[str, Any]) -> str:
        if report["state"] == JobState.DONE:
            return ended_words(report)
        return (
            f"Run {report['run']} over {report['total']} answers waits for a worker of the queue "
            "gpu. `manage.py runs` shows how far it is."
        )

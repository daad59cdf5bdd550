from __future__ import annotations

import argparse
from typing import Any

from inference.contracts import GenerationOptions
from inference.management.base import DomainCommand, owner_of, team_named, text_table
from inference.management.run_waiting import wait_for_run
from inference.models import RunGroup
from inference.selectors.names import corpus_named, model_named
from inference.selectors.run_groups import runs_of_group
from inference.selectors.run_options import MODALITY_NAMES, options_of
from inference.selectors.runs import failures_by_run, run_facts
from inference.services.modalities import compare_modalities

DEFAULTS = GenerationOptions()


class Command(DomainCommand):
    help = (
        "Let a model answer the client turns of a corpus that have a clip with video and audio, "
        "with each alone, and by text alone: one run for each that the model and the clips allow, "
        "with the same options and seed. Asked again, it names the same runs."
    )
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--model", required=True, metavar="NAME", help="see `models`")
        parser.add_argument("--corpus", required=True, metavar="NAME", help="whose client turns")
        parser.add_argument(
            "--split",
            action="append",
            default=[],
            metavar="S",
            help="only dialogues of this split; may be given several times (default: all)",
        )
        parser.add_argument(
            "--limit", type=int, metavar="N", help="only the first N with a clip, in corpus order"
        )
        parser.add_argument(
            "--seed", type=int, default=DEFAULTS.seed, metavar="S", help="(default: %(default)s)"
        )
        parser.add_argument(
            "--max-new-tokens",
            type=int,
            default=DEFAULTS.max_new_tokens,
            metavar="N",
            help="(default: %(default)s)",
        )
        parser.add_argument("--wait", action="store_true", help="do the work here and now")

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        group = compare_modalities(
            model=model_named(team, options["model"]),
            corpus=corpus_named(team, options["corpus"]),
            splits=options["split"],
            limit=options["limit"],
            options=GenerationOptions(
                seed=options["seed"], max_new_tokens=options["max_new_tokens"]
            ),
            user=owner_of(team),
        )
        if options["wait"]:
            for run in runs_of_group(group):
                wait_for_run(run, self.tell)
        return group_report(group)

    def describe(self, report: dict[str, Any]) -> str:
        rows = [
            (MODALITY_NAMES[run["options"]["modality"]], run["run"], run["state"], answers(run))
            for run in report["runs"]
        ]
        table = text_table(("PERCEIVES", "RUN", "STATE", "ANSWERS"), rows)
        return f"{report['group']}\n\n{table}"


def group_report(group: RunGroup) -> dict[str, Any]:
    runs = runs_of_group(group)
    failures = failures_by_run(runs)
    facts = [run_facts(run, failures.get(run.pk, [])) for run in runs]
    for run, told in zip(runs, facts, strict=True):
        told["options"] = told["options"] | {"modality": options_of(run).modality}
    return {"group": group.name, "id": group.pk, "runs": facts}


def answers(run: dict[str, Any]) -> str:
    return f"{run['done']} of {run['total']}"

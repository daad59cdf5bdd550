from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from inference.management.base import DomainCommand, owner_of, team_named
from inference.selectors.names import corpus_named
from inference.services.imported_responses import ResponsesReport, import_responses


class Command(DomainCommand):
    help = (
        "Import responses that models gave elsewhere, as models of their own: all of the file, or "
        "nothing. docs/importing_responses.md describes the columns."
    )
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("path", type=Path, metavar="FILE", help="CSV or JSON Lines")
        parser.add_argument(
            "--corpus", metavar="NAME", required=True, help="whose client turns were answered"
        )
        parser.add_argument(
            "--about",
            metavar="TEXT",
            default="",
            help="for the models' cards: who made them, how they were asked, under which licence",
        )
        parser.add_argument(
            "--leave-out-unmatched",
            action="store_true",
            help="leave out rows that belong to no client turn of the corpus, instead of refusing",
        )
        parser.add_argument(
            "--without-runs",
            action="store_true",
            help="register the models only; a study can use them after a run of `generate`",
        )

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        report = import_responses(
            team=team,
            corpus=corpus_named(team, options["corpus"]),
            path=options["path"],
            about=options["about"],
            leave_out_unmatched=options["leave_out_unmatched"],
            with_runs=not options["without_runs"],
            user=owner_of(team),
        )
        return summary(report)

    def describe(self, report: Any) -> str:
        lines = [_line(model) for model in report["models"]]
        if report["failed"]:
            lines.append(f"Left out: {report['failed']:,} rows that say there is no response.")
        if report["blank"]:
            lines.append(f"Left out: {report['blank']:,} rows whose text is blank.")
        if report["unmatched"]:
            lines.append(f"Left out: {report['unmatched']:,} rows of no client turn here.")
        return "\n".join(lines)


def _line(model: dict[str, Any]) -> str:
    run = f", run {model['run']}" if model["run"] else ""
    if not model["created"]:
        return f"“{model['name']}” is there already, with the same responses{run}."
    return (
        f"Imported “{model['name']}”: {model['responses']:,} responses to {model['stimuli']:,} "
        f"client turns{run}."
    )


def summary(report: ResponsesReport) -> dict[str, Any]:
    return {
        "corpus": report.contents.corpus.name,
        "changed": report.changed,
        "failed": report.contents.failed,
        "blank": report.contents.blank,
        "unmatched": report.contents.unmatched,
        "models": [
            {
                "name": one.model.name,
                "id": one.model.pk,
                "created": one.created,
                "responses": one.model.config["responses"],
                "stimuli": one.model.config["stimuli"],
                "run": one.run.pk if one.run else None,
            }
            for one in report.models
        ],
    }

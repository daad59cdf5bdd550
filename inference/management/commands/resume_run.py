from __future__ import annotations

import argparse
from typing import Any

from inference.management.base import DomainCommand, team_named
from inference.management.commands.answer_again import run_numbered
from inference.management.money import amount
from inference.management.run_waiting import ended_words, wait_for_run
from inference.models import JobState
from inference.selectors.runs import run_facts
from inference.services.generation import resume_generation_run


class Command(DomainCommand):
    help = (
        "Go on with a run that was cancelled, has failed or has reached its budget. Answers that "
        "are there stay, and none is paid for twice."
    )
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("run", type=int, metavar="RUN", help="number of the run, see `runs`")
        parser.add_argument(
            "--budget",
            type=amount,
            metavar="AMOUNT",
            help="what it may spend in all, with what it has spent (default: as before)",
        )
        parser.add_argument("--wait", action="store_true", help="do the work here and now")

    def act(self, **options: Any) -> dict[str, Any]:
        run = run_numbered(team_named(options["team"]), options["run"])
        resume_generation_run(run, options["budget"])
        run.refresh_from_db()
        if options["wait"]:
            wait_for_run(run, self.tell)
        return run_facts(run)

    def describe(self, report: dict[str, Any]) -> str:
        if report["state"] == JobState.DONE:
            return ended_words(report)
        left = report["total"] - report["done"]
        return f"Run {report['run']} waits for a worker of the queue gpu to give {left} answers."

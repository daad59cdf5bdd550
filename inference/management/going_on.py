"""What the commands have in common that let a run go on."""

from __future__ import annotations

import argparse
from decimal import Decimal
from typing import Any

from inference.errors import UnknownNameError
from inference.management.base import DomainCommand, team_named
from inference.management.money import amount
from inference.management.run_waiting import ended_words, wait_for_run
from inference.models import GenerationRun, JobState
from inference.selectors.runs import run_facts, runs_of_team
from mood_eval.models import Team


class GoOnCommand(DomainCommand):
    """Names a run and what it may spend; a subclass says what `go_on` does to it."""

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
        self.go_on(run, options["budget"])
        run.refresh_from_db()
        if options["wait"]:
            wait_for_run(run, self.tell)
        return run_facts(run)

    def go_on(self, run: GenerationRun, budget: Decimal | None) -> None:
        raise NotImplementedError

    def describe(self, report: dict[str, Any]) -> str:
        if report["state"] == JobState.DONE:
            return ended_words(report)
        left = report["total"] - report["done"]
        return f"Run {report['run']} waits for a worker of the queue gpu to give {left} answers."


def run_numbered(team: Team, number: int) -> GenerationRun:
    run = runs_of_team(team).filter(pk=number).first()
    if run is None:
        raise UnknownNameError(f"The team has no run {number}: `manage.py runs` lists them.")
    return run

from __future__ import annotations

import argparse
from typing import Any

from inference.management.base import DomainCommand, team_named, text_table
from inference.management.run_waiting import spent_words
from inference.selectors.model_calls import Spending, spending_by_run
from inference.selectors.runs import failures_by_run, run_facts, runs_of_team


class Command(DomainCommand):
    help = "List the generation runs of a team, newest first."
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--last", type=int, default=50, metavar="N", help="at most N runs (default: 50)"
        )

    def act(self, **options: Any) -> list[dict[str, Any]]:
        runs = list(runs_of_team(team_named(options["team"]))[: max(options["last"], 0)])
        failures, spending = failures_by_run(runs), spending_by_run(runs)
        return [
            run_facts(run, failures.get(run.pk, []), spending.get(run.pk, Spending()))
            for run in runs
        ]

    def describe(self, report: list[dict[str, Any]]) -> str:
        if not report:
            return "No run yet: `manage.py generate --help`."
        rows = [
            (
                *(r["run"], r["model"], r["corpus"], r["state"], f"{r['done']}/{r['total']}"),
                sum(failure["stimuli"] for failure in r["not_answered"]),
                spent_words(r),
                r["error"] or (r["not_answered"][0]["reason"] if r["not_answered"] else ""),
            )
            for r in report
        ]
        columns = ("RUN", "MODEL", "CORPUS", "STATE", "DONE", "FAILED", "SPENT", "WHY")
        return text_table(columns, rows)

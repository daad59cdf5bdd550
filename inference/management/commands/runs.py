from __future__ import annotations

import argparse
from typing import Any

from inference.management.base import DomainCommand, team_named, text_table
from inference.selectors.runs import run_facts, runs_of_team


class Command(DomainCommand):
    help = "List the generation runs of a team, newest first."
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--last", type=int, default=50, metavar="N", help="at most N runs (default: 50)"
        )

    def act(self, **options: Any) -> list[dict[str, Any]]:
        runs = runs_of_team(team_named(options["team"]))
        return [run_facts(run) for run in runs[: max(options["last"], 0)]]

    def describe(self, report: list[dict[str, Any]]) -> str:
        if not report:
            return "No run yet: `manage.py generate --help`."
        rows = [
            (r["run"], r["model"], r["corpus"], r["state"], f"{r['done']}/{r['total']}", r["error"])
            for r in report
        ]
        return text_table(("RUN", "MODEL", "CORPUS", "STATE", "DONE", "ERROR"), rows)

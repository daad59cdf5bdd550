from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from annotations.selectors.results import find_study, study_results
from inference.management.base import DomainCommand, team_named, text_table


class Command(DomainCommand):
    help = "Report Krippendorff's alpha per criterion, with what is missing and what is undefined."
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("study", metavar="STUDY", help="name or number of the study")

    def act(self, **options: Any) -> dict[str, Any]:
        return asdict(study_results(find_study(team_named(options["team"]), options["study"])))

    def describe(self, report: dict[str, Any]) -> str:
        lines = [
            f"{report['name']} ({report['state']}): {report['submitted']} of "
            f"{report['assignments']} assignments submitted by {report['raters']} raters."
        ]
        for part in report["parts"]:
            lines += ["", f"Part {part['position']}, {part['design']}: {part['instrument']}"]
            lines.append(text_table(COLUMNS, [_row(found) for found in part["criteria"]]))
            lines += [f"{found['name']}: {found['sentence']}" for found in part["criteria"]]
        return "\n".join(lines)


COLUMNS = ("criterion", "alpha", "exact %", "items", "in common", "raters", "ratings", "missing")


def _row(found: dict[str, Any]) -> tuple[object, ...]:
    result = found["agreement"]
    return (
        found["slug"],
        _number(result["alpha"]["value"], 3),
        _number(result["percent_exact"]["value"], 1),
        result["items"],
        result["pairable_items"],
        result["raters"],
        result["ratings"],
        sum(result["missing"].values()),
    )


def _number(value: float | None, digits: int) -> str:
    return "undefined" if value is None else f"{value:.{digits}f}"

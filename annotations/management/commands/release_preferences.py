from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotations.preferences import STEPS
from annotations.selectors.results import find_study
from annotations.services.datasets import DEFAULT_MARGIN, find_or_release
from inference.management.base import DomainCommand, owner_of, team_named


class Command(DomainCommand):
    help = "Release a study's preference pairs as an immutable dataset and copy it to a folder."
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("study", metavar="STUDY", help="name or number of the study")
        parser.add_argument(
            "--out", metavar="DIR", type=Path, required=True, help="new or empty folder to copy to"
        )
        parser.add_argument(
            "--margin",
            metavar="POINTS",
            type=int,
            default=DEFAULT_MARGIN,
            help="least difference of one rater's scores that counts (default: %(default)s)",
        )
        parser.add_argument(
            "--criteria",
            metavar="SLUG",
            nargs="+",
            help="only these (default: the overall choice where asked, otherwise all)",
        )

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        dataset, created = find_or_release(
            study=find_study(team, options["study"]),
            out=options["out"],
            margin=options["margin"],
            criteria=options["criteria"],
            user=owner_of(team),
        )
        return {
            "dataset": dataset.pk,
            "version": dataset.version,
            "created": created,
            "folder": str(options["out"]),
            "rows": dataset.rows,
            "sha256": dataset.sha256,
            "counts": dataset.manifest["counts"],
        }

    def describe(self, report: dict[str, Any]) -> str:
        made = (
            f"Release {report['version']} was made"
            if report["created"]
            else f"Nothing has changed since release {report['version']}; it was copied"
        )
        counts = "\n".join(f"  {label}: {report['counts'][name]}" for name, label in STEPS.items())
        return (
            f"{made} to {report['folder']}: {report['rows']} pairs, sha256 {report['sha256']}.\n"
            f"{counts}"
        )

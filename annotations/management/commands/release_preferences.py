from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotations.derivation.steps import STEPS
from annotations.management.rule_options import add_rule_options, rules_of
from annotations.selectors.studies import find_study
from annotations.services.datasets import find_or_release
from inference.management.base import DomainCommand, owner_of, team_named


class Command(DomainCommand):
    help = "Release a study's preferences as an immutable dataset and copy it to a folder."
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("study", metavar="STUDY", help="name or number of the study")
        parser.add_argument(
            "--out", metavar="DIR", type=Path, required=True, help="new or empty folder to copy to"
        )
        add_rule_options(parser)

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        dataset, created = find_or_release(
            study=find_study(team, options["study"]),
            rules=rules_of(options),
            out=options["out"],
            user=owner_of(team),
        )
        manifest = dataset.manifest
        return {
            "dataset": dataset.pk,
            "version": dataset.version,
            "created": created,
            "folder": str(options["out"]),
            "rows": dataset.rows,
            "sha256": dataset.sha256,
            "counts": manifest["counts"],
            "barred": manifest["barred"],
            "splits": manifest["splits"],
            "files": manifest["files"],
        }

    def describe(self, report: dict[str, Any]) -> str:
        made = (
            f"Release {report['version']} was made"
            if report["created"]
            else f"Nothing has changed since release {report['version']}; it was copied"
        )
        counts = [f"  {label}: {report['counts'][name]}" for name, label in STEPS.items()]
        splits = [
            f"  Split {name or 'without a name'}: {its['pairs']} pairs from {its['groups']} "
            "sessions or clients"
            for name, its in report["splits"].items()
        ]
        return "\n".join(
            [
                f"{made} to {report['folder']}: {report['rows']} pairs, sha256 {report['sha256']}.",
                *counts,
                *splits,
            ]
        )

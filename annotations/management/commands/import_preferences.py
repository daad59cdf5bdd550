from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotations.imports import FORMATS, ReadOptions
from annotations.management.rule_options import add_rule_options, rules_of
from annotations.services.dataset_imports import ImportRequest, import_dataset
from inference.management.base import DomainCommand, owner_of, team_named


class Command(DomainCommand):
    help = (
        "Import preferences made elsewhere as a dataset: TRL, OpenRLHF, LLaMA-Factory, Label "
        "Studio, Potato, or a release of MoodEval. docs/importing_preferences.md."
    )
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "files", metavar="FILE", nargs="+", type=Path, help="files, folders or zips"
        )
        parser.add_argument("--name", required=True, help="what the dataset is called")
        parser.add_argument(
            "--format", choices=FORMATS, default="", help="default: recognised from the files"
        )
        parser.add_argument(
            "--licence", required=True, help="licence or agreement under which you hold the data"
        )
        parser.add_argument(
            "--consent-declared",
            action="store_true",
            help="you declare: the people whose answers these are agreed that models are trained "
            "on them",
        )
        for name, what in (
            ("context", "what the client said"),
            ("first", "the first (left) response"),
            ("second", "the second (right) response"),
        ):
            parser.add_argument(
                f"--{name}-field", metavar="FIELD", default="", help=f"data field that holds {what}"
            )
        parser.add_argument(
            "--rating-field",
            metavar="FIELD",
            action="append",
            default=[],
            help="field of Label Studio's JSON_MIN or CSV whose plain numbers raters gave; may be "
            "repeated",
        )
        add_rule_options(parser)

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        fields = {name: options[f"{name}_field"] for name in ("context", "first", "second")}
        dataset, created = import_dataset(
            team=team,
            paths=options["files"],
            name=options["name"],
            licence=options["licence"],
            consent_declared=options["consent_declared"],
            request=ImportRequest(
                options["format"],
                rules_of(options),
                ReadOptions(**fields, ratings=tuple(options["rating_field"])),
            ),
            user=owner_of(team),
        )
        manifest = dataset.manifest
        return {
            "dataset": dataset.pk,
            "name": dataset.name,
            "version": dataset.version,
            "created": created,
            "format": manifest["source"]["format"],
            "recognised": manifest["source"]["recognised"],
            "rows": dataset.rows,
            "sha256": dataset.sha256,
            "left_out": manifest["left_out"],
            "noted": manifest.get("noted", {}),
            "counts": manifest["counts"],
        }

    def describe(self, report: dict[str, Any]) -> str:
        made = "is imported" if report["created"] else "was there already"
        left_out = "\n".join(f"  {count}  {what}" for what, count in report["left_out"].items())
        noted = "".join(f"\nRead with care: {n} {what}" for what, n in report["noted"].items())
        return (
            f"{report['name']}, release {report['version']}, {made}: {report['rows']} pairs, "
            f"sha256 {report['sha256']}.\n"
            f"Read as {report['format']}. {report['recognised']}\n"
            f"Left out:\n{left_out or '  nothing'}{noted}"
        )

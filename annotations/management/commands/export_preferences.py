from __future__ import annotations

import hashlib
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotations.exports.formats import FORMATS, Download
from annotations.selectors.named_releases import find_release
from annotations.services.datasets import FolderTakenError
from annotations.services.exports import export_release
from inference.management.base import DomainCommand, team_named


class Command(DomainCommand):
    help = "Write a release in the format of whoever reads it: " + ", ".join(FORMATS) + "."
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "dataset", metavar="DATASET", help="number of a release, or name of a study or dataset"
        )
        parser.add_argument(
            "--release", metavar="N", type=int, help="which of that name (default: the newest)"
        )
        parser.add_argument("--format", required=True, choices=list(FORMATS), help="see docs")
        parser.add_argument(
            "--out", metavar="PATH", type=Path, required=True, help="new file, or a folder for it"
        )
        parser.add_argument(
            "--fields",
            choices=["response", "all"],
            default="response",
            help="of replies: their text, or all four lines where raters saw them "
            "(default: %(default)s)",
        )
        parser.add_argument("--splits", metavar="NAME", nargs="+", help="only these (default: all)")
        parser.add_argument(
            "--media",
            choices=["reference", "copied"],
            default="reference",
            help="clips by path and hash, or their files where a right to pass them on is "
            "recorded (default: %(default)s)",
        )

    def act(self, **options: Any) -> dict[str, Any]:
        dataset = find_release(team_named(options["team"]), options["dataset"], options["release"])
        download = export_release(
            dataset,
            options["format"],
            fields=options["fields"],
            splits=options["splits"],
            media=options["media"],
        )
        out: Path = options["out"]
        file = out / download.file_name if out.is_dir() else out
        return {
            "dataset": dataset.pk,
            "version": dataset.version,
            "file": str(file),
            "sha256": written(download, file),
            **download.summary,
        }

    def describe(self, report: dict[str, Any]) -> str:
        rows = ", ".join(f"{split or 'all'} {count}" for split, count in report["rows"].items())
        left_out = [
            f"  Left out: {report['left_out'][name]} {words}."
            for name, words in report["left_out_in_words"].items()
        ]
        return "\n".join(
            [
                f"{report['file']}: release {report['version']} as {report['format']}, "
                f"sha256 {report['sha256']}.",
                f"  Rows: {rows}.",
                *left_out,
            ]
        )


def written(download: Download, file: Path) -> str:
    """The sha256. The file is there once it is whole, and never in place of another."""
    if file.exists():
        raise FolderTakenError(f"{file} is there already. Name a new file.")
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial-{os.getpid()}")
    digest = hashlib.sha256()
    try:
        with partial.open("wb") as target:
            for chunk in download.chunks:
                digest.update(chunk)
                target.write(chunk)
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
    return digest.hexdigest()

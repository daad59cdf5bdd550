from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from inference.corpora import READERS
from inference.management.base import DomainCommand, owner_of, team_named
from inference.services.imports import ImportReport, import_dialogues


class Command(DomainCommand):
    help = (
        "Import a corpus of dialogues: all of it, or nothing. "
        "docs/corpus_format.md describes the formats."
    )
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--format", required=True, choices=sorted(READERS))
        parser.add_argument(
            "--corpus", metavar="NAME", default="", help="default: the format's or the file's name"
        )
        parser.add_argument(
            "--media-rights",
            metavar="TEXT",
            default="",
            help="who allowed passing the clips on, and where that is recorded; "
            "without it no export holds them",
        )
        parser.add_argument(
            "paths",
            nargs="+",
            type=Path,
            metavar="PATH",
            help="MESC: MESC.csv, alone or with train.json, val.json, test.json",
        )

    def act(self, **options: Any) -> dict[str, object]:
        team = team_named(options["team"])
        report = import_dialogues(
            team=team,
            format=options["format"],
            paths=options["paths"],
            corpus_name=options["corpus"],
            media_rights=options["media_rights"],
            user=owner_of(team),
        )
        return summary(report)

    def describe(self, report: Any) -> str:
        name, counts = report["corpus"], report["counts"]
        there = f"{counts['unchanged_dialogues']:,} dialogues were there already"
        if not report["changed"]:
            return f"Nothing changed in “{name}”: {there}, with the same content."
        added = (
            f"Imported {counts['dialogues']:,} dialogues of {counts['sessions']:,} new sessions "
            f"into “{name}”: {counts['turns']:,} turns ({counts['client_turns']:,} client, "
            f"{counts['therapist_turns']:,} therapist), {counts['stimuli']:,} stimuli "
            f"({counts['followed_stimuli']:,} followed by a therapist turn), "
            f"{counts['clips']:,} clips."
        )
        lines = [added, f"Licence: {report['licence'] or 'not stated'}."]
        if counts["unchanged_dialogues"]:
            lines.append(f"{there[0].upper()}{there[1:]}.")
        return "\n".join([*lines, *([report["note"]] if report["note"] else [])])


def summary(report: ImportReport) -> dict[str, object]:
    return {
        "corpus": report.corpus.name,
        "corpus_id": report.corpus.pk,
        "changed": report.changed,
        "licence": report.corpus.licence,
        "note": report.corpus.note,
        "counts": dict(report.counts),
    }

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inference.errors import DomainError, UnknownNameError
from inference.management.base import DomainCommand, team_named, text_table
from inference.models import GenerationRun
from inference.recognition.tables import confusion_rows, csv_lines
from inference.selectors.recognition import (
    LABEL_KIND,
    prediction_lines,
    recognition_facts,
    recognition_of_runs,
    repeats_the_corpus,
)


class Command(DomainCommand):
    help = (
        "Compare the client emotions that a run named with the labels of its corpus: UAR, WAR, "
        "confusion matrix, calibration. docs/recognition.md explains the figures."
    )
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--run",
            type=int,
            required=True,
            action="append",
            metavar="N",
            help="see `runs`; several together are one evaluation over folds, each with its model",
        )
        parser.add_argument(
            "--out",
            type=Path,
            metavar="DIR",
            help="also write confusion.csv and predictions.csv into this folder",
        )

    def act(self, **options: Any) -> dict[str, Any]:
        runs = [self.run_named(options["team"], number) for number in dict.fromkeys(options["run"])]
        found = recognition_of_runs(runs)
        if not found.scores.n:
            raise DomainError(
                "There is no answer to a client turn with an emotion label "
                f"({found.answers} answers, {found.unlabelled} without a label in the corpus)."
            )
        if options["out"]:
            confusion = csv_lines(confusion_rows(found.scores.confusion))
            self.write(options["out"], "confusion.csv", confusion)
            self.write(options["out"], "predictions.csv", prediction_lines(runs))
        return recognition_facts(runs, found)

    def run_named(self, team_name: str | None, number: int) -> GenerationRun:
        team = team_named(team_name)
        runs = GenerationRun.objects.filter(team=team).select_related("model_version", "corpus")
        run = runs.filter(pk=number).first()
        if run is None:
            raise UnknownNameError(f"{team} has no run {number}. `manage.py runs` lists them.")
        if repeats_the_corpus(run):
            raise DomainError(
                f"Run {number} repeats what people said, with the corpus' own labels: nothing was "
                "recognised in it."
            )
        return run

    def write(self, folder: Path, name: str, lines: Iterable[str]) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        except OSError as error:
            raise DomainError(f"{folder / name} cannot be written: {error.strerror}.") from error
        self.tell(f"Wrote {folder / name}.")

    def describe(self, report: dict[str, Any]) -> str:
        runs = ", run ".join(f"{row['run']} of {row['model']}" for row in report["runs"])
        paragraphs = [
            f"Run {runs} on {report['corpus']}: {report['n']} client turns with a {LABEL_KIND}, "
            f"{report['unread']} of them unread (counted as wrong).",
            figures(report),
            text_table(
                ("LABEL", "CLIPS", "RECALL", "PRECISION", "F1"),
                [
                    (
                        row["label"],
                        row["n"],
                        *(share(row[k]) for k in ("recall", "precision", "f1")),
                    )
                    for row in report["classes"]
                ],
            ),
            text_table(
                ("LABEL \\ NAMED", *report["confusion"]["columns"]),
                [
                    (label, *counts)
                    for label, counts in zip(
                        report["confusion"]["rows"], report["confusion"]["counts"], strict=True
                    )
                ],
            ),
        ]
        if report["published"]:
            paragraphs.append(published(report))
        return "\n\n".join(paragraphs)


def figures(report: dict[str, Any]) -> str:
    rows = [("UAR", share(report["uar"])), ("WAR", share(report["war"]))]
    if report["war_by_group"]["value"] is not None:
        rows.append(("WAR, by session", share(report["war_by_group"])))
    rows.append(("macro F1", share(report["macro_f1"])))
    if len(report["folds"]) > 1:
        rows += [
            (f"{name}, {fold['fold']}", share(fold[name.lower()]))
            for fold in (*report["folds"], report["mean_over_folds"])
            for name in ("UAR", "WAR")
        ]
    rows += [
        (f"{name}, {baseline['name']}", share(baseline[name.lower()]))
        for baseline in report["baselines"]
        for name in ("UAR", "WAR")
    ]
    rows.append(("calibration error", share(report["calibration"]["ece"])))
    return text_table(("FIGURE", "VALUE"), rows)


def published(report: dict[str, Any]) -> str:
    rows = [
        (row["system"], f"{100 * row['uar']:.2f}", f"{100 * row['war']:.2f}", row["source"])
        for row in report["published"]
    ]
    note = report["published_note"]
    table = text_table(("PUBLISHED", "UAR %", "WAR %", "SOURCE"), rows)
    return f"{table}\n{note}" if note else table


def share(estimate: dict[str, Any]) -> str:
    if estimate["value"] is None:
        return f"undefined: {estimate['undefined_because']}"
    text = f"{100 * estimate['value']:.2f} %"
    if interval := estimate["interval"]:
        text += (
            f" (95 % {100 * interval['low']:.2f} to {100 * interval['high']:.2f}, "
            f"{interval['method']})"
        )
    elif estimate["no_interval_because"]:
        text += f" (no interval: {estimate['no_interval_because']})"
    return text

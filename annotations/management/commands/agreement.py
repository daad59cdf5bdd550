from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from annotations.analysis.filters import ResultsFilter
from annotations.analysis.study_tables import part_tables
from annotations.management.agreement_text import figures_text, study_text
from annotations.management.analysing import analysed
from annotations.models import Study
from annotations.selectors.analyses import contrasts_open
from annotations.selectors.results_report import results_document
from annotations.selectors.studies import find_study
from annotations.services.analyses import read_parts
from annotations.statistics.alpha_levels import LEVELS
from annotations.statistics.comparison_files import comparisons_of, compute_preferences
from annotations.statistics.comparisons import ComparisonsError
from annotations.statistics.delimited import Sheet, read_sheet
from annotations.statistics.estimate import Estimate
from annotations.statistics.ratings import RatingsError, Scale
from annotations.statistics.registry import UnknownStatisticError, compute
from annotations.statistics.table_files import (
    LAYOUTS,
    Layout,
    layout_of,
    tables_of,
    unused_columns,
)
from inference.errors import DomainError, WrongStateError
from inference.management.base import DomainCommand, Refused, team_named

DRAWING = ("confidence", "seed", "resamples")
COMPUTED = ("statistics", "level", *DRAWING)
"""Options that ask for other figures than those of the results pages."""
NUMBER = r"-?(?:\d+\.?\d*|\.\d+)"
SCALE = re.compile(rf"({NUMBER})-({NUMBER})(?:/({NUMBER}))?", re.ASCII)
ABOUT_STUDY = (
    *("study", "name", "state", "assignments", "submitted", "raters", "current"),
    "data_sha256",
)


class Command(DomainCommand):
    help = (
        "Report agreement per criterion, of a study or of any table of ratings in a CSV file (long:"
        " item,rater,criterion,value; wide: item and one column a rater; choices between models:"
        " first,second,value)."
    )
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("study", metavar="STUDY", nargs="?", help="its name or number")
        parser.add_argument("--csv", metavar="FILE", type=Path, help="instead of a study")
        parser.add_argument(
            "--statistics",
            metavar="NAME,...",
            type=_names,
            help="names as in docs/statistics.md, or all (default: the usual ones)",
        )
        parser.add_argument(
            "--level",
            choices=LEVELS,
            help="of statistics that have no level in their name (default: ordinal)",
        )
        parser.add_argument("--seed", type=_seed, help="of resampling")
        parser.add_argument("--resamples", type=_resamples, metavar="N")
        parser.add_argument("--confidence", type=_confidence, metavar="SHARE", help="such as 0.95")
        parser.add_argument(
            "--scale",
            type=_scale,
            metavar="LOW-HIGH[/STEP]",
            help="of the ratings in the file, such as 1-10; step 0 for a continuous one",
        )
        parser.add_argument("--layout", choices=LAYOUTS, help="of the file, if it is misread")

    def act(self, **options: Any) -> dict[str, Any]:
        _check_usage(options)
        try:
            if options["csv"] is not None:
                return self.figures_of_file(**options)
            if any(options[name] is not None for name in COMPUTED):
                return figures_of_study(**options)
        except UnknownStatisticError as error:
            raise Refused(str(error), returncode=2) from error
        except (RatingsError, ComparisonsError) as error:
            raise DomainError(str(error)) from error
        return self.report_of_study(**options)

    def figures_of_file(self, **options: Any) -> dict[str, Any]:
        sheet = read_sheet(options["csv"])
        layout = options["layout"] or layout_of(sheet)
        if layout == "pairs" and (options["scale"] is not None or options["level"] is not None):
            raise Refused("Choices between models have no --scale and no --level.", returncode=2)
        names = options["statistics"] or ()
        if layout == "pairs":
            tables = comparisons_of(sheet)
            self.name_unused(sheet, layout)
            return compute_preferences(names, tables, **_given(options, DRAWING))
        found = compute(
            names,
            tables_of(sheet, layout, options["scale"]),
            **_given(options, (*DRAWING, "level")),
        )
        self.name_unused(sheet, layout)
        return _as_json(found)

    def name_unused(self, sheet: Sheet, layout: Layout) -> None:
        unused = unused_columns(sheet, layout)
        if unused:
            self.tell(f"Columns that no statistic reads: {', '.join(unused)}.")

    def report_of_study(self, **options: Any) -> dict[str, Any]:
        study = find_study(team_named(options["team"]), options["study"])
        document = results_document(analysed(study, ResultsFilter(), self.tell))
        about = {name: document[name] for name in ABOUT_STUDY}
        return about | {"parts": document["sections"]["agreement"]["parts"]}

    def describe(self, report: dict[str, Any]) -> str:
        return study_text(report) if "data_sha256" in report else figures_text(report)


def figures_of_study(**options: Any) -> dict[str, Any]:
    """Part/criterion -> statistic -> estimate, as the plan says where the options do not."""
    study = find_study(team_named(options["team"]), options["study"])
    if study.state == Study.State.DRAFT:
        raise WrongStateError("A draft has no answers: launch the study first.")
    parts, settings = read_parts(study, ResultsFilter())
    planned = {name: getattr(settings, name) for name in DRAWING}
    found: dict[str, Any] = {}
    for part in parts:
        tables = part_tables(part, settings, with_contrasts=contrasts_open(study))
        asked = planned | _given(options, (*DRAWING, "level"))
        figures = _as_json(compute(options["statistics"] or (), tables, **asked))
        found |= {f"{part.key}/{criterion}": own for criterion, own in figures.items()}
    return found


def _check_usage(options: dict[str, Any]) -> None:
    if (options["study"] is None) == (options["csv"] is None):
        raise Refused("Name a study, or a file with --csv.", returncode=2)
    if options["csv"] is None and (options["scale"] or options["layout"]):
        raise Refused("--scale and --layout belong to --csv.", returncode=2)


def _given(options: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if options[name] is not None}


def _as_json(found: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
    return {
        criterion: {name: estimate.as_json() for name, estimate in figures.items()}
        for criterion, figures in found.items()
    }


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _seed(text: str) -> int:
    return _at_least(0, text)


def _resamples(text: str) -> int:
    return _at_least(2, text)


def _at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ArgumentTypeError(f"“{text}” is no whole number from {least} on")
    return int(text)


def _confidence(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0
    if not 0 < share < 1:
        raise ArgumentTypeError(f"“{text}” does not lie between 0 and 1, such as 0.95")
    return share


def _scale(text: str) -> Scale:
    found = SCALE.fullmatch(text.strip())
    if found is None:
        raise ArgumentTypeError(f"“{text}” is no scale such as 1-10, or 0-1/0.25")
    low, high, step = found.groups()
    try:
        return Scale(float(low), float(high), float(step or 1))
    except RatingsError as error:
        raise ArgumentTypeError(str(error)) from error

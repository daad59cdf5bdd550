"""Raters who choose between two responses: sides, ties and speed. Nothing here tells which model
anybody prefers, so that it can be shown while the study is open."""

from __future__ import annotations

import numpy as np

from annotations.analysis import words
from annotations.analysis.settings import AnalysisSettings, Section
from annotations.figures.specs import Bar, FigureSpec, StackedBars
from annotations.selectors.study_arrays import PartData

CHOICES = ("A clearly", "A slightly", "no difference", "B slightly", "B clearly")


def pairwise_raters(data: PartData, settings: AnalysisSettings) -> Section:
    counts = side_counts(data)
    columns = ("Rater", "Answers", "For A", "Ties", "For B", "Median seconds an item")
    rows = []
    for place, rater in enumerate(data.raters):
        given = counts[place]
        total = int(given.sum())
        rows.append(
            [
                rater,
                f"{total:,}",
                *(_share(n, total) for n in (given[:2].sum(), given[2], given[3:].sum())),
                seconds_words(data, place),
            ]
        )
    figures: dict[str, FigureSpec] = {}
    if counts.sum():
        figures["use"] = _use(data, counts)
    note = "Choices by the side on which a response was shown, over all questions."
    return Section({"columns": columns, "raters": rows, "note": note, "notes": []}, figures)


def side_counts(data: PartData) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """raters x CHOICES."""
    counts = np.zeros((len(data.raters), len(CHOICES)), dtype=np.int64)
    for answers in data.answers:
        # Stored from the study's first run; here from the side that was shown as A.
        by_side = np.where(data.first_shown == 1, answers.values, -answers.values)
        for place, values in enumerate(by_side):
            given = values[~np.isnan(values)].astype(np.int64)
            counts[place] += np.bincount(given + 2, minlength=len(CHOICES))
    return counts


def seconds_words(data: PartData, place: int) -> str:
    given = data.seconds[place]
    given = given[given > 0]
    return f"{np.median(given):.0f}" if given.size else "\u2013"


def _share(n: int, total: int) -> str:
    return f"{100 * n / total:.0f} %" if total else "\u2013"


def _use(data: PartData, counts: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> StackedBars:
    return StackedBars(
        key=words.figure_key("sides", f"part{data.key}"),
        title="Which side each rater chose",
        description=(
            "Shares of choices for the response shown as A, of ties, and for the one shown as B, "
            f"of {words.counted(len(data.raters), 'rater')}."
        ),
        caption=(
            f"{words.counted(int(counts.sum()), 'choice')} over all questions, by the side shown. "
            f"Sides are balanced within each rater, so that a lean to one side is the rater's. "
            f"{words.BEFORE_ADJUDICATION}"
        ),
        category_name="choice",
        categories=CHOICES,
        bars=tuple(
            Bar(label=rater, counts=tuple(row.tolist()))
            for rater, row in zip(data.raters, counts, strict=True)
        ),
    )

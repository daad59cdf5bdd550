"""Raters who choose the best of several responses, or rank them: at which place the chosen one was
shown, ties and speed. Nothing here tells which model anybody prefers, so that it can be shown while
the study is open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.choices import places_chosen, votes_of
from annotations.analysis.raters_pairwise import seconds_words
from annotations.analysis.settings import AnalysisSettings, Section
from annotations.answers import LETTERS
from annotations.figures.specs import Bar, FigureSpec, StackedBars
from annotations.selectors.study_arrays import PartData


def choosing_raters(data: PartData, settings: AnalysisSettings) -> Section:
    places, ties = _counts(data)
    letters = tuple(LETTERS[: places.shape[1]])
    rows = []
    for place, rater in enumerate(data.raters):
        total = int(places[place].sum() + ties[place])
        shares = [_share(int(n), total) for n in (*places[place], ties[place])]
        rows.append([rater, f"{total:,}", *shares, seconds_words(data, place)])
    columns = (
        *("Rater", "Answers"),
        *(f"First: {letter}" for letter in letters),
        *("Tie for the first place", "Median seconds an item"),
    )
    figures: dict[str, FigureSpec] = {}
    if places.sum():
        figures["use"] = _use(data, places, ties, letters)
    note = (
        "Which response stood first, by the letter under which the rater saw it, over all "
        "questions. Letters are balanced within each rater, so that a lean to one is the rater's."
    )
    return Section({"columns": columns, "raters": rows, "note": note, "notes": []}, figures)


def _counts(data: PartData) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(raters x places shown, raters: ties for the first place)."""
    width = data.units.candidates.shape[1]
    places = np.zeros((len(data.raters), width), dtype=np.int64)
    ties = np.zeros(len(data.raters), dtype=np.int64)
    for answers in data.answers:
        votes = votes_of(data, answers)
        for rater in np.unique(votes.rater):
            own = votes.kept(votes.rater == rater)
            places[rater] += places_chosen(own, width)
            ties[rater] += int((own.best < 0).sum())
    return places, ties


def _share(n: int, total: int) -> str:
    return f"{100 * n / total:.0f} %" if total else "\u2013"


def _use(
    data: PartData, places: NDArray[np.int64], ties: NDArray[np.int64], letters: tuple[str, ...]
) -> StackedBars:
    total = words.counted(int(places.sum() + ties.sum()), "answer")
    return StackedBars(
        key=words.figure_key("places", f"part{data.key}"),
        title="At which place the chosen response was shown",
        description=(
            "Shares of answers in which the response shown as "
            f"{words.listed(list(letters))} stood first, and of ties, of "
            f"{words.counted(len(data.raters), 'rater')}."
        ),
        caption=f"{total} over all questions, by the place shown. {words.BEFORE_ADJUDICATION}",
        category_name="place",
        categories=(*letters, "tie"),
        bars=tuple(
            Bar(label=rater, counts=(*map(int, places[row]), int(ties[row])))
            for row, rater in enumerate(data.raters)
        ),
    )

"""Who raters thought had written the responses, and whether that goes with what they preferred."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.choices import votes_of
from annotations.analysis.settings import AnalysisSettings
from annotations.models import SourceGuess
from annotations.selectors.study_arrays import PartData
from annotations.selectors.study_beside import Guesses
from annotations.statistics.proportions import wilson

Guess = SourceGuess.Guess
WORDS = {
    Guess.PERSON.value: "A person",
    Guess.MODEL.value: "A computer model",
    Guess.UNSURE.value: "Can't say",
}
KINDS = ((True, "Imported replies"), (False, "Replies generated here"))
NOTE = (
    "Asked once everything was judged. Replies that were imported count as a person's: where yours "
    "come from another system, read their row the other way round. “Can't say” is not counted as "
    "right. Wilson intervals, every guess taken as independent."
)
LIKED_NOTE = (
    "A description: a rater may guess from the same words that made the rater like a reply. Over "
    "all sources together."
)


def guesses_results(data: PartData, settings: AnalysisSettings) -> dict[str, Any] | None:
    """None where nobody was asked."""
    guesses: Guesses | None = data.beside.guesses if data.beside else None
    if guesses is None or not len(guesses.guess):
        return None
    rows = [
        _row(label, guesses, guesses.imported == kind, kind, settings)
        for kind, label in KINDS
        if (guesses.imported == kind).any()
    ]
    return {
        "columns": ["Source", "Guesses", *WORDS.values(), "Right", f"{settings.percent} interval"],
        "rows": rows,
        "note": NOTE,
        **_liked(data, guesses),
    }


def _row(
    label: str,
    guesses: Guesses,
    chosen: NDArray[np.bool_],
    imported: bool,
    settings: AnalysisSettings,
) -> list[str]:
    own = guesses.guess[chosen]
    total = len(own)
    right = int((own == (Guess.PERSON if imported else Guess.MODEL)).sum())
    low, high = wilson(right, total, settings.confidence)
    shares = [f"{100 * int((own == guess).sum()) / total:.0f} %" for guess in WORDS]
    ends = f"{100 * low:.0f} % to {100 * high:.0f} %"
    return [label, f"{total:,}", *shares, f"{100 * right / total:.0f} %", ends]


def _liked(data: PartData, guesses: Guesses) -> dict[str, Any]:
    liked, measure = _liking(data)
    rows = []
    for guess, label in WORDS.items():
        own = guesses.guess == guess
        values = liked[guesses.rater[own], guesses.unit[own], guesses.column[own]]
        values = values[~np.isnan(values)]
        mean = float(values.mean()) if len(values) else None
        if data.compares:
            shown = "undefined" if mean is None else f"{100 * mean:.0f} %"
        else:
            shown = words.number(mean)
        rows.append([label, f"{len(values):,}", shown])
    return {
        "liked_columns": ["Guessed to be by", "Responses judged", measure],
        "liked_rows": rows,
        "liked_note": LIKED_NOTE,
    }


def _liking(data: PartData) -> tuple[NDArray[np.float64], str]:
    """(raters x units x candidates, what it is)."""
    shape = (*data.asked.shape, data.units.candidates.shape[1])
    if not data.compares:
        return _mean_score(data, shape), "Mean score, in percent of the scale"
    total, times = np.zeros(shape), np.zeros(shape)
    for answers in data.answers:
        if data.pairwise:
            raters, units = np.nonzero(~np.isnan(answers.values))
            values = answers.values[raters, units]
            total[raters, units, 0] += values < 0
            total[raters, units, 1] += values > 0
        else:
            votes = votes_of(data, answers)
            decided = np.flatnonzero(votes.best >= 0)
            raters, units = votes.rater, votes.unit
            np.add.at(total, (raters[decided], units[decided], votes.best[decided]), 1)
        times[raters, units] += 1
    share = np.divide(total, times, out=np.full(shape, np.nan), where=times > 0)
    return share, "Share of answers in which it was preferred"


def _mean_score(data: PartData, shape: tuple[int, ...]) -> NDArray[np.float64]:
    total, times = np.zeros(shape[:2]), np.zeros(shape[:2])
    for answers in data.answers:
        if not answers.criterion.is_scored:
            continue
        low, high = answers.criterion.scale
        share = 100 * (answers.values - low) / max(high - low, 1)
        share = 100 - share if answers.criterion.reverse_scored else share
        total += np.nan_to_num(share)
        times += ~np.isnan(share)
    mean = np.divide(total, times, out=np.full(shape[:2], np.nan), where=times > 0)
    return np.expand_dims(mean, 2)

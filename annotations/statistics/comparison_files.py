"""Any table of choices between two models in a file, and the rankings made of it.

One comparison a row: columns first and second (names of models), value (from -2, the first clearly,
over 0, a tie, to 2, the second clearly; or the words first, second, tie); where known item (or
stimulus), rater, criterion, and cluster, which holds items that are to be resampled together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from annotations.statistics.comparisons import Cluster, Comparisons, comparisons
from annotations.statistics.delimited import Codes, Column, Sheet
from annotations.statistics.estimate import CONFIDENCE
from annotations.statistics.registry import chosen_names
from annotations.statistics.registry_tables import Settings, single_or_rows
from annotations.statistics.table_columns import (
    check_names,
    first_repeat,
    is_missing,
    missing_column,
    named_columns,
)
from annotations.statistics.table_files import ONE_CRITERION

if TYPE_CHECKING:
    from annotations.statistics.ranking import Ranking

ANSWERS = {"first": -1, "second": 1, "tie": 0, **{f"{n:+d}": n for n in (1, 2)}} | {
    f"{value:{shape}}": value for value in range(-2, 3) for shape in ("d", ".1f")
}


def comparisons_of(sheet: Sheet) -> dict[str, Comparisons]:
    """Criterion -> its comparisons, "value" where the file has none.

    Raises RatingsError, with file, line, column and remedy.
    """
    columns = named_columns(sheet)
    for name in ("first", "second", "value"):
        if name not in columns:
            raise missing_column(sheet, name)
    first, second = columns["first"], columns["second"]
    item = columns.get("item") or columns.get("stimulus")
    rater, criterion = columns.get("rater"), columns.get("criterion")
    for column in (first, second, item, rater, criterion, columns.get("cluster")):
        if column is not None:
            check_names(sheet, column)
    models = tuple(dict.fromkeys([*first.words, *second.words]))
    one, two = _places(first, models), _places(second, models)
    same = np.flatnonzero(one == two)
    if same.size:
        row = int(same[0])
        what = f"{models[one[row]]} is set against itself: correct or remove the row."
        raise sheet.error(what, row, second.name)
    outcome, given = _answers(sheet, columns["value"])
    kinds = np.zeros_like(outcome) if criterion is None else criterion.codes
    if item is not None and rater is not None:
        pair = np.minimum(one, two) * len(models) + np.maximum(one, two)
        _check_once(sheet, given, [kinds, item.codes, rater.codes, pair])
    names = (ONE_CRITERION,) if criterion is None else criterion.words
    together = columns.get("cluster") or item
    found = {}
    for code, name in enumerate(names):
        own = given[kinds[given] == code]
        found[name] = comparisons(
            one[own],
            two[own],
            outcome[own],
            models=models,
            stimuli=None if together is None else together.codes[own],
            raters=None if rater is None else rater.codes[own],
        )
    return found


def _places(column: Column, models: tuple[str, ...]) -> Codes:
    place = {name: code for code, name in enumerate(models)}
    return np.array([place[word] for word in column.words], dtype=np.int64)[column.codes]


def _answers(sheet: Sheet, column: Column) -> tuple[Codes, Codes]:
    """Per row the outcome, and which rows have one."""
    found = np.zeros(len(column.words), dtype=np.int64)
    missing = np.zeros(len(column.words), dtype=np.bool_)
    for code, word in enumerate(column.words):
        missing[code] = is_missing(word)
        if missing[code]:
            continue
        if word.casefold() not in ANSWERS:
            raise sheet.error(
                f"“{word}” is no answer: write -2, -1, 0, 1 or 2 (below 0 for the first), or "
                "first, second or tie.",
                column.first_row(code),
                column.name,
            )
        found[code] = ANSWERS[word.casefold()]
    return found[column.codes], np.flatnonzero(~missing[column.codes])


def _check_once(sheet: Sheet, given: Codes, parts: Sequence[Codes]) -> None:
    key = np.zeros(len(given), dtype=np.int64)
    for part in parts:
        key = key * (int(part.max(initial=0)) + 1) + part[given]
    repeat = first_repeat(key)
    if repeat is not None:
        one, two = (int(given[place]) for place in repeat)
        what = "the same rater compared the same two models on the same item: keep one of them."
        raise sheet.again(one, two, what)


@dataclass(frozen=True)
class PreferenceStatistic:
    description: str
    compute: Callable[[Comparisons, Settings], dict[str, Any]]


def compute_preferences(
    names: Sequence[str],
    tables: Mapping[str, Comparisons],
    *,
    confidence: float = CONFIDENCE,
    seed: int | None = None,
    resamples: int | None = None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Criterion -> name -> Estimate.as_json(), to which rankings add gaps and tie.

    names: of PREFERENCE_STATISTICS, "all", or none for all. Raises UnknownStatisticError.
    """
    known = list(PREFERENCE_STATISTICS)
    settings = Settings.of("ordinal", confidence, seed, resamples)
    return {
        criterion: {
            name: PREFERENCE_STATISTICS[name].compute(table, settings)
            for name in chosen_names(names, known, known)
        }
        for criterion, table in tables.items()
    }


def _win_rate(data: Comparisons, settings: Settings) -> dict[str, Any]:
    from annotations.statistics.win_rates import win_rates

    found = {
        f"{one} against {two}": estimate
        for (one, two), estimate in win_rates(data, confidence=settings.confidence).items()
    }
    return single_or_rows("win_rate", "pairs of models", "pair", found, data.counts()).as_json()


def _ranking(name: str) -> Callable[[Comparisons, Settings], dict[str, Any]]:
    def compute(data: Comparisons, settings: Settings) -> dict[str, Any]:
        from annotations.statistics import davidson

        cluster: Cluster = "comparison" if data.stimuli is None else "stimulus"
        ranking: Ranking = getattr(davidson, name)(data, cluster=cluster, **settings.drawing)
        return ranking.estimate.as_json() | {
            "gaps": [dict(gap) for gap in ranking.gaps],
            "tie": None if ranking.tie is None else ranking.tie.as_json(),
        }

    return compute


PREFERENCE_STATISTICS: Mapping[str, PreferenceStatistic] = {
    "win_rate": PreferenceStatistic("share won, a tie as half", _win_rate),
    "bt_davidson": PreferenceStatistic("Bradley-Terry with ties", _ranking("bt_davidson")),
    "bt_rao_kupper": PreferenceStatistic("the same, tie threshold", _ranking("bt_rao_kupper")),
    "bt_half_tie": PreferenceStatistic("a tie as half a win each", _ranking("bt_half_tie")),
}

"""What is rated in a table: items, or models' answers to them, and what these belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from annotations.statistics.delimited import Codes, Column, Sheet
from annotations.statistics.table_columns import is_missing


@dataclass(frozen=True, eq=False)
class Units:
    """What is rated: an item, or a model's answer to it."""

    names: tuple[str, ...]
    of_row: Codes
    first_row: Codes
    """Per unit."""


@dataclass(frozen=True, eq=False)
class Belonging:
    """Per unit, as in CriterionTable."""

    clusters: Codes | None
    models: tuple[str, ...] | None
    stimuli: Codes | None


def units_of(item: Column, columns: Mapping[str, Column]) -> Units:
    model, stimulus = columns.get("model"), columns.get("stimulus")
    if model is None or (stimulus is not None and stimulus is not item):
        return named(item)
    size = len(model.words)
    both, first, place = np.unique(
        item.codes * size + model.codes, return_index=True, return_inverse=True
    )
    if len(both) == len(item.words):
        return named(item)
    rank = np.argsort(np.argsort(first))  # in the order of the file
    names = [""] * len(both)
    for code, position in zip(both.tolist(), rank.tolist(), strict=True):
        names[position] = f"{item.words[code // size]} · {model.words[code % size]}"
    return Units(tuple(names), rank[place.ravel()].astype(np.int64), np.sort(first))


def named(column: Column) -> Units:
    """Each word of the column is one."""
    first = np.zeros(len(column.words), dtype=np.int64)
    first[column.codes[::-1]] = np.arange(len(column.codes))[::-1]
    return Units(column.words, column.codes, first)


def belonging_of(
    sheet: Sheet, columns: Mapping[str, Column], item: Column, units: Units
) -> Belonging:
    """Without a column of clusters, responses to one stimulus are one: they are not independent.

    Raises RatingsError where a unit is in two clusters, of two models or of two stimuli.
    """
    cluster, model = columns.get("cluster"), columns.get("model")
    clusters = None if cluster is None else _code_of_units(sheet, units, cluster)
    if model is None:
        return Belonging(clusters, None, None)
    models = tuple(model.words[code] for code in _code_of_units(sheet, units, model))
    stimuli = _code_of_units(sheet, units, columns.get("stimulus") or item)
    return Belonging(stimuli if clusters is None else clusters, models, stimuli)


def _code_of_units(sheet: Sheet, units: Units, column: Column) -> Codes:
    """Per unit, the code in `column`, which has to be the same in all of its rows."""
    for code, word in enumerate(column.words):
        if is_missing(word):
            row = column.first_row(code)
            raise sheet.error("the cell is empty, and every item needs one.", row, column.name)
    known = column.codes[units.first_row]
    other = np.flatnonzero(known[units.of_row] != column.codes)
    if other.size:
        row = int(other[0])
        before = int(units.first_row[units.of_row[row]])
        raise sheet.error(
            f"{units.names[units.of_row[row]]} belongs to “{column.word(row)}” here and to "
            f"“{column.word(before)}” in line {sheet.lines[before]}: give it one of them, or give "
            "the items different names.",
            row,
            column.name,
        )
    return known

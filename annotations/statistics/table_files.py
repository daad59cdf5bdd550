"""Any table of ratings in a file, as the tables that the statistics take.

Long: one rating a row, in columns item, rater, value and, where there are several, criterion.
Wide: one item a row, one column a rater, beside a column item; criterion where there are several.
A file is long where it has columns for rater and value, and wide where it has a column for the item
and neither of those; `layout` says otherwise. Every name in `table_columns.ALIASES` will do.

Beside them: cluster (of the item: what is resampled together), model and stimulus (which model
answered what; without a stimulus the item is one, and each model's answer to it a unit of its own),
and in the long form order (when the rating was given) and kind (person or judge).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.delimited import Codes, Column, Sheet
from annotations.statistics.ratings import Ratings, Scale, ratings
from annotations.statistics.table_columns import (
    ALIASES,
    are_judges,
    check_names,
    check_on_scale,
    field_of,
    first_repeat,
    listed,
    missing_column,
    named_columns,
    numbers,
    times,
)
from annotations.statistics.table_units import Belonging, Units, belonging_of, named, units_of

Layout = Literal["long", "wide", "pairs"]
LAYOUTS: tuple[Layout, ...] = ("long", "wide", "pairs")
ONE_CRITERION = "value"
"""Stands for the criterion of a file that names none."""
MOST_CELLS = 100_000_000
BESIDE_RATERS = ("item", "criterion", "cluster", "stimulus", "model")
"""Columns of the wide form that are no raters."""
USED: Mapping[Layout, tuple[str, ...]] = {
    "long": (*BESIDE_RATERS, "rater", "value", "order", "kind"),
    "pairs": ("first", "second", "value", "item", "stimulus", "rater", "criterion", "cluster"),
}
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CriterionTable:
    """All criteria of a file have the same raters and items, in the same order."""

    people: Ratings
    judges: Mapping[str, Array] = field(default_factory=dict)
    """Name -> one score an item, NaN where there is none."""
    order: Array | None = None
    """raters x items: when each rating was given."""
    models: tuple[str, ...] | None = None
    """Per item, the model that made it."""
    stimuli: Codes | None = None
    """Per item, what the model answered."""
    withheld: Mapping[str, str] = field(default_factory=dict)
    """Statistic -> why it is not to be computed."""


@dataclass(frozen=True, eq=False)
class Cells:
    """One entry a rating that was given, and who gave them."""

    row: Codes
    unit: Codes
    rater: Codes
    value: Array
    order: Array | None
    raters: tuple[str, ...]
    judged: NDArray[np.bool_]
    """Per rater, whether it is a judge."""


def layout_of(sheet: Sheet) -> Layout:
    """Raises RatingsError where the columns fit no form."""
    found = named_columns(sheet)
    if "first" in found and "second" in found:
        return "pairs"
    if "rater" in found and "value" in found:
        return "long"
    for one, other in (("rater", "value"), ("value", "rater")):
        if one in found:
            raise missing_column(
                sheet, other, f"Or, if “{found[one].name}” is a rater, say that the layout is wide."
            )
    if "item" in found:
        return "wide"
    wanted = [f"{name} (or {listed(ALIASES[name][1:])})" for name in ("item", "rater", "value")]
    raise sheet.error(
        f"the columns are those of no table of ratings. Long: {', '.join(wanted)}. Wide: item and "
        f"one column a rater. There are {', '.join(f'“{name}”' for name in sheet.header)}."
    )


def unused_columns(sheet: Sheet, layout: Layout) -> tuple[str, ...]:
    """Columns that no statistic reads. In the wide form every other column is a rater."""
    if layout == "wide":
        return ()
    found = named_columns(sheet)
    used = {found[name].name for name in USED[layout] if name in found}
    return tuple(name for name in sheet.header if name not in used)


def tables_of(
    sheet: Sheet, layout: Layout | None = None, scale: Scale | None = None
) -> dict[str, CriterionTable]:
    """Criterion -> its table, "value" where the file has none.

    Raises RatingsError, with file, line, column and remedy: a rating that is there twice, that is
    no number or not on the scale; an item in two clusters or of two models; a missing column; one
    rater only in the wide form.
    """
    wide = (layout or layout_of(sheet)) == "wide"
    columns = named_columns(sheet)
    item = columns.get("item") or columns.get("stimulus") or (sheet.columns[0] if wide else None)
    if item is None:
        raise missing_column(sheet, "item")
    for column in (item, columns.get("criterion"), columns.get("model")):
        if column is not None:
            check_names(sheet, column)
    units = units_of(item, columns)
    belonging = belonging_of(sheet, columns, item, units)
    cells = (
        _wide(sheet, item, columns, units, scale) if wide else _long(sheet, columns, units, scale)
    )
    return _tables(sheet, columns.get("criterion"), units, belonging, cells, scale)


def _long(sheet: Sheet, columns: Mapping[str, Column], units: Units, scale: Scale | None) -> Cells:
    for name in ("rater", "value"):
        if name not in columns:
            raise missing_column(sheet, name)
    rater = columns["rater"]
    check_names(sheet, rater)
    values = numbers(sheet, columns["value"])
    check_on_scale(sheet, columns["value"], values, scale)
    given = np.flatnonzero(~np.isnan(values))
    cells = Cells(
        row=given,
        unit=units.of_row[given],
        rater=rater.codes[given],
        value=values[given],
        order=times(sheet, columns["order"])[given] if "order" in columns else None,
        raters=rater.words,
        judged=_judged(sheet, rater, columns.get("kind")),
    )
    _check_once(sheet, cells, units, columns.get("criterion"))
    return cells


def _judged(sheet: Sheet, rater: Column, kind: Column | None) -> NDArray[np.bool_]:
    if kind is None:
        return np.zeros(len(rater.words), dtype=np.bool_)
    judges = are_judges(sheet, kind)
    judged = judges[named(rater).first_row]
    other = np.flatnonzero(judged[rater.codes] != judges)
    if other.size:
        row = int(other[0])
        raise sheet.error(
            f"{rater.word(row)} is a person in one line and a judge in another: give them "
            "different names.",
            row,
            kind.name,
        )
    return judged


def _check_once(sheet: Sheet, cells: Cells, units: Units, criterion: Column | None) -> None:
    key = cells.rater * len(units.names) + cells.unit
    if criterion is not None:
        key += criterion.codes[cells.row] * len(units.names) * len(cells.raters)
    repeat = first_repeat(key)
    if repeat is None:
        return
    one, two = (int(cells.row[place]) for place in repeat)
    what = f"{cells.raters[cells.rater[repeat[0]]]} rated {units.names[cells.unit[repeat[0]]]}"
    if criterion is not None:
        raise sheet.again(one, two, f"{what} on {criterion.word(one)} in both: keep one of them.")
    raise sheet.again(
        one,
        two,
        f"{what} in both: keep one of them, or name the column of the criterion “criterion”.",
    )


def _wide(
    sheet: Sheet,
    item: Column,
    columns: Mapping[str, Column],
    units: Units,
    scale: Scale | None,
) -> Cells:
    raters = _rater_columns(sheet, item, columns)
    key = units.of_row
    if "criterion" in columns:
        key = key + columns["criterion"].codes * len(units.names)
    repeat = first_repeat(key)
    if repeat is not None:
        name = units.names[units.of_row[repeat[0]]]
        raise sheet.again(*repeat, f"{name} has a row in both: join them, or name them apart.")
    values = np.stack([numbers(sheet, column) for column in raters])
    for column, own in zip(raters, values, strict=True):
        check_on_scale(sheet, column, own, scale)
    rater, row = np.nonzero(~np.isnan(values))
    return Cells(
        row=row,
        unit=units.of_row[row],
        rater=rater,
        value=values[rater, row],
        order=None,
        raters=tuple(column.name for column in raters),
        judged=np.zeros(len(raters), dtype=np.bool_),
    )


def _rater_columns(sheet: Sheet, item: Column, columns: Mapping[str, Column]) -> list[Column]:
    others = [columns[name] for name in BESIDE_RATERS if name in columns]
    raters = [
        column
        for column in sheet.columns
        if column is not item and not any(column is other for other in others)
    ]
    for column in raters:
        if not column.name:
            raise sheet.error("a column has no name: the header names the rater of each column.")
        if field_of(column.name) in BESIDE_RATERS:
            raise sheet.error("this is no rater: remove or rename it.", column=column.name)
        if field_of(column.name) in ("order", "kind"):
            raise sheet.error(
                "this belongs to single ratings, which the wide form cannot say: use the long form "
                "(item,rater,value), or rename the column if it is a rater.",
                column=column.name,
            )
    if len(raters) < 2:
        raise sheet.error(
            "the wide form needs a column for each of two raters or more, beside "
            f"“{item.name}”; there is {'only ' if raters else ''}"
            f"{f'“{raters[0].name}”' if raters else 'none'}."
        )
    return raters


def _tables(
    sheet: Sheet,
    criterion: Column | None,
    units: Units,
    belonging: Belonging,
    cells: Cells,
    scale: Scale | None,
) -> dict[str, CriterionTable]:
    names = (ONE_CRITERION,) if criterion is None else criterion.words
    shape = (len(cells.raters), len(units.names))
    if len(names) * shape[0] * shape[1] > MOST_CELLS:
        raise sheet.error(
            f"{len(names):,} criteria x {shape[0]:,} raters x {shape[1]:,} items are too large a "
            "table: give a file for each criterion, or for a part of the items."
        )
    people = np.flatnonzero(~cells.judged)
    found: dict[str, CriterionTable] = {}
    for code, name in enumerate(names):
        own = slice(None) if criterion is None else criterion.codes[cells.row] == code
        at = (cells.rater[own], cells.unit[own])
        values = np.full(shape, np.nan)
        values[at] = cells.value[own]
        order = None
        if cells.order is not None:
            order = np.full(shape, np.nan)
            order[at] = cells.order[own]
        found[name] = CriterionTable(
            people=ratings(
                values[people],
                scale=scale,
                raters=[cells.raters[place] for place in people],
                items=units.names,
                clusters=belonging.clusters,
            ),
            judges={cells.raters[place]: values[place] for place in np.flatnonzero(cells.judged)},
            order=None if order is None else order[people],
            models=belonging.models,
            stimuli=belonging.stimuli,
        )
    return found

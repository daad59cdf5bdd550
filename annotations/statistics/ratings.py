"""The table every agreement statistic takes: raters x items, checked once at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class RatingsError(ValueError):
    """The table cannot be what it claims to be; the message says why and what to do."""


@dataclass(frozen=True)
class Scale:
    """The declared scale, which weighted coefficients need whole, used or not."""

    low: float
    high: float
    step: float = 1.0
    """0 for a continuous scale."""

    def __post_init__(self) -> None:
        if not self.high > self.low or self.step < 0:
            raise RatingsError(f"A scale from {self.low:g} to {self.high:g} has to ascend.")

    @property
    def categories(self) -> NDArray[np.float64]:
        """Every value that can be chosen; refused for a continuous scale."""
        if self.step == 0:
            raise RatingsError("A continuous scale has no categories.")
        count = round((self.high - self.low) / self.step) + 1
        return self.low + self.step * np.arange(count, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Ratings:
    values: NDArray[np.float64]
    """raters x items, NaN where a rater gave none."""
    scale: Scale | None
    raters: tuple[str, ...]
    items: tuple[str, ...]
    clusters: NDArray[np.int64] | None
    """Per item, what it is resampled with (session, stimulus); None: items stand alone."""

    @property
    def given(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.values)

    @property
    def categories(self) -> NDArray[np.float64]:
        """Of the declared scale, or those that occur."""
        if self.scale is not None and self.scale.step > 0:
            return self.scale.categories
        return np.unique(self.values[self.given])

    def counts(self) -> dict[str, Any]:
        """n_items, n_pairable, n_raters, n_ratings, to be unpacked into an Estimate."""
        given = self.given
        per_item = given.sum(axis=0)
        return {
            "n_items": int((per_item > 0).sum()),
            "n_pairable": int((per_item > 1).sum()),
            "n_raters": int(given.any(axis=1).sum()),
            "n_ratings": int(per_item.sum()),
        }


def ratings(
    values: ArrayLike,
    *,
    scale: Scale | tuple[float, float] | None = None,
    raters: Sequence[str] | None = None,
    items: Sequence[str] | None = None,
    clusters: ArrayLike | None = None,
    more_raters_than_items: bool = False,
) -> Ratings:
    """values: raters x items; None or NaN where there is no rating.

    Raises RatingsError for a table that is transposed, not numeric, or outside its scale.
    """
    table = _numbers(values)
    _check_shape(table, raters, items, more_raters_than_items)
    if isinstance(scale, tuple):
        scale = Scale(*scale)
    names = tuple(raters) if raters is not None else _numbered("rater", table.shape[0])
    item_names = tuple(items) if items is not None else _numbered("item", table.shape[1])
    if scale is not None:
        _check_scale(table, scale, names, item_names)
    groups = None if clusters is None else _clusters(clusters, table.shape[1])
    return Ratings(table, scale, names, item_names, groups)


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    try:
        raw = np.asarray(values)
    except ValueError as error:
        raise RatingsError("The rows of the table differ in length.") from error
    if raw.dtype.kind in "USb":
        raise RatingsError(
            f"Ratings are numbers, not {'words' if raw.dtype.kind in 'US' else 'true and false'}: "
            "code the categories first."
        )
    if raw.dtype == object and any(isinstance(v, str | bytes | bool) for v in raw.flat):
        raise RatingsError("Ratings are numbers: code words as numbers first.")
    try:
        table = raw.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise RatingsError("Ratings are numbers, with None or NaN where there is none.") from error
    if table.ndim != 2:
        raise RatingsError(f"A table of raters x items has two axes, not {table.ndim}.")
    if np.isinf(table).any():
        raise RatingsError("A rating is infinite.")
    return table


def _check_shape(
    table: NDArray[np.float64],
    raters: Sequence[str] | None,
    items: Sequence[str] | None,
    more_raters_than_items: bool,
) -> None:
    rows, columns = table.shape
    wanted = (
        rows if raters is None else len(raters),
        columns if items is None else len(items),
    )
    if wanted != (rows, columns):
        transposed = " It looks transposed." if wanted == (columns, rows) else ""
        raise RatingsError(
            f"The table is {rows} x {columns}, but {wanted[0]} raters and {wanted[1]} items are "
            f"named; rows are raters.{transposed}"
        )
    if rows > columns and raters is None and items is None and not more_raters_than_items:
        raise RatingsError(
            f"{rows} raters x {columns} items looks transposed: rows are raters. Transpose it, or "
            "say that there are more raters than items."
        )


def _check_scale(
    table: NDArray[np.float64], scale: Scale, raters: tuple[str, ...], items: tuple[str, ...]
) -> None:
    outside = (table < scale.low) | (table > scale.high)
    if scale.step:
        steps = (table - scale.low) / scale.step
        outside |= np.abs(steps - np.round(steps)) > 1e-9
    if outside.any():
        row, column = map(int, np.argwhere(outside)[0])
        raise RatingsError(
            f"{int(outside.sum())} ratings are outside the scale from {scale.low:g} to "
            f"{scale.high:g}; the first is {table[row, column]:g}, by {raters[row]} of "
            f"{items[column]}."
        )


def _numbered(word: str, count: int) -> tuple[str, ...]:
    return tuple(f"{word} {number}" for number in range(1, count + 1))


def _clusters(clusters: ArrayLike, items: int) -> NDArray[np.int64]:
    given = np.asarray(clusters)
    if given.shape != (items,):
        raise RatingsError(f"One cluster per item: {items}, not {given.size}.")
    return np.unique(given, return_inverse=True)[1].astype(np.int64)

"""How many raters gave each category to each item: all that Krippendorff's alpha looks at.

Built from the ratings one by one; never an array of raters x items x categories.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from annotations.statistics.ratings import Ratings

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
MOST_DENSE = 24
"""Above so many categories most counts are 0: they are kept sparse, and are not multiplied out."""


@dataclass(frozen=True, eq=False)
class Counts:
    table: Any
    """items x categories, every item with two ratings or more; an array, or CSR where `sparse`."""
    categories: Numbers
    """Ascending; those that occur."""

    @property
    def sparse(self) -> bool:
        return not isinstance(self.table, np.ndarray)

    @cached_property
    def per_item(self) -> Numbers:
        return np.asarray(self.table @ np.ones(len(self.categories)))

    @cached_property
    def per_category(self) -> Numbers:
        return np.asarray(self.table.sum(axis=0), dtype=np.float64)

    def cells(self) -> tuple[Places, Places, Numbers]:
        """Item, category and count wherever the count is not 0, by item, then by category."""
        if self.sparse:
            items = np.repeat(np.arange(self.table.shape[0]), np.diff(self.table.indptr))
            return items, self.table.indices.astype(np.intp), self.table.data
        items, codes = np.nonzero(self.table)
        return items, codes, self.table[items, codes]


@dataclass(frozen=True, eq=False)
class Coded:
    """The ratings of items with two or more, one by one."""

    raters: Places
    """Row of the table, per rating; ascending."""
    items: Places
    """Place among `columns`, per rating."""
    codes: Places
    """Place among `categories`, per rating."""
    categories: Numbers
    columns: Places
    """Columns of the table that have two ratings or more."""

    def counts(self) -> Counts:
        return Counts(self._table(slice(None)), self.categories)

    def without_each(self) -> Iterator[tuple[int, Counts]]:
        """Per rater who gave any of the ratings: the row of the table, the counts of the others."""
        everyone = self.counts()
        present, starts = np.unique(self.raters, return_index=True)
        ends = np.append(starts, len(self.raters))[1:]
        for rater, start, end in zip(present, starts, ends, strict=True):
            yield int(rater), self._without(everyone, slice(start, end))

    def _without(self, everyone: Counts, rater: slice) -> Counts:
        if everyone.sparse:
            others = np.ones(len(self.raters), dtype=bool)
            others[rater] = False
            table = self._table(others)
        else:
            table = everyone.table.copy()
            table[self.items[rater], self.codes[rater]] -= 1  # each pair once: one rating an item
        counts = Counts(table, self.categories)
        pairable = counts.per_item >= 2
        return counts if pairable.all() else Counts(table[pairable], self.categories)

    def _table(self, which: slice | NDArray[np.bool_]) -> Any:
        shape = len(self.columns), len(self.categories)
        items, codes = self.items[which], self.codes[which]
        if len(self.categories) > MOST_DENSE:
            return csr_array((np.ones(len(items)), (items, codes)), shape=shape)
        cells = np.bincount(items * shape[1] + codes, minlength=shape[0] * shape[1])
        return cells.reshape(shape).astype(np.float64)


def code_ratings(table: Ratings) -> Coded:
    given = table.given
    pairable = given.sum(axis=0) >= 2
    raters, columns = np.nonzero(given & pairable)
    categories, codes = np.unique(table.values[raters, columns], return_inverse=True)
    places = np.cumsum(pairable) - 1
    return Coded(raters, places[columns], codes, categories, np.flatnonzero(pairable))

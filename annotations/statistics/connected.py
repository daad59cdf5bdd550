"""Whether a finite Bradley-Terry maximum exists, and which models are not linked where it does not.

Let an arrow lead from each model to those that it beat at least once; a tie is an arrow each way.

1. Plain and half-tie model: the maximum exists exactly when every model can be reached from every
   other along the arrows (Ford, 1957, Solution of a ranking problem from binary comparisons).
2. Davidson and Rao-Kupper with at least one tie: 1, and some closed walk has more wins than ties
   (ties walked either way). Otherwise abilities can be spread out for ever with the tie parameter
   growing beside them: A beats B, A ties with B, B never wins is fitted best at infinity. Two wins
   in opposite directions are such a walk.
3. With an order effect: 1, and no order effect of either sign can explain every decided answer by
   itself: for each sign, some closed walk along the arrows goes against it. With ties, some two
   models shown in one and the same order have beaten each other; that is sufficient, and asked for.

Each condition says that no direction in the parameters raises every term of the likelihood; these
are difference constraints, which have a solution exactly where no cycle is negative.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from annotations.statistics.bradley_terry import Array, Cells, Family

Bools = NDArray[np.bool_]


def maximum_exists(family: Family, cells: Cells, counts: Array) -> Bools:
    """counts: B x cells x 3. One answer a row."""
    exists = strongly_connected(arrows(cells, counts))
    if cells.order:
        exists &= _negative_cycle(_order_lengths(cells, counts, 1))
        exists &= _negative_cycle(_order_lengths(cells, counts, -1))
    if family == "bt_half_tie":
        return exists
    if cells.order:
        told_apart = np.asarray(((counts[:, :, 0] > 0) & (counts[:, :, 2] > 0)).any(axis=1))
    else:
        told_apart = _negative_cycle(_tie_lengths(cells, counts))
    untied = np.asarray(counts[:, :, 1].sum(axis=1) == 0)
    exists &= untied | told_apart
    return exists


def arrows(cells: Cells, counts: Array) -> Bools:
    """B x models x models: whether the row's model won against, or tied with, the column's."""
    found = np.zeros((len(counts), cells.models, cells.models), dtype=np.bool_)
    # Columns may stand twice for one pair (either order of showing), hence the or.
    for column, (a, b) in enumerate(zip(cells.a, cells.b, strict=True)):
        wins, ties, losses = (counts[:, column, outcome] > 0 for outcome in range(3))
        found[:, a, b] |= wins | ties
        found[:, b, a] |= losses | ties
    return found


def strongly_connected(links: Bools) -> Bools:
    """links: B x models x models."""
    size = links.shape[1]
    reach = (links | np.eye(size, dtype=np.bool_)).astype(np.float64)
    for _ in range(max(1, (size - 1).bit_length())):
        reach = np.minimum(reach @ reach, 1.0)
    return np.asarray((reach > 0).all(axis=(1, 2)), dtype=np.bool_)


def why_no_maximum(family: Family, cells: Cells, models: Sequence[str]) -> str:
    """ "" where the maximum exists, else the reason, as a clause after "because"."""
    if len(models) < 2:
        return "there are fewer than two models"
    counts = cells.total
    links = arrows(cells, counts)[0]
    because = why_not_connected(links, models)
    if because:
        return because
    if maximum_exists(family, cells, counts)[0]:
        return ""
    if not (counts[0, :, 0] + counts[0, :, 2]).any():
        return "every answer was a tie"
    if cells.order and not maximum_exists("bt_half_tie", cells, counts)[0]:
        return "the side on which a response stood explains every decided answer"
    return (
        "abilities cannot be told from the share of ties: no model has both beaten and "
        "lost to another, directly or through others"
        + (", in one and the same order of showing" if cells.order else "")
    )


def why_not_connected(links: Bools, models: Sequence[str]) -> str:
    """links: models x models. Names who is not linked with whom."""
    never = ~np.asarray(links.any(axis=0) | links.any(axis=1))
    if never.any():
        return f"{_names(never, models)} {_was(never)} never compared with any other model"
    parts, _ = connected_components(csr_array(links), connection="strong")
    if parts == 1:
        return ""
    top = _source(links)
    apart = f"{_names(top, models)} {_is(top)} not linked with {_names(~top, models)}"
    if not links[top][:, ~top].any():
        return f"they were never compared with each other: {apart}"
    return f"{_names(top, models)} never lost to, or tied with, {_names(~top, models)}: {apart}"


def _source(links: Bools) -> Bools:
    """Models of the first group that nobody outside it has beaten or tied with."""
    count, part = connected_components(csr_array(links), connection="strong")
    for number in range(count):
        inside: Bools = part == number
        if not links[~inside][:, inside].any():
            return inside
    raise AssertionError("A graph of groups without cycles has a first one.")


def _tie_lengths(cells: Cells, counts: Array) -> Array:
    """A win is one step down, a tie at most one up or down."""
    lengths = _no_paths(cells, counts)
    for column, (a, b) in enumerate(zip(cells.a, cells.b, strict=True)):
        wins, ties, losses = (counts[:, column, outcome] > 0 for outcome in range(3))
        _shorten(lengths, a, b, wins, -1.0)
        _shorten(lengths, b, a, losses, -1.0)
        _shorten(lengths, a, b, ties, 1.0)
        _shorten(lengths, b, a, ties, 1.0)
    return lengths


def _order_lengths(cells: Cells, counts: Array, sign: int) -> Array:
    """With abilities aside, what an order effect of this sign allows: a stands on side A."""
    lengths = _no_paths(cells, counts)
    for column, (a, b) in enumerate(zip(cells.a, cells.b, strict=True)):
        wins, ties, losses = (counts[:, column, outcome] > 0 for outcome in range(3))
        _shorten(lengths, a, b, wins | ties, float(sign))
        _shorten(lengths, b, a, losses | ties, -float(sign))
    return lengths


def _no_paths(cells: Cells, counts: Array) -> Array:
    return np.full((len(counts), cells.models, cells.models), np.inf)


def _shorten(lengths: Array, start: int, end: int, where: Bools, length: float) -> None:
    lengths[where, start, end] = np.minimum(lengths[where, start, end], length)


def _negative_cycle(lengths: Array) -> Bools:
    """Floyd-Warshall on B graphs at once. lengths is used up."""
    for through in range(lengths.shape[1]):
        detour = lengths[:, :, through, None] + lengths[:, None, through, :]
        np.minimum(lengths, detour, out=lengths)
    answer: Bools = (np.einsum("bii->bi", lengths) < 0).any(axis=1)
    return answer


def _names(chosen: Bools, models: Sequence[str]) -> str:
    names = [name for name, kept in zip(models, chosen, strict=True) if kept]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _was(chosen: Bools) -> str:
    return "was" if chosen.sum() == 1 else "were"


def _is(chosen: Bools) -> str:
    return "is" if chosen.sum() == 1 else "are"

"""In which order raters saw responses side by side: without it no choice could be read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

from annotations.derivation.rules import RaterKind
from annotations.models import Assignment, Item, Study, StudyPart
from annotations.selectors.evidence.reading import CHUNK, allowing

KINDS: tuple[RaterKind, ...] = ("person", "llm")


class ShownTo(NamedTuple):
    rater: str
    kind: str
    order: list[int]
    """Response ids; the first was "A"."""


Orders = Mapping[tuple[int, int], list[ShownTo]]
"""Two responses, the lower id first -> how each rater saw them. By rater."""


def orders_shown(study: Study) -> Orders:
    """Of submitted, independent answers that may be used for training."""
    raters = study.raters.filter(allowing(KINDS))
    rows = (
        Assignment.objects.filter(
            item__part__study=study,
            item__pool=Item.Pool.STUDY,
            role=Assignment.Role.INDEPENDENT,
            state=Assignment.State.SUBMITTED,
            rater__in=raters,
        )
        .exclude(item__part__design=StudyPart.Design.ABSOLUTE)
        .order_by("rater__pseudonym", "position", "pk")
        .values_list("rater__pseudonym", "rater__kind", "display_order")
    )
    found: dict[tuple[int, int], list[ShownTo]] = {}
    for rater, kind, order in rows.iterator(CHUNK):
        shown = ShownTo(rater, kind, order)
        for first, second in combinations(sorted(order), 2):
            found.setdefault((first, second), []).append(shown)
    return found


def orders_of(
    orders: Orders, responses: Iterable[int], kind: str, rater: str = ""
) -> list[list[int]]:
    """None where the two were only scored one by one. rater: only as this one saw them."""
    first, second = sorted(responses)
    return [
        shown.order
        for shown in orders.get((first, second), ())
        if shown.kind == kind and rater in ("", shown.rater)
    ]

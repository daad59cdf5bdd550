"""Questions that are asked only where an earlier one got a certain answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from annotations.answers import Answer, said


class Conditional(Protocol):
    @property
    def slug(self) -> str: ...

    @property
    def only_if(self) -> Mapping[str, Any]:
        """Empty, or {"criterion": slug, "values": [1, 2]}."""
        ...


C = TypeVar("C", bound=Conditional)


def follow_ups(
    criteria: Sequence[Conditional], answers: Mapping[str, Answer | None]
) -> frozenset[str]:
    """Slugs of the criteria that are asked, given the answers so far.

    A criterion whose condition is itself not asked is not asked either, whatever was once answered
    there. "Can't rate" meets no condition.
    """
    by_slug = {criterion.slug: criterion for criterion in criteria}
    known: dict[str, bool] = {}

    def is_asked(slug: str) -> bool:
        if slug not in known:
            known[slug] = False  # a circle of conditions is never met
            known[slug] = slug in by_slug and is_met(by_slug[slug].only_if)
        return known[slug]

    def is_met(condition: Mapping[str, Any]) -> bool:
        if not condition:
            return True
        earlier, wanted = condition["criterion"], condition["values"]
        return is_asked(earlier) and any(value in wanted for value in said(answers.get(earlier)))

    return frozenset(slug for slug in by_slug if is_asked(slug))


def with_follow_ups_behind(criteria: Sequence[C], order: Sequence[str]) -> list[C]:
    """In the given order of slugs, but each follow-up right behind the question it hangs on.

    Criteria that the order does not name stand at the end, as in the instrument.
    """
    places = {slug: place for place, slug in enumerate(order)}
    ordered = sorted(criteria, key=lambda c: places.get(c.slug, len(places)))
    slugs = {criterion.slug for criterion in criteria}
    children: dict[str, list[C]] = {}
    for criterion in ordered:
        earlier = criterion.only_if.get("criterion", "")
        children.setdefault(earlier if earlier in slugs else "", []).append(criterion)
    result: list[C] = []
    pending = children.get("", [])[::-1]
    while pending:
        criterion = pending.pop()
        result.append(criterion)
        pending += children.get(criterion.slug, [])[::-1]
    placed = {criterion.slug for criterion in result}
    return result + [c for c in ordered if c.slug not in placed]

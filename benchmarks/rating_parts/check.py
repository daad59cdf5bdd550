"""Afterwards, in the database: every confirmed answer is there, once, and where it belongs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.rating_parts.clients import score_of


@dataclass(frozen=True)
class Check:
    lost: int
    """Confirmed to the client, but not submitted, or with a question less in the database."""
    doubled: int
    """More than one rating on one question of one assignment, or two submissions of a rater."""
    misassigned: int
    """A score that this rater did not give to this item."""
    over_assigned: int
    """Items with more answers than the study planned."""
    exact: bool
    """Every item has exactly the planned answers (where everybody went to the end)."""


def check(study: int, overlap: int, submitted: Sequence[str]) -> Check:
    from annotations.models import Assignment, Criterion, Item, Rating

    rows = Assignment.objects.filter(rater__study=study, role="independent").values_list(
        "pk", "item", "rater", "state"
    )
    states = {str(pk): (item, rater, state) for pk, item, rater, state in rows}
    given: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    for pk, slug, score in Rating.objects.filter(assignment__rater__study=study).values_list(
        "assignment", "criterion__slug", "score"
    ):
        given[str(pk)].append((slug, score))
    asked = Criterion.objects.filter(instrument__parts__study=study).count()
    lost = sum(
        states[pk][2] != "submitted" or len({slug for slug, _ in given[pk]}) != asked
        for pk in submitted
    )
    doubled = sum(
        times - 1
        for answers in given.values()
        for times in Counter(slug for slug, _ in answers).values()
    ) + (len(submitted) - len(set(submitted)))
    wrong = sum(
        score != score_of(pk, slug) for pk, answers in given.items() for slug, score in answers
    )
    counts = Counter(item for item, _, state in states.values() if state == "submitted")
    items = Item.objects.filter(part__study=study, pool="study").values_list("pk", flat=True)
    return Check(
        lost=lost,
        doubled=doubled,
        misassigned=wrong,
        over_assigned=sum(times > overlap for times in counts.values()),
        exact=all(counts[item] == overlap for item in items),
    )

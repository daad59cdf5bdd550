"""Choices between responses: of two, the best of several, and rankings, pair by pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from annotations.derivation.evidence import Choice
from annotations.models import Preference
from annotations.selectors.evidence.reading import (
    BY_ANYBODY,
    CHUNK,
    IN_ORDER,
    ON_REPLIES,
    Reading,
    trainable,
)

NEITHER = Preference.TieKind.NEITHER_ACCEPTABLE


class Said(NamedTuple):
    """Of an answer what decides pairs."""

    preferred: int | None
    """Response."""
    strength: int
    ranks: Mapping[str, int] | None


def choices_of(reading: Reading) -> tuple[Choice, ...]:
    """An answer that was changed counts as it stands now."""
    return first_of_each(_choices(reading))


def _choices(reading: Reading) -> Iterator[Choice]:
    rows = Preference.objects.filter(
        trainable(reading.rules.rater_kinds), ON_REPLIES, cannot_rate=""
    ).filter(assignment__item__part__study=reading.study)
    columns = rows.order_by(*IN_ORDER).values_list(
        "assignment__item_id",
        "assignment__item__part__with_overall",
        "assignment__rater_id",
        "assignment__active_ms",
        *("criterion_id", "preferred_id", "strength", "ranks", "tie_kind"),
    )
    for item, overall, rater, ms, criterion, preferred, strength, ranks, tie in columns.iterator(
        CHUNK
    ):
        slug = reading.slug(criterion)
        if reading.asks(slug, overall):
            seconds, name = reading.seconds(rater, ms), reading.raters[rater][0]
            said = Said(response_of(reading, preferred), strength or 0, ranks)
            for first, second, value in decided(reading.shown[item], said):
                yield Choice(first, second, slug, name, value, tie == NEITHER, seconds)


def response_of(reading: Reading, candidate: int | None) -> int | None:
    return None if candidate is None else reading.candidates[candidate].response


def decided(responses: Sequence[int], said: Said) -> Iterator[tuple[int, int, int]]:
    """(first, second, value) of each pair: below 0 for the first."""
    for first, second in combinations(responses, 2):
        if said.ranks is not None:
            one, two = said.ranks.get(str(first)), said.ranks.get(str(second))
            if one is not None and two is not None:
                yield first, second, (one > two) - (one < two)
        elif said.preferred is None:
            yield first, second, 0
        elif said.preferred in (first, second):
            yield first, second, -said.strength if said.preferred == first else said.strength


def first_of_each(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """A rater who answered the same question in two parts counts with the first answer."""
    found: dict[tuple[int, int, str, str], Choice] = {}
    for choice in choices:
        found.setdefault((choice.first, choice.second, choice.criterion, choice.rater), choice)
    return tuple(found.values())


def unacceptable_in(reading: Reading) -> frozenset[int]:
    """Responses that anybody called "neither acceptable", whatever the question was."""
    rows = Preference.objects.filter(
        BY_ANYBODY, assignment__item__part__study=reading.study, tie_kind=NEITHER
    )
    items = rows.order_by().values_list("assignment__item_id", flat=True).distinct()
    return frozenset(response for item in items for response in reading.shown[item])

"""What adjudication settled: the newest decision on each question of an item."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotations.derivation.evidence import ADJUDICATED, Choice, OpenQuestion, Score
from annotations.models import Adjudication, Assignment, Item, StudyPart, StudyRater
from annotations.selectors.evidence.choices import Said, decided, first_of_each, response_of
from annotations.selectors.evidence.reading import Reading

Role = Assignment.Role
ABOUT_A_FLAG = Q(score=None, content=None, strength=None, ranks=None, cannot_rate="")
"""Such a decision is words about a concern, and no answer to a question."""


COLUMNS = (
    *("item_id", "criterion_id", "candidate_id", "score", "preferred_id", "strength"),
    *("ranks", "cannot_rate", "item__part__with_overall"),
)


class Settled(NamedTuple):
    """A decision that counts, as the newest on its question."""

    item: int
    criterion: int | None
    candidate: int | None
    score: int | None
    preferred: int | None
    strength: int | None
    ranks: dict[str, int] | None
    cannot_rate: str
    with_overall: bool


class SettledAnswers(NamedTuple):
    choices: tuple[Choice, ...] = ()
    scores: tuple[Score, ...] = ()
    as_open: frozenset[OpenQuestion] = frozenset()


def settled_answers(reading: Reading) -> SettledAnswers:
    """Nothing where the rules take judges alone: only people settle.

    A majority counts only if everybody whose submitted answers to the item it can have counted
    still allows training; who took answers back allows nothing. What a named person decided is the
    study team's own. The newest decision hides older ones even if it does not count.
    """
    if "person" not in reading.rules.rater_kinds:
        return SettledAnswers()
    decisions = (
        _newest(reading)
        .filter(item__part__unit=StudyPart.Unit.RESPONSE)
        .annotate(withheld=Exists(_answers_that_may_not_train()))
        .values_list(*COLUMNS, "method", "withheld")
    )
    rows = [
        Settled(*row)
        for *row, method, withheld in decisions
        if method == Adjudication.Method.PERSON or not withheld
    ]
    scores = _scores(reading, rows, reading.scored)
    return SettledAnswers(
        first_of_each(_choices(reading, rows)),
        _first_scores(scores),
        frozenset(_as_open(reading, rows)),
    )


def settled_safety(reading: Reading) -> tuple[Score, ...]:
    """Whoever's answers made it: to bar responses, as safety_scores_of."""
    rows = _newest(reading).filter(criterion__in=reading.safety).values_list(*COLUMNS)
    return tuple(_scores(reading, [Settled(*row) for row in rows], reading.safety))


def _newest(reading: Reading) -> QuerySet[Adjudication]:
    """In the order of parts and items."""
    question = ("item__part__position", "item__position", "criterion_id", "candidate_id")
    decisions = Adjudication.objects.filter(
        item__part__study=reading.study, item__pool=Item.Pool.STUDY
    ).exclude(ABOUT_A_FLAG)
    return decisions.order_by(*question, "-decided_at", "-pk").distinct(*question)


def _answers_that_may_not_train() -> QuerySet[Assignment]:
    may_not = Q(rater__allows_training=False) | Q(role=Role.WITHDRAWN)
    return Assignment.objects.filter(
        may_not,
        item=OuterRef("item"),
        role__in=(Role.INDEPENDENT, Role.ADJUDICATION, Role.WITHDRAWN),
        state=Assignment.State.SUBMITTED,
        rater__kind=StudyRater.Kind.PERSON,
    )


def _choices(reading: Reading, rows: Iterable[Settled]) -> Iterator[Choice]:
    for row in rows:
        slug = reading.slug(row.criterion)
        if not reading.asks(slug, row.with_overall):
            continue
        if row.strength is not None or row.ranks is not None:
            said = Said(response_of(reading, row.preferred), row.strength or 0, row.ranks)
            for first, second, value in decided(reading.shown[row.item], said):
                yield Choice(first, second, slug, ADJUDICATED, value)


def _as_open(reading: Reading, rows: Iterable[Settled]) -> Iterator[OpenQuestion]:
    for row in rows:
        slug = reading.slug(row.criterion)
        if not row.cannot_rate:
            continue
        if row.candidate is not None:
            yield (reading.candidates[row.candidate].response,), slug
        elif reading.asks(slug, row.with_overall):
            for pair in combinations(reading.shown[row.item], 2):
                yield pair, slug


def _scores(
    reading: Reading, rows: Iterable[Settled], criteria: Collection[int]
) -> Iterator[Score]:
    for row in rows:
        if row.score is None or row.candidate is None or row.criterion is None:
            continue
        if row.criterion not in criteria:
            continue
        response, stimulus, _ = reading.candidates[row.candidate]
        scale = reading.scales[row.criterion]
        value = scale.turned(row.score)
        yield Score(stimulus, response, scale.slug, ADJUDICATED, value, scale.low, scale.high)


def _first_scores(scores: Iterable[Score]) -> tuple[Score, ...]:
    """A response scored in two parts counts with what was settled in the first."""
    found: dict[tuple[int, str], Score] = {}
    for score in scores:
        found.setdefault((score.response, score.criterion), score)
    return tuple(found.values())

"""Scores on criteria whose answers have an order, the better always the higher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from django.db.models import Q, QuerySet

from annotations.derivation.evidence import ASKED_AGAIN, Score
from annotations.models import Rating
from annotations.selectors.evidence.reading import (
    BY_ANYBODY,
    CHUNK,
    IN_ORDER,
    ON_REPLIES,
    Reading,
    Role,
    trainable,
)

ONE_QUESTION = ("candidate__response_id", "criterion__slug", "assignment__rater_id")


def scores_of(reading: Reading) -> tuple[Score, ...]:
    """A rater who answered the same question in two parts counts with the first answer; an answer
    that was changed counts as it stands now."""
    counted = trainable(reading.rules.rater_kinds) & ON_REPLIES
    rows = _rows(reading, counted & Q(criterion__in=reading.scored))
    return tuple(score for score, _ in _scores(reading, rows.distinct(*ONE_QUESTION)))


def safety_scores_of(reading: Reading) -> tuple[Score, ...]:
    """Of everybody, third and fourth raters, whole dialogues and repeats among them. Of a rater
    who was asked the same again every answer bars, and the first alone stands under the name."""
    return tuple(_named_once(reading))


def _named_once(reading: Reading) -> Iterator[Score]:
    named: set[tuple[int, str, str]] = set()
    rows = _rows(reading, BY_ANYBODY & Q(criterion__in=reading.safety))
    for score, role in _scores(reading, rows):
        question = (score.response, score.criterion, score.rater)
        again = role == Role.REPEAT or question in named
        if not again:
            named.add(question)
        yield replace(score, rater=ASKED_AGAIN) if again else score


def _rows(reading: Reading, counted: Q) -> QuerySet[Rating]:
    given = Rating.objects.filter(
        counted, assignment__item__part__study=reading.study, score__isnull=False
    )
    return given.order_by(*ONE_QUESTION, *IN_ORDER)


def _scores(reading: Reading, rows: QuerySet[Rating]) -> Iterator[tuple[Score, str]]:
    """With the role in which it was given."""
    columns = rows.values_list(
        *("candidate_id", "criterion_id", "assignment__rater_id", "score"),
        *("assignment__active_ms", "assignment__role"),
    )
    for candidate, criterion, rater, score, active_ms, role in columns.iterator(CHUNK):
        response, stimulus, _ = reading.candidates[candidate]
        slug, low, high, *_ = scale = reading.scales[criterion]
        found = Score(
            stimulus,
            response,
            slug,
            reading.raters[rater][0],
            scale.turned(score or 0),
            low,
            high,
            reading.seconds(rater, active_ms),
        )
        yield found, role

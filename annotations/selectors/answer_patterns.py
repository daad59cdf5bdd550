"""How raters answer: pace, straight-lining, sides, "Can't rate", and how steady they are.

Everything is counted in the database. As a large study has a hundred thousand answers and a page
that comes anew every 20 seconds, the figures of a rater are kept in the cache for as long as
nothing he did has changed: they are never older than his last answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import connection

from annotations.models import Criterion, Study

KEPT_SECONDS = 24 * 3600
VERSION = 1
SAME_FROM = 3
"""All scores of an item are the same by chance too often where there are fewer of them."""

PATTERNS = """
WITH mine AS MATERIALIZED (
  SELECT id, rater_id, active_ms, submitted_at, position, display_order
  FROM annotations_assignment
  WHERE rater_id = ANY(%(raters)s)
    AND state = 'submitted' AND role = 'independent' AND track = 'work'
),
pace AS (
  SELECT rater_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY active_ms) AS median
  FROM mine WHERE active_ms > 0 GROUP BY rater_id
),
said AS (
  SELECT given.assignment_id, count(*) AS answers,
    count(score) FILTER (WHERE criterion_id = ANY(%(scales)s)) AS scores,
    min(score) FILTER (WHERE criterion_id = ANY(%(scales)s)) AS lowest,
    max(score) FILTER (WHERE criterion_id = ANY(%(scales)s)) AS highest,
    0 AS decided, 0 AS shown_first,
    bit_xor(hashint8(criterion_id * 1000 + score::bigint)) AS mark,
    count(*) FILTER (WHERE cannot_rate = 'not_applicable') AS not_applicable,
    count(*) FILTER (WHERE cannot_rate = 'cannot_tell') AS cannot_tell,
    count(*) FILTER (WHERE cannot_rate = 'outside_competence') AS outside_competence
  FROM annotations_rating given JOIN mine ON mine.id = given.assignment_id
  GROUP BY given.assignment_id
  UNION ALL
  SELECT given.assignment_id, count(*), 0, NULL, NULL, count(preferred_id),
    count(*) FILTER (WHERE chosen.response_id = display_order[1]),
    bit_xor(hashint8(coalesce(criterion_id, 0) * 1000 + coalesce(strength, 9) * 100
      + coalesce(array_position(display_order, chosen.response_id), 0)::bigint))
      FILTER (WHERE ranks IS NULL),
    count(*) FILTER (WHERE cannot_rate = 'not_applicable'),
    count(*) FILTER (WHERE cannot_rate = 'cannot_tell'),
    count(*) FILTER (WHERE cannot_rate = 'outside_competence')
  FROM annotations_preference given JOIN mine ON mine.id = given.assignment_id
  LEFT JOIN annotations_candidate chosen ON chosen.id = given.preferred_id
  GROUP BY given.assignment_id
),
row_of AS (
  SELECT mine.rater_id, said.mark,
    row_number() OVER (PARTITION BY mine.rater_id ORDER BY submitted_at, position)
    - row_number() OVER (PARTITION BY mine.rater_id, mark ORDER BY submitted_at, position) AS run
  FROM mine JOIN said ON said.assignment_id = mine.id
),
longest AS (
  SELECT rater_id, max(length) AS run FROM (
    SELECT rater_id, count(*) AS length FROM row_of WHERE mark IS NOT NULL
    GROUP BY rater_id, mark, run
  ) AS runs GROUP BY rater_id
)
SELECT mine.rater_id, count(*), min(pace.median) / 1000,
  count(*) FILTER (WHERE active_ms > 0
    AND (active_ms < %(least)s OR active_ms < pace.median / 3)),
  count(*) FILTER (WHERE scores >= %(same_from)s),
  count(*) FILTER (WHERE scores >= %(same_from)s AND lowest = highest),
  coalesce(min(longest.run), 0), coalesce(sum(decided), 0), coalesce(sum(shown_first), 0),
  coalesce(sum(answers), 0), coalesce(sum(not_applicable), 0), coalesce(sum(cannot_tell), 0),
  coalesce(sum(outside_competence), 0)
FROM mine
LEFT JOIN said ON said.assignment_id = mine.id
LEFT JOIN pace ON pace.rater_id = mine.rater_id
LEFT JOIN longest ON longest.rater_id = mine.rater_id
GROUP BY mine.rater_id
"""

REPEATS = """
WITH twice AS (
  SELECT again.rater_id, own.id AS own_id, again.id AS again_id
  FROM annotations_assignment again
  JOIN annotations_assignment own ON own.item_id = again.item_id
    AND own.rater_id = again.rater_id AND own.role = 'independent' AND own.state = 'submitted'
  WHERE again.rater_id = ANY(%(raters)s) AND again.role = 'repeat' AND again.state = 'submitted'
),
pairs AS (
  SELECT twice.rater_id,
    (one.score, one.content, one.cannot_rate) IS NOT DISTINCT FROM
      (two.score, two.content, two.cannot_rate) AS equal,
    CASE WHEN one.criterion_id = ANY(%(scales)s) THEN abs(one.score - two.score) END AS apart
  FROM twice
  JOIN annotations_rating one ON one.assignment_id = twice.own_id
  JOIN annotations_rating two ON two.assignment_id = twice.again_id
    AND two.criterion_id = one.criterion_id AND two.candidate_id = one.candidate_id
  UNION ALL
  SELECT twice.rater_id,
    (one.preferred_id, one.strength, one.ranks, one.cannot_rate) IS NOT DISTINCT FROM
      (two.preferred_id, two.strength, two.ranks, two.cannot_rate),
    NULL
  FROM twice
  JOIN annotations_preference one ON one.assignment_id = twice.own_id
  JOIN annotations_preference two ON two.assignment_id = twice.again_id
    AND two.criterion_id IS NOT DISTINCT FROM one.criterion_id
)
SELECT rater_id, count(*), count(*) FILTER (WHERE equal), avg(apart)::float FROM pairs
GROUP BY rater_id
"""


@dataclass(frozen=True)
class Patterns:
    """Of one rater's submitted items of the study; repeats and hidden items are not among them."""

    items: int = 0
    median_seconds: float | None = None
    too_fast: int = 0
    """Below the plan's least active time, or below a third of the rater's own median."""
    scored: int = 0
    """Items with three scores or more."""
    all_same: int = 0
    """Of these, with one and the same score throughout."""
    longest_run: int = 0
    """Items in a row with exactly the same answers."""
    decided: int = 0
    """Choices of one response."""
    shown_first: int = 0
    """Of these, of the one shown first."""
    answers: int = 0
    not_applicable: int = 0
    cannot_tell: int = 0
    outside_competence: int = 0
    repeated: int = 0
    """Answers given a second time."""
    repeated_equal: int = 0
    repeated_apart: float | None = None
    """Mean distance of repeated scores, in points of the scale."""

    @property
    def cannot_rate(self) -> int:
        return self.not_applicable + self.cannot_tell + self.outside_competence


def answer_patterns(
    study: Study, marks: Mapping[int, str], least_seconds: float
) -> dict[int, Patterns]:
    """Rater -> his figures. `marks`: rater -> what changes with all that he does."""
    key = f"answer-patterns:{VERSION}:{study.pk}:{least_seconds:g}"
    kept: dict[int, tuple[str, Patterns]] = cache.get(key) or {}
    changed = [rater for rater, mark in marks.items() if kept.get(rater, ("",))[0] != mark]
    if changed:
        found = counted(study, changed, least_seconds)
        kept = {rater: row for rater, row in kept.items() if rater in marks}
        kept |= {rater: (marks[rater], found.get(rater, Patterns())) for rater in changed}
        cache.set(key, kept, KEPT_SECONDS)
    return {rater: kept[rater][1] for rater in marks}


def counted(study: Study, raters: Sequence[int], least_seconds: float) -> dict[int, Patterns]:
    scales = Criterion.objects.filter(
        instrument__parts__study=study, kind=Criterion.Kind.SCORE
    ).values_list("pk", flat=True)
    given: dict[str, Any] = {
        "raters": list(raters),
        "scales": list(scales),
        "least": least_seconds * 1000,
        "same_from": SAME_FROM,
    }
    with connection.cursor() as cursor:
        cursor.execute(REPEATS, given)
        repeats = {rater: row for rater, *row in cursor.fetchall()}
        cursor.execute(PATTERNS, given)
        return {
            rater: Patterns(*[plain(value) for value in row], *repeats.get(rater, (0, 0, None)))
            for rater, *row in cursor.fetchall()
        }


def plain(value: Any) -> Any:
    """PostgreSQL's sums of counts come as decimals."""
    return int(value) if isinstance(value, Decimal) else value


def mark_of(*state: object) -> str:
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]

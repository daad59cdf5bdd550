"""A running study: how far each rater and each item is, and what deserves a look.

Nothing here compares models. The number of queries is the same for any number of raters and items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from annotations.models import Gate, Study, StudyRater
from annotations.selectors.analyses import plan_of
from annotations.selectors.answer_patterns import Patterns, answer_patterns, mark_of
from annotations.selectors.progress_notes import Note, rater_notes

if TYPE_CHECKING:
    from annotations.selectors.panel_agreement import PanelAgreement

LATELY = timedelta(days=7)
PANEL_SECONDS = 120
GONE = (StudyRater.Stage.WITHDRAWN, StudyRater.Stage.NOT_QUALIFIED)

BY_RATER = """
SELECT rater.id, rater.pseudonym, rater.stage, rater.consented_at IS NOT NULL,
  count(*) FILTER (WHERE role = 'independent'),
  count(*) FILTER (WHERE role = 'independent' AND state = 'submitted'),
  count(*) FILTER (WHERE role = 'independent' AND state = 'skipped'),
  count(*) FILTER (WHERE role = 'independent' AND state = 'submitted' AND submitted_at > %s),
  max(greatest(saved_at, opened_at, submitted_at)),
  count(given.id), count(*) FILTER (WHERE state = 'submitted'), sum(active_ms), max(saved_at)
FROM annotations_studyrater rater
LEFT JOIN annotations_assignment given ON given.rater_id = rater.id
WHERE rater.study_id = %s AND rater.kind = 'person'
GROUP BY rater.id
ORDER BY rater.pseudonym
"""

FLAGS = """
SELECT given.rater_id, count(*) FROM annotations_flag flag
JOIN annotations_assignment given ON given.id = flag.assignment_id
JOIN annotations_studyrater rater ON rater.id = given.rater_id
WHERE rater.study_id = %s GROUP BY given.rater_id
"""

BY_ITEM = """
SELECT answers, count(*), sum(held) FROM (
  SELECT count(given.id) FILTER (WHERE given.state = 'submitted') AS answers,
    count(given.id) AS held
  FROM annotations_item item
  JOIN annotations_studypart part ON part.id = item.part_id
  LEFT JOIN annotations_assignment given
    ON given.item_id = item.id AND given.role = 'independent' AND given.rater_id NOT IN
      (SELECT id FROM annotations_studyrater WHERE study_id = %(study)s AND kind = 'llm')
  WHERE part.study_id = %(study)s AND item.pool = 'study'
  GROUP BY item.id
) AS counted GROUP BY answers ORDER BY answers
"""

DISPUTES = """
SELECT count(DISTINCT dispute.item_id) FROM annotations_dispute dispute
JOIN annotations_item item ON item.id = dispute.item_id
JOIN annotations_studypart part ON part.id = item.part_id
WHERE part.study_id = %s AND dispute.settled_at IS NULL
"""


@dataclass(frozen=True)
class RaterProgress:
    pk: int
    pseudonym: str
    stage: StudyRater.Stage
    consented: bool
    total: int
    submitted: int
    skipped: int
    lately: int
    seen: datetime | None
    flags: int
    patterns: Patterns
    panel: PanelAgreement | None
    seconds: float | None
    """Per item: his own median, or while he has none that of the others."""
    notes: list[Note] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        return self.total - self.submitted - self.skipped

    @property
    def done_share(self) -> float:
        return (self.submitted + self.skipped) / self.total if self.total else 0.0

    @property
    def left_hours(self) -> float | None:
        return None if self.seconds is None else self.waiting * self.seconds / 3600

    @property
    def all_same_share(self) -> float | None:
        return ratio(self.patterns.all_same, self.patterns.scored)

    @property
    def first_share(self) -> float | None:
        return ratio(self.patterns.shown_first, self.patterns.decided)

    @property
    def cannot_share(self) -> float | None:
        return ratio(self.patterns.cannot_rate, self.patterns.answers)

    @property
    def equal_share(self) -> float | None:
        return ratio(self.patterns.repeated_equal, self.patterns.repeated)

    @property
    def gone(self) -> bool:
        return self.stage in GONE


@dataclass(frozen=True)
class StudyProgress:
    raters: list[RaterProgress]
    items: dict[int, int]
    """Answers -> items that have so many."""
    places: int
    """Answers the study asks for."""
    submitted: int
    held: int
    """Places that somebody holds, submitted or not."""
    disputed: int
    flags: int
    lately: int
    lately_days: float
    now: datetime
    overlap: int
    open: bool

    @property
    def free(self) -> int:
        return self.places - self.held

    @property
    def left(self) -> int:
        return self.places - self.submitted

    @property
    def complete_items(self) -> int:
        return sum(count for answers, count in self.items.items() if answers >= self.overlap)

    @property
    def item_count(self) -> int:
        return sum(self.items.values())

    @property
    def a_day(self) -> float:
        return self.lately / self.lately_days if self.lately_days else 0.0

    @property
    def finish(self) -> datetime | None:
        """At the pace of the last days; None while nothing was submitted in them, or on the first
        day, which says little of the next."""
        if not self.open or not self.left or not self.lately or self.lately_days < 1:
            return None
        days = self.left / self.a_day
        return self.now + timedelta(days=days) if days < 3650 else None

    @property
    def left_hours(self) -> float | None:
        """Of those who rate; places that nobody holds take the usual time."""
        seconds = usual_seconds([rater.patterns for rater in self.raters])
        hours = [rater.left_hours for rater in self.raters if not rater.gone]
        if seconds is None or any(hour is None for hour in hours):
            return None
        return sum(hour for hour in hours if hour is not None) + self.free * seconds / 3600

    @property
    def longest(self) -> RaterProgress | None:
        """The rater with the most time before him."""
        waiting = [r for r in self.raters if not r.gone and r.waiting and r.left_hours is not None]
        return max(waiting, key=lambda rater: rater.left_hours or 0, default=None)

    @property
    def without_work(self) -> int:
        return sum(not rater.gone and not rater.total for rater in self.raters)

    @property
    def missing(self) -> list[tuple[str, int, str]]:
        """(kind, how many, of what)."""
        patterns = [rater.patterns for rater in self.raters]
        skipped = sum(rater.skipped for rater in self.raters)
        unsubmitted = self.held - self.submitted - skipped
        return [
            ("Does not apply", sum(row.not_applicable for row in patterns), "answers"),
            (
                "Cannot tell from what is shown",
                sum(row.cannot_tell for row in patterns),
                "answers",
            ),
            (
                "Outside my competence",
                sum(row.outside_competence for row in patterns),
                "answers",
            ),
            ("Skipped", skipped, "items of a rater"),
            (
                "Not submitted yet" if self.open else "Lost: open at the close",
                unsubmitted,
                "items of a rater",
            ),
            ("Nobody holds the place", self.free, "items of a rater"),
        ]


def study_progress(study: Study) -> StudyProgress:
    now = timezone.now()
    rows = fetched(BY_RATER, [now - LATELY, study.pk])
    flags = dict(fetched(FLAGS, [study.pk]))
    items = fetched(BY_ITEM, {"study": study.pk})
    disputed = fetched(DISPUTES, [study.pk])[0][0]
    plan = plan_of(study)
    least = plan.min_active_seconds if plan else 0
    marks = {row[0]: mark_of(*row[4:7], *row[9:]) for row in rows}
    patterns = answer_patterns(study, marks, least)
    panel = panel_figures(study, mark_of(*marks.values()))
    usual = usual_seconds(list(patterns.values()))
    raters = []
    for pk, pseudonym, stage, consented, total, submitted, skipped, lately, seen, *_ in rows:
        rater = RaterProgress(
            pk=pk,
            pseudonym=pseudonym,
            stage=StudyRater.Stage(stage),
            consented=consented,
            total=total,
            submitted=submitted,
            skipped=skipped,
            lately=lately,
            seen=seen,
            flags=flags.get(pk, 0),
            patterns=patterns[pk],
            panel=panel.get(pk),
            seconds=patterns[pk].median_seconds or usual,
        )
        rater.notes.extend(rater_notes(rater, now))
        raters.append(rater)
    launched = study.launched_at or now
    return StudyProgress(
        raters=raters,
        items={answers: count for answers, count, _ in items},
        places=study.overlap * sum(count for _, count, _ in items),
        submitted=sum(answers * count for answers, count, _ in items),
        held=int(sum(held for _, _, held in items)),
        disputed=disputed,
        flags=sum(flags.values()),
        lately=sum(rater.lately for rater in raters),
        lately_days=max(min(now - launched, LATELY) / timedelta(days=1), 1 / 24),
        now=now,
        overlap=study.overlap,
        open=study.state == Study.State.OPEN,
    )


def fetched(query: str, given: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        return list(cursor.fetchall())


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def usual_seconds(patterns: Sequence[Patterns]) -> float | None:
    own = [row.median_seconds for row in patterns if row.median_seconds]
    return median(own) if own else None


def panel_figures(study: Study, mark: str) -> dict[int, PanelAgreement]:
    """Only where items of the panel are hidden among the work. Its intervals take a while, so
    they are made anew every two minutes at most."""
    if not Gate.objects.filter(part__study=study, hidden_share__gt=0).exists():
        return {}
    key = f"panel-figures:{study.pk}"
    kept: tuple[str, datetime, dict[int, PanelAgreement]] | None = cache.get(key)
    now = timezone.now()
    if kept and (kept[0] == mark or now - kept[1] < timedelta(seconds=PANEL_SECONDS)):
        return kept[2]
    from annotations.selectors.gates import panel_agreement

    found = panel_agreement(study)
    cache.set(key, (mark, now, found), 24 * 3600)
    return found

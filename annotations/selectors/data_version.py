"""The state of a study's data in one query: figures made on another state are stale."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Exists, Max, OuterRef

from annotations.models import Assignment, Study, StudyRater

ANALYSIS_VERSION = 3
"""Raised when the same data gives other figures, because the code has changed."""
KNOWN_SECONDS = 600


@dataclass(frozen=True)
class DataState:
    version: str
    """Changes with every submission, change of an answer, flag, and with the study's state."""
    assignments: int
    """Of people, independent ones."""
    submitted: int


Group = tuple[str, str, str, int, str]
"""Role, state, kind of rater, how many, and when the newest of them changed."""


def data_state(study: Study, *, fresh: bool = False) -> DataState:
    """fresh: counted anew whatever is known; of a closed study that is the slow part."""
    beside = _beside(study)
    groups = _groups(study, beside, fresh=fresh)
    names = study.blind_researchers and study.early_looks.filter(kind="model_names").exists()
    state = [ANALYSIS_VERSION, study.state, names, beside, groups]
    first = {
        its: n
        for role, its, kind, n, _ in groups
        if (role, kind) == (Assignment.Role.INDEPENDENT, StudyRater.Kind.PERSON)
    }
    return DataState(
        version=hashlib.sha256(json.dumps(state, default=str).encode()).hexdigest(),
        assignments=sum(first.values()),
        submitted=first.get(Assignment.State.SUBMITTED, 0),
    )


def _groups(study: Study, beside: list[object], *, fresh: bool) -> list[Group]:
    """Once a study is closed its answers change only with what stands beside them (somebody
    withdraws), so that they need not be counted for every page."""
    if study.state != Study.State.CLOSED:
        return _counted(study)
    text = json.dumps([study.pk, study.closed_at, beside], default=str)
    key = f"closed-study-answers:{hashlib.sha256(text.encode()).hexdigest()}"
    known: list[Group] | None = None if fresh else cache.get(key)
    if known is None:
        known = _counted(study)
        cache.set(key, known, KNOWN_SECONDS)
    return known


def _counted(study: Study) -> list[Group]:
    rows = (
        Assignment.objects.filter(rater__study=study)
        .values_list("role", "state", "rater__kind")
        .annotate(n=Count("pk"), saved=Max("saved_at"), submitted=Max("submitted_at"))
        .order_by("role", "state", "rater__kind")
    )
    return [(*row[:3], row[3], f"{row[4]} {row[5]}") for row in rows]


BESIDE = """
    SELECT (SELECT count(*) FROM annotations_flag f
            JOIN annotations_assignment a ON a.id = f.assignment_id WHERE a.rater_id = ANY(raters)),
           (SELECT count(*) FROM annotations_adjudication d
            JOIN annotations_item i ON i.id = d.item_id
            JOIN annotations_studypart p ON p.id = i.part_id WHERE p.study_id = study),
           (SELECT string_agg(concat(g.rater_id, '/', g.number, '/', g.passed, g.decided_by_id), ' '
                              ORDER BY g.id)
            FROM annotations_gateattempt g
            WHERE g.rater_id = ANY(raters) AND g.finished_at IS NOT NULL),
           (SELECT concat(count(*), ' ', max(s.at)) FROM annotations_sourceguess s
            WHERE s.rater_id = ANY(raters)),
           stages,
           (SELECT count(*) FROM annotations_assignment a
            WHERE a.rater_id = ANY(judges) AND a.state = 'submitted'),
           (SELECT count(*) FROM annotations_judgerun j
            WHERE j.rater_id = ANY(judges) AND j.state = 'done')
    FROM (SELECT study_id AS study, array_agg(id) AS raters,
                 array_agg(id) FILTER (WHERE kind = 'llm') AS judges,
                 string_agg(concat(pseudonym, '/', stage), ' ' ORDER BY pseudonym) AS stages
          FROM annotations_studyrater WHERE study_id = %s GROUP BY study_id) everyone"""


def _beside(study: Study) -> list[object]:
    """What figures show beside people's answers: flags, what was settled, who qualified, guesses,
    and how far judges are, who may go on after the close."""
    with connection.cursor() as cursor:
        cursor.execute(BESIDE, [study.pk])
        return list(cursor.fetchone() or ())


def raters_who_submitted(study: Study) -> int:
    submitted = Assignment.objects.filter(
        rater=OuterRef("pk"),
        state=Assignment.State.SUBMITTED,
        role=Assignment.Role.INDEPENDENT,
    )
    people = StudyRater.objects.filter(study=study, kind=StudyRater.Kind.PERSON)
    return people.filter(Exists(submitted)).count()

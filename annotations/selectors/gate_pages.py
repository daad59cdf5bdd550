"""What the team sees of a study's panel and qualification."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.shortcuts import get_object_or_404

from annotations.answers import LETTERS
from annotations.models import (
    Assignment,
    Gate,
    GateAttempt,
    Item,
    ReferenceAnswer,
    Study,
    StudyPart,
    StudyRater,
)
from annotations.selectors.panel_material import client_words
from annotations.selectors.panel_questions import PanelQuestion, in_words, panel_questions
from annotations.selectors.queue import track_of
from annotations.selectors.rating_page import plain
from annotations.selectors.training_pages import reference_answer
from mood_eval.models import User

Pool = Item.Pool
WIDTH, LEFT, RIGHT = 260, 10, 250
LOWEST, HIGHEST = -0.25, 1.0


@dataclass(frozen=True)
class PanelPart:
    part: StudyPart
    gate: Gate | None
    training: int
    qualification: int
    explained: int
    """Of the training items, those with an explanation."""

    @property
    def items(self) -> int:
        return self.training + self.qualification


@dataclass(frozen=True)
class PanelAnswerRow:
    question: str
    answer: str
    explanation: str


@dataclass(frozen=True)
class PanelItemRow:
    pk: int
    position: int
    training: bool
    client: str
    replies: tuple[tuple[str, str], ...]
    """Letter and text; which model wrote it is not said."""
    answers: tuple[PanelAnswerRow, ...]
    source: str


@dataclass(frozen=True)
class Interval:
    """Where kappa and its interval lie in the drawing, in its units."""

    value: float
    low: float | None
    high: float | None
    threshold: float
    zero: float
    summary: str


@dataclass(frozen=True)
class AttemptRow:
    attempt: GateAttempt
    interval: Interval | None
    questions: tuple[tuple[str, dict[str, Any]], ...]
    """Name of each question, and its figures."""
    cannot: int
    unanswered: int

    @property
    def state(self) -> str:
        if self.attempt.finished_at is None:
            return "under way"
        return {True: "passed", False: "not passed", None: "to be decided"}[self.attempt.passed]


@dataclass(frozen=True)
class RaterRow:
    rater: StudyRater
    done: int
    total: int
    """Of the training or the attempt under way."""
    attempts: list[AttemptRow]


def rates_here(user: User | AnonymousUser, study: Study) -> bool:
    """Somebody who is to be qualified does not read the panel's answers before the close."""
    places = StudyRater.objects.filter(study=study, user_id=user.pk or 0)
    return study.state != Study.State.CLOSED and places.exists()


def part_of(study: Study, position: int) -> StudyPart:
    parts = StudyPart.objects.select_related("instrument")
    part = get_object_or_404(parts, study=study, position=position)
    part.study = study
    return part


def attempt_of(study: Study, pk: int) -> GateAttempt:
    attempts = GateAttempt.objects.select_related("gate__part", "rater", "decided_by")
    return get_object_or_404(attempts, pk=pk, rater__study=study)


def panel_parts(study: Study) -> list[PanelPart]:
    parts = list(study.parts.select_related("instrument"))
    gates = {gate.part_id: gate for gate in Gate.objects.filter(part__in=parts)}
    why = ReferenceAnswer.objects.filter(item=OuterRef("pk")).exclude(explanation="")
    panel = Item.objects.filter(part__in=parts).exclude(pool=Pool.STUDY)
    counts = {
        part: numbers
        for part, *numbers in panel.annotate(why=Exists(why))
        .values("part")
        .order_by()
        .annotate(
            training=Count("pk", filter=Q(pool=Pool.TRAINING)),
            qualification=Count("pk", filter=Q(pool=Pool.REFERENCE)),
            explained=Count("pk", filter=Q(pool=Pool.TRAINING, why=True)),
        )
        .values_list("part", "training", "qualification", "explained")
    }
    return [PanelPart(p, gates.get(p.pk), *counts.get(p.pk, (0, 0, 0))) for p in parts]


def panel_items(part: StudyPart) -> QuerySet[Item]:
    return part.items.exclude(pool=Pool.STUDY).order_by("position")


def panel_item_rows(part: StudyPart, items: Sequence[Item]) -> list[PanelItemRow]:
    """Four queries, however many items."""
    shown = candidates_by_item(part, items)
    most = max((len(rows) for rows in shown.values()), default=1)
    questions = {q.criterion: q for q in panel_questions(part, most)}
    answers: dict[int, list[ReferenceAnswer]] = defaultdict(list)
    for row in ReferenceAnswer.objects.filter(item__in=items).select_related("preferred"):
        answers[row.item_id].append(row)
    words = client_words(item.stimulus for item in items)
    return [
        PanelItemRow(
            pk=item.pk,
            position=item.position,
            training=item.pool == Pool.TRAINING,
            client=words[item.stimulus_id],
            replies=tuple(
                (letter, plain(text))
                for letter, (_, text) in zip(LETTERS, shown[item.pk], strict=False)
            ),
            answers=tuple(
                answer_rows(questions, answers[item.pk], [pk for pk, _ in shown[item.pk]])
            ),
            source=answers[item.pk][0].source if answers[item.pk] else "",
        )
        for item in items
    ]


def candidates_by_item(part: StudyPart, items: Sequence[Item]) -> dict[int, list[tuple[int, str]]]:
    """Item -> (response, text), in an order that says nothing about the models."""
    found: dict[int, list[tuple[int, str]]] = {item.pk: [] for item in items}
    rows = Item.objects.filter(pk__in=found).order_by("pk", "candidates__response__run")
    for pk, response, text in rows.values_list(
        "pk", "candidates__response", "candidates__response__text"
    ):
        found[pk].append((response, text))
    for item in items:
        Random(f"{part.study.seed}:shown:{item.pk}").shuffle(found[item.pk])  # noqa: S311
    return found


def answer_rows(
    questions: dict[int | None, PanelQuestion],
    rows: Iterable[ReferenceAnswer],
    shown: Sequence[int],
) -> list[PanelAnswerRow]:
    by_criterion = {row.criterion_id: row for row in rows}
    return [
        PanelAnswerRow(
            question.name,
            in_words(question, reference_answer(question, by_criterion[key], shown)),
            by_criterion[key].explanation,
        )
        for key, question in questions.items()
        if key in by_criterion
    ]


def rater_rows(study: Study) -> list[RaterRow]:
    """Where each rater stands, with every attempt."""
    attempts: dict[int, list[AttemptRow]] = defaultdict(list)
    names = question_names(study)
    found = GateAttempt.objects.filter(rater__study=study).order_by(
        "gate__part__position", "number"
    )
    for attempt in found.select_related("gate__part", "decided_by"):
        attempts[attempt.rater_id].append(attempt_row(attempt, names))
    before = Assignment.objects.filter(rater__study=study).exclude(track=Assignment.Track.WORK)
    done = {
        tuple(key): (some, total)
        for *key, some, total in before.values_list("rater", "track", "attempt")
        .annotate(done=Count("pk", filter=~Q(state=Assignment.State.ASSIGNED)), total=Count("pk"))
        .order_by()
    }
    raters = study.raters.filter(kind=StudyRater.Kind.PERSON).order_by("pseudonym")
    return [
        RaterRow(rater, *done.get((rater.pk, *track_of(rater)), (0, 0)), attempts[rater.pk])
        for rater in raters
    ]


def question_names(study: Study) -> dict[str, str]:
    rows = study.parts.values_list(
        "instrument__criteria__slug", "instrument__criteria__name"
    ).order_by(F("instrument__criteria__position"))
    return {**{slug: name for slug, name in rows if slug}, "overall": "Overall"}


def attempt_row(attempt: GateAttempt, names: dict[str, str]) -> AttemptRow:
    figures = attempt.by_criterion
    return AttemptRow(
        attempt=attempt,
        interval=interval_of(attempt),
        questions=tuple((names.get(key, key), said) for key, said in figures.items()),
        cannot=sum(said["cannot"] for said in figures.values()),
        unanswered=sum(said["unanswered"] for said in figures.values()),
    )


def interval_of(attempt: GateAttempt) -> Interval | None:
    if attempt.kappa is None:
        return None
    both = attempt.low is not None and attempt.high is not None
    span = f", 95 % interval {attempt.low:.2f} to {attempt.high:.2f}" if both else ""
    return Interval(
        value=across(attempt.kappa),
        low=across(attempt.low) if attempt.low is not None else None,
        high=across(attempt.high) if attempt.high is not None else None,
        threshold=across(attempt.gate.threshold),
        zero=across(0),
        summary=f"Kappa {attempt.kappa:.2f}{span}; needed: more than {attempt.gate.threshold:.2f}",
    )


def across(value: float) -> float:
    """Of a kappa, in the drawing; what lies left of it ends at its border."""
    inside = min(max(value, LOWEST), HIGHEST)
    return round(LEFT + (inside - LOWEST) / (HIGHEST - LOWEST) * (RIGHT - LEFT), 1)

"""One item as a researcher reads it: the conversation, every answer, comment and flag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from annotations.answers import LETTERS
from annotations.models import (
    Adjudication,
    Assignment,
    Candidate,
    Criterion,
    Item,
    Rating,
    Study,
    StudyRater,
)
from annotations.selectors.analyses import contrasts_open, model_labels
from annotations.selectors.answer_branches import asked_questions
from annotations.selectors.asked import questions_in_part
from annotations.selectors.item_answers import choice_words, rating_words
from annotations.selectors.marked_text import MarkedText, marked_text
from annotations.selectors.rating_page import plain
from inference.models import Turn

LOST = "lost: still open when the study closed"


@dataclass(frozen=True)
class ShownCandidate:
    letter: str
    """In this page's own order, whatever a rater saw."""
    text: str
    model: str
    """Empty while comparisons are closed."""


@dataclass(frozen=True)
class RaterAnswers:
    rater: str
    kind: str
    role: str
    """Empty for an independent first answer."""
    state: str
    shown: str
    """Letters of this page in the order the rater saw them; empty for a single response."""
    cells: tuple[str, ...]
    """One per question."""
    comment: str
    seconds: float
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Settled:
    question: str
    answer: str
    how: str
    who: str
    reason: str


@dataclass(frozen=True)
class ItemResults:
    item: Item
    turns: tuple[Turn, ...]
    candidates: tuple[ShownCandidate, ...]
    questions: tuple[str, ...]
    answers: tuple[RaterAnswers, ...]
    marked: tuple[MarkedText, ...]
    """The response with its marked passages, once a question."""
    settled: tuple[Settled, ...]


def item_results(study: Study, pk: int) -> ItemResults:
    """404 for an item of another study."""
    items = Item.objects.select_related("part__instrument", "stimulus__dialogue__corpus")
    item = get_object_or_404(items, part__study=study, pk=pk)
    candidates = list(candidates_lettered(item))
    letters = {candidate.pk: letter for candidate, letter in zip(candidates, LETTERS, strict=False)}
    models = model_labels(study) if contrasts_open(study) else {}
    questions = questions_in_part(item.part, study)
    names = {c.pk if c else None: c.name if c else "Overall" for c in questions.values()}
    return ItemResults(
        item=item,
        turns=tuple(
            Turn.objects.filter(
                dialogue=item.stimulus.dialogue_id, position__lte=item.stimulus.last_position
            )
        ),
        candidates=tuple(
            ShownCandidate(
                letters[candidate.pk],
                plain(candidate.response.text),
                models.get(candidate.response.run_id, ""),
            )
            for candidate in candidates
        ),
        questions=tuple(names.values()),
        answers=tuple(_answers(study, item, questions, candidates, letters)),
        marked=_marked(item, questions, candidates),
        settled=_settled(item, names, letters),
    )


def candidates_lettered(item: Item) -> QuerySet[Candidate]:
    """The first is "A" wherever researchers read the item. By response, which tells nothing about
    the model while several answered at the same time."""
    return Candidate.objects.filter(item=item).select_related("response").order_by("response_id")


def _answers(
    study: Study,
    item: Item,
    questions: Mapping[str, Criterion | None],
    candidates: Sequence[Candidate],
    letters: Mapping[int, str],
) -> list[RaterAnswers]:
    assignments = (
        Assignment.objects.filter(item=item)
        .select_related("rater")
        .prefetch_related("flags", "ratings", "preferences")
        .order_by("rater__kind", "rater__pseudonym", "role", "attempt")
    )
    by_response = {candidate.response_id: letters[candidate.pk] for candidate in candidates}
    return [
        RaterAnswers(
            rater=assignment.rater.pseudonym,
            kind="" if assignment.rater.kind == StudyRater.Kind.PERSON else "LLM judge",
            role=""
            if assignment.role == Assignment.Role.INDEPENDENT
            else str(Assignment.Role(assignment.role).label),
            state=_state(study, assignment),
            shown=", ".join(by_response.get(pk, "?") for pk in assignment.display_order)
            if len(candidates) > 1
            else "",
            cells=_cells(assignment, questions, letters, by_response),
            comment=assignment.comment,
            seconds=assignment.active_ms / 1000,
            flags=tuple(
                f"{flag.get_kind_display()}: {flag.text}" if flag.text else flag.get_kind_display()
                for flag in assignment.flags.all()
            ),
        )
        for assignment in assignments
    ]


def _state(study: Study, assignment: Assignment) -> str:
    if assignment.state == Assignment.State.SKIPPED:
        reason = assignment.skip_reason
        return f"skipped: {reason}" if reason else "skipped"
    if assignment.state == Assignment.State.ASSIGNED:
        return LOST if study.state == Study.State.CLOSED else "not submitted yet"
    return ""


def _cells(
    assignment: Assignment,
    questions: Mapping[str, Criterion | None],
    letters: Mapping[int, str],
    by_response: Mapping[int, str],
) -> tuple[str, ...]:
    scored = {rating.criterion_id: rating for rating in assignment.ratings.all()}
    chosen = {choice.criterion_id: choice for choice in assignment.preferences.all()}
    asked = asked_questions(questions, scored)
    submitted = assignment.state == Assignment.State.SUBMITTED
    cells = []
    for slug, criterion in questions.items():
        key = criterion.pk if criterion else None
        if submitted and slug not in asked:
            cells.append("not asked")
            continue
        if criterion is not None and criterion.pk in scored:
            cells.append(rating_words(scored[criterion.pk], criterion))
        elif key in chosen:
            cells.append(choice_words(chosen[key], assignment.item.part, letters, by_response))
        else:
            cells.append("\u2013")
    return tuple(cells)


def _marked(
    item: Item, questions: Mapping[str, Criterion | None], candidates: Sequence[Candidate]
) -> tuple[MarkedText, ...]:
    """Of independent submitted answers of people."""
    asked = [c for c in questions.values() if c is not None and c.kind == Criterion.Kind.SPANS]
    if not asked or len(candidates) != 1 or item.part.design != item.part.Design.ABSOLUTE:
        return ()
    rows = (
        Rating.objects.filter(
            assignment__item=item,
            assignment__state=Assignment.State.SUBMITTED,
            assignment__role=Assignment.Role.INDEPENDENT,
            assignment__rater__kind=StudyRater.Kind.PERSON,
            criterion__in=asked,
            content__isnull=False,
        )
        .order_by("assignment__rater__pseudonym")
        .values_list("criterion_id", "assignment__rater__pseudonym", "content")
    )
    spans: dict[int, list[tuple[str, list[dict[str, Any]]]]] = defaultdict(list)
    for criterion, rater, content in rows:
        spans[criterion].append((rater, list(content or ())))
    text = plain(candidates[0].response.text)
    return tuple(marked_text(c.name, text, spans[c.pk]) for c in asked if spans[c.pk])


def _settled(
    item: Item, names: Mapping[int | None, str], letters: Mapping[int, str]
) -> tuple[Settled, ...]:
    """The newest of each question."""
    rows = Adjudication.objects.filter(item=item).select_related("criterion", "decided_by")
    newest = {row.criterion_id: row for row in rows.order_by("decided_at", "pk")}
    by_response = {c.response_id: letters[c.pk] for c in candidates_lettered(item)}
    return tuple(
        Settled(
            question=names.get(key, ""),
            answer=rating_words(row, row.criterion)
            if row.criterion is not None and item.part.design == item.part.Design.ABSOLUTE
            else choice_words(row, item.part, letters, by_response),
            how=row.get_method_display(),
            who=str(row.decided_by or ""),
            reason=row.reason,
        )
        for key, row in newest.items()
    )

"""The questions with what the rater has answered so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from annotations.answers import (
    OVERALL,
    Answer,
    Choice,
    NoAnswer,
    Options,
    Ranks,
    Score,
    Spans,
    Words,
    write_answer,
)
from annotations.branching import follow_ups, with_follow_ups_behind
from annotations.models import Assignment, Criterion, Preference, Rating, Study, StudyPart
from annotations.selectors.asked import asked_of, criteria_in_part
from annotations.selectors.rating_page.contents import Option, Passage, Place, Question
from annotations.stored_answers import PreferenceFields, read_preference, read_rating

Given = Mapping[str, Answer]
"""Question -> what was answered."""


def questions_now(
    blank: Sequence[Question],
    part: StudyPart,
    study: Study,
    given: Given,
    order: Sequence[str] = (),
    step: str = "",
) -> tuple[Question, ...]:
    """step: of a study that shows labels after the text, "text" or "labels"."""
    criteria = {criterion.slug: criterion for criterion in criteria_in_part(part, study)}
    by_key = {question.key: question for question in blank}
    if order or any(criterion.only_if for criterion in criteria.values()):
        by_key = in_order(by_key, criteria, order)
        asked = follow_ups(list(criteria.values()), given) | {OVERALL}
        by_key = {key: off(q) if key not in asked else q for key, q in by_key.items()}
    letters = len(blank[0].letters) if blank else 0
    questions = [
        with_answer(q, part, criteria.get(key), letters, given[key])
        if key in given and q.asked
        else q
        for key, q in by_key.items()
    ]
    return tuple(in_step(questions, step))


def in_order(
    by_key: Mapping[str, Question], criteria: Mapping[str, Criterion], order: Sequence[str]
) -> dict[str, Question]:
    slugs = [c.slug for c in with_follow_ups_behind(list(criteria.values()), order)]
    return {key: by_key[key] for key in [*slugs, *(k for k in by_key if k not in criteria)]}


def off(question: Question) -> Question:
    return replace(question, asked=False)


def in_step(questions: Sequence[Question], step: str) -> list[Question]:
    """Before the labels are shown nothing is asked about them; then what was said of the text
    can no longer be changed."""
    if step == "text":
        return [question for question in questions if not question.is_late]
    if step == "labels":
        return [q if q.is_late else replace(q, locked=True) for q in questions]
    return list(questions)


def answers_given(assignment: Assignment) -> Given:
    """Nothing is asked of the database while nothing was ever saved."""
    if assignment.saved_at is None:
        return {}
    if assignment.item.part.design == StudyPart.Design.ABSOLUTE:
        columns = ("criterion__slug", "criterion__kind", "score", "content", "cannot_rate")
        rows = Rating.objects.filter(assignment=assignment).values_list(*columns)
        return {slug: read_rating(*said) for slug, *said in rows}
    return choices_given(assignment)


def choices_given(assignment: Assignment) -> Given:
    columns = (
        *("criterion__slug", "preferred__response_id", "strength"),
        *("ranks", "tie_kind", "cannot_rate"),
    )
    given: dict[str, Answer] = {}
    rows = Preference.objects.filter(assignment=assignment).values_list(*columns)
    for slug, preferred, strength, ranks, tie_kind, cannot_rate in rows:
        fields = PreferenceFields(
            preferred=preferred,
            strength=strength,
            ranks=ranks,
            tie_kind=tie_kind,
            cannot_rate=cannot_rate,
        )
        given[slug or OVERALL] = read_preference(fields, assignment.display_order)
    return given


def with_answer(
    question: Question, part: StudyPart, criterion: Criterion | None, letters: int, answer: Answer
) -> Question:
    written = write_answer(asked_of(part, criterion, letters), answer)
    question = replace(question, answer=written)
    match answer:
        case NoAnswer(reason):
            return replace(question, cannot=True, reasons=checked(question.reasons, reason))
        case Score(value):
            return replace(
                question, options=checked(question.options, str(value)), words=str(value)
            )
        case Options(values):
            options = checked(question.options, *map(str, values))
            return replace(question, options=options, nothing=not values)
        case Words(text):
            return replace(question, words=text)
        case Spans(spans):
            passages = tuple(Passage(s.start, s.end, s.text, s.note) for s in spans)
            return replace(question, passages=passages, nothing=not spans)
        case Ranks():
            ranks = answer.by_letter()
            places = tuple(
                Place(p.letter, checked(p.options, str(ranks[p.letter]))) for p in question.places
            )
            return replace(question, places=places)
        case Choice(_, _, tie_kind):
            options = checked(question.options, written.partition(":")[0])
            return replace(question, options=options, ties=checked(question.ties, tie_kind))


def checked(options: Sequence[Option], *values: str) -> tuple[Option, ...]:
    return tuple(replace(option, checked=option.value in values) for option in options)

"""What one judge said: its prompts, its answers as they came, what could not be read, and how
steady it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet
from django.utils import timezone

from annotations.answers import LETTERS
from annotations.judging.combining import combine
from annotations.judging.consistency import Consistency, Told, consistency
from annotations.judging.contract import Combined, Judgement, JudgeOptions, Question, Telling
from annotations.models import Assignment, JudgeAnswer, JudgeRun, StudyPart
from annotations.selectors.judge_material import (
    MATERIAL,
    PartWording,
    shown_to_judge,
    wordings_of,
)
from annotations.selectors.judge_words import said_in_words
from annotations.selectors.rating_page.conversation import plain, text_of
from annotations.selectors.rating_page.responses import answered, dialogues_of

KEPT_SECONDS = 3600
CHUNK = 2000
SHOWN = {"": "All", "unread": "Not read in part", "failed": "Without an answer"}
"""Name in the address -> words."""


@dataclass(frozen=True)
class QuestionFigures:
    """How a judge did on one question."""

    part: int
    name: str
    missing: int
    """Items judged in full, without an answer to it that counts."""
    reasons: tuple[tuple[str, int], ...]
    """Why not, with how many items."""
    steady: Consistency
    fair: float
    """Share of the response shown first that a judge without position bias comes to."""


@dataclass(frozen=True)
class Prompt:
    part: int
    instruction: str
    example: str
    """The material of the first item, as sent."""


@dataclass(frozen=True)
class AnswerShown:
    position: int
    """Of the item in the judge's work."""
    part: int
    item: int
    times: str
    """Which repetition and order, in words; empty where there is one of each."""
    said: tuple[tuple[str, str], ...]
    unread: tuple[tuple[str, str], ...]
    raw: str
    error: str


def figures_of(run: JudgeRun) -> list[QuestionFigures]:
    """By part and question; kept until another answer comes in, while the judge is at work for the
    rest of the minute."""
    step = f"at-{timezone.now():%Y%m%d%H%M}" if run.is_active else run.done
    key = f"judge-figures:{run.pk}:{run.state}:{step}"
    found: list[QuestionFigures] | None = cache.get(key)
    if found is None:
        found = list(_figures(run))
        cache.set(key, found, KEPT_SECONDS)
    return found


def _figures(run: JudgeRun) -> Iterator[QuestionFigures]:
    options = JudgeOptions.from_json(run.options)
    wordings = wordings_of(run.study, options)
    told = _told(run, wordings)
    for pk, wording in wordings.items():
        items = told[pk]
        steady = consistency(items, wording.questions, wording.part.design)
        combined = [
            combine(item.tellings, wording.questions, wording.part.design, item.letters, options)
            for item in items
            if len(item.tellings) == wording.times
        ]
        width = max((len(item.letters) for item in items), default=1)
        for question in wording.questions:
            yield _of_question(wording.part, question, combined, steady[question.slug], width)


def _of_question(
    part: StudyPart, question: Question, items: Sequence[Combined], steady: Consistency, width: int
) -> QuestionFigures:
    reasons = Counter(item.unread[question.slug] for item in items if question.slug in item.unread)
    return QuestionFigures(
        part=part.position,
        name=question.name,
        missing=reasons.total(),
        reasons=tuple(reasons.most_common()),
        steady=steady,
        fair=1 / max(1, width),
    )


def _told(run: JudgeRun, wordings: dict[int, PartWording]) -> dict[int, list[Told]]:
    """By part, an entry an item that was asked about."""
    rows = JudgeAnswer.objects.filter(run=run, error="").order_by("assignment__position", "pk")
    tellings: dict[Any, list[Telling]] = defaultdict(list)
    said = rows.values_list("assignment_id", "repetition", "order", "values", "unread")
    for assignment, repetition, order, values, unread in said.iterator(chunk_size=CHUNK):
        tellings[assignment].append(Telling(repetition, order, Judgement(values, unread)))
    given = Assignment.objects.filter(rater=run.rater_id, pk__in=tellings)
    found: dict[int, list[Told]] = {pk: [] for pk in wordings}
    shown = list(given.values_list("pk", "item__part_id", "display_order"))
    texts = _marked_texts(wordings, [(part, order[0]) for _, part, order in shown])
    for pk, part, display in shown:
        told = Told(tellings[pk], LETTERS[: len(display)], texts.get(display[0], ""))
        found[part].append(told)
    return found


def _marked_texts(
    wordings: dict[int, PartWording], firsts: Sequence[tuple[int, int]]
) -> dict[int, str]:
    """Response -> its text as shown, in parts in which passages are marked; (part, response)."""
    marking = {
        pk: wording.part
        for pk, wording in wordings.items()
        if any(question.kind == "spans" for question in wording.questions)
    }
    found: dict[int, str] = {}
    for pk, part in marking.items():
        rows = answered([response for its, response in firsts if its == pk])
        texts = [plain(row.text) for row in rows]
        if part.unit == StudyPart.Unit.DIALOGUE and rows:
            texts = [text_of(lines) for lines in dialogues_of(rows, texts)]
        found |= {row.pk: text for row, text in zip(rows, texts, strict=True)}
    return found


def prompts_of(run: JudgeRun) -> list[Prompt]:
    """As sent: instruments and items of a launched study never change, and the hash of the
    instruction stands in the run."""
    wordings = wordings_of(run.study, JudgeOptions.from_json(run.options))
    found = []
    for pk, wording in wordings.items():
        first = (
            Assignment.objects.filter(rater=run.rater_id, item__part=pk)
            .select_related("item", *MATERIAL)
            .order_by("position")
            .first()
        )
        if first is not None:
            sent = wording.messages(shown_to_judge(first, wording))
            found.append(
                Prompt(wording.part.position, wording.instruction, str(sent[-1]["content"]))
            )
    return found


def answers_of(run: JudgeRun, which: str = "") -> QuerySet[JudgeAnswer]:
    """In the judge's order of items. which: a key of SHOWN."""
    rows = run.answers.select_related("assignment__item__part", "call")
    if which == "unread":
        rows = rows.exclude(unread={})
    elif which == "failed":
        rows = rows.exclude(error="")
    return rows.order_by("assignment__position", "repetition", "order")


def answers_shown(run: JudgeRun, rows: Sequence[JudgeAnswer]) -> list[AnswerShown]:
    options = JudgeOptions.from_json(run.options)
    wordings = wordings_of(run.study, options)
    return [_shown(row, wordings[row.assignment.item.part_id], options) for row in rows]


def _shown(row: JudgeAnswer, wording: PartWording, options: JudgeOptions) -> AnswerShown:
    times = [f"repetition {row.repetition + 1}"] if options.repeats > 1 else []
    if len(wording.orders) > 1:
        times.append("in reverse order" if row.order else "as assigned")
    return AnswerShown(
        position=row.assignment.position,
        part=wording.part.position,
        item=row.assignment.item_id,
        times=", ".join(times),
        said=tuple(
            (question.name, said_in_words(question, wording.part.design, row.values[question.slug]))
            for question in wording.questions
            if question.slug in row.values
        ),
        unread=tuple(
            (question.name, row.unread[question.slug])
            for question in wording.questions
            if question.slug in row.unread
        ),
        raw=row.raw,
        error=row.error,
    )

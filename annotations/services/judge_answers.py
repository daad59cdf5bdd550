"""What a judge answered: kept as it came, and, once all times are there, as the ratings or choices
of its assignment."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from annotations.answers import UnreadableAnswerError, read_answer
from annotations.judging.combining import combine
from annotations.judging.contract import (
    Combined,
    Judgement,
    JudgeOptions,
    Question,
    Shown,
    Telling,
)
from annotations.judging.reading import nothing_read, read
from annotations.models import Assignment, Candidate, JudgeAnswer, JudgeRun
from annotations.selectors.asked import asked_of, questions_in_part
from annotations.selectors.judge_material import PartWording
from annotations.selectors.judges import ledger_key
from annotations.services.answer_rows import AnswerRows
from annotations.services.held import Held
from inference.endpoints import ChatAnswer, Message
from inference.models import ModelCall, ModelVersion
from inference.services.jobs import Lease
from inference.stored_text import storable

logger = logging.getLogger(__name__)
REFUSED = "the judge refuses this question"
NOT_READ = "reading the answer failed"


@dataclass(frozen=True)
class Ask:
    """One question to a judge: an item, the how many-eth time, in which order."""

    assignment: Assignment
    wording: PartWording
    repetition: int
    order: int
    shown: Shown
    """In the order asked."""
    messages: list[Message]
    schema: Mapping[str, Any]
    again: bool = False
    """Its failure counts as done already."""

    def key(self, run: JudgeRun) -> str:
        return f"{ledger_key(run)}{self.assignment.pk}:{self.repetition}:{self.order}"


def store_answer(
    lease: Lease[JudgeRun], run: JudgeRun, options: JudgeOptions, ask: Ask, answer: ChatAnswer
) -> JudgeRun:
    judgement = judgement_in(answer.text, ask.wording.questions, ask.shown)
    with lease.commit_chunk() as row:
        _keep(
            run,
            ask,
            call=_call(run, ask, answer),
            raw=storable(answer.text),
            values={slug: storable(value) for slug, value in judgement.values.items()},
            unread={slug: storable(why) for slug, why in judgement.unread.items()},
        )
        row.done += not ask.again
        _submit_if_complete(run, options, ask)
    return row


def judgement_in(text: str, questions: Sequence[Question], shown: Shown) -> Judgement:
    """The answer is paid for and kept, also where a text nobody thought of ends the reading."""
    try:
        return read(text, questions, shown)
    except Exception as error:
        logger.exception("A judge's answer could not be read")
        return nothing_read(questions, f"{NOT_READ} ({type(error).__name__})")


def store_refusal(
    lease: Lease[JudgeRun], run: JudgeRun, options: JudgeOptions, ask: Ask, why: str
) -> JudgeRun:
    """The judge answers others and not this one: everything that it was asked is missing."""
    reason = storable(f"{REFUSED}: {why}")
    unread = {question.slug: reason for question in ask.wording.questions if question.required}
    with lease.commit_chunk() as row:
        _keep(run, ask, call=_call(run, ask, None, why), unread=unread)
        row.done += not ask.again
        _submit_if_complete(run, options, ask)
    return row


def store_failure(
    lease: Lease[JudgeRun], run: JudgeRun, ask: Ask, error: str, paid: ChatAnswer | None
) -> JudgeRun:
    """No answer, also after every try: counted, and asked again when the judge is resumed. paid:
    what answers of no use have cost."""
    with lease.commit_chunk() as row:
        _keep(run, ask, call=_call(run, ask, paid, error), error=storable(error))
        row.done += not ask.again
    return row


def _keep(run: JudgeRun, ask: Ask, **said: Any) -> None:
    """In place of an earlier failure."""
    asked = {"assignment": ask.assignment, "repetition": ask.repetition, "order": ask.order}
    run.answers.filter(**asked).exclude(error="").delete()
    JudgeAnswer.objects.create(run=run, **asked, **said)


def _call(run: JudgeRun, ask: Ask, answer: ChatAnswer | None, error: str = "") -> ModelCall | None:
    """A line of the ledger; a model on this machine costs nothing and has none."""
    if run.judge.kind != ModelVersion.Kind.ENDPOINT:
        return None
    key = ask.key(run)
    before = ModelCall.objects.filter(model_version=run.judge, run=None, key=key)
    call = ModelCall(
        team=run.study.team,
        model_version=run.judge,
        purpose=ModelCall.Purpose.JUDGE,
        key=key,
        attempt=before.count() + 1,
        prompt=[dict(message) for message in ask.messages],
        error=storable(error),
    )
    if answer is not None:
        call.raw = storable(answer.text)
        call.prompt_tokens, call.new_tokens = answer.prompt_tokens, answer.new_tokens
        call.cost, call.seconds = answer.cost, answer.seconds
    call.save()
    return call


def _submit_if_complete(run: JudgeRun, options: JudgeOptions, ask: Ask) -> None:
    answers = JudgeAnswer.objects.filter(run=run, assignment=ask.assignment, error="")
    rows = list(answers.order_by("repetition", "order"))
    if len(rows) < ask.wording.times:
        return
    tellings = [telling_of(row) for row in rows]
    part = ask.wording.part
    letters = ask.shown.letters
    combined = combine(tellings, ask.wording.questions, part.design, letters, options)
    submit(ask.assignment, ask.wording, combined, marked=ask.shown.replies[0].text)


def telling_of(answer: JudgeAnswer) -> Telling:
    return Telling(answer.repetition, answer.order, Judgement(answer.values, answer.unread))


def submit(
    assignment: Assignment, wording: PartWording, combined: Combined, *, marked: str = ""
) -> None:
    """What could not be read has no row: it is missing, and no number. marked: the text in which
    passages are marked, where there is one response."""
    part, order = wording.part, assignment.display_order
    assignment.item.part = part
    candidates = dict(
        Candidate.objects.filter(item=assignment.item).values_list("response_id", "pk")
    )
    held = Held(assignment, tuple(candidates[response] for response in order), "")
    rows = AnswerRows(held, {})
    questions = questions_in_part(part, part.study)
    for slug, value in combined.values.items():
        criterion = questions[slug]
        try:
            rows.put(criterion, read_answer(asked_of(part, criterion, len(order), marked), value))
        except UnreadableAnswerError:
            continue  # counted among the missing, as whatever has no row
    rows.write()
    now = timezone.now()
    Assignment.objects.filter(pk=assignment.pk, state=Assignment.State.ASSIGNED).update(
        state=Assignment.State.SUBMITTED, submitted_at=now, saved_at=now
    )

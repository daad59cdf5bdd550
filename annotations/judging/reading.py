"""From what a judge wrote to a judgement.

Prose, fences and thoughts around the JSON do no harm. A value counts only where it is an answer
to its question and nothing else in the text answers that question differently; everything else is
missing, with the reason. An object that the material itself contains is not the judge's: a
response may hold the answer it wishes for, and a judge may quote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotations.answers import Answer, UnreadableAnswerError, clean, read_answer, write_answer
from annotations.branching import follow_ups
from annotations.judging.contract import Judgement, Question, Shown
from annotations.judging.objects import (
    ANSWERS,
    RATIONALE,
    Broken,
    after_thoughts,
    answers_in,
    objects_in,
    plain,
    rationale_in,
)
from annotations.judging.values import written

NOTHING = "no JSON object with answers"
BROKEN = "a JSON object is cut off or broken"
QUOTED = "only repeats an object out of the material"
UNCHECKED = "the material holds too much broken JSON to tell a quotation from an answer"
CONTRADICTION = "is answered more than once, differently"
MISSING = "no answer is given"
LONGEST_REASON = 200


@dataclass
class Said:
    """Of one object: question -> the answers or reasons under its name, however spelled."""

    values: dict[str, set[str]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def read(text: str, questions: Sequence[Question], shown: Shown) -> Judgement:
    """shown: what the judge was shown, in the order in which it was shown."""
    names = {plain(name) for q in questions for name in (q.slug, q.name)} - {""}
    found = objects_in(after_thoughts(text), names | {ANSWERS, RATIONALE})
    if any(isinstance(one, Broken) for one in found):
        return nothing_read(questions, BROKEN)
    objects = [one for one in found if not isinstance(one, Broken)]
    said = [said_in(a, questions, shown) for one in objects for a in answers_in(one, names)]
    if not said:
        return nothing_read(questions, NOTHING)
    wished = wishes(questions, shown, names)
    if wished is None:
        return nothing_read(questions, UNCHECKED)
    own = [one for one in said if not any(repeats(one, wish) for wish in wished)]
    if not own:
        return nothing_read(questions, QUOTED)
    rationale = next(filter(None, map(rationale_in, objects)), "")
    return merged(own, questions, shown, rationale)


def nothing_read(questions: Sequence[Question], why: str) -> Judgement:
    """Follow-ups are not missing: nobody knows whether they are asked."""
    return Judgement(unread={q.slug: why for q in questions if not q.only_if})


def said_in(answers: Mapping[str, Any], questions: Sequence[Question], shown: Shown) -> Said:
    said = Said()
    for key, value in answers.items():
        question = question_named(key, questions)
        if question is None:
            continue
        try:
            answer = read_value(question, value, shown)
        except UnreadableAnswerError as error:
            said.unread[question.slug] = clean(str(error))[:LONGEST_REASON]
        else:
            said.values.setdefault(question.slug, set()).add(answer)
    return said


def question_named(key: str, questions: Sequence[Question]) -> Question | None:
    """By its slug or its name; by a spelling of these where only one question is meant."""
    exact = [q for q in questions if q.slug == key]
    alike = [q for q in questions if plain(key) in {plain(q.slug), plain(q.name)} - {""}]
    matching = exact or alike
    return matching[0] if len(matching) == 1 else None


def read_value(question: Question, value: Any, shown: Shown) -> str:
    asked = question.asked(shown.design, shown.letters, marked_in(shown))
    return write_answer(
        asked, read_answer(asked, written(question, shown.design, value, asked.shown))
    )


def marked_in(shown: Shown) -> str:
    """Passages are marked where one response is judged."""
    return shown.replies[0].text if shown.replies else ""


def wishes(questions: Sequence[Question], shown: Shown, names: set[str]) -> list[Said] | None:
    """Answers that stand in the material, also where their quotation marks are escaped; None where
    it holds too much broken JSON to tell."""
    found = [
        one
        for text in texts_in(shown)
        for spelled in {text, text.replace('\\"', '"')}
        for one in objects_in(spelled, ())
    ]
    whole = [one for one in found if not isinstance(one, Broken)]
    if len(whole) < len(found):
        return None
    return [said_in(a, questions, shown) for one in whole for a in answers_in(one, names)]


def texts_in(shown: Shown) -> Iterator[str]:
    yield shown.situation
    yield from shown.client
    yield from (line.text for line in shown.history)
    for reply in shown.replies:
        yield reply.text
        yield from reply.labels.values()
        yield from reply.chain.values()


def repeats(said: Said, wish: Said) -> bool:
    return bool(said.values) and all(
        wish.values.get(slug) == values for slug, values in said.values.items()
    )


def merged(
    said: Sequence[Said], questions: Sequence[Question], shown: Shown, rationale: str
) -> Judgement:
    values: dict[str, str] = {}
    unread: dict[str, str] = {}
    for slug in (question.slug for question in questions):
        answers = set().union(*(one.values.get(slug, set()) for one in said))
        reasons = [one.unread[slug] for one in said if slug in one.unread]
        if len(answers) > 1 or (answers and reasons):
            unread[slug] = CONTRADICTION
        elif reasons:
            unread[slug] = reasons[0]
        elif answers:
            values[slug] = answers.pop()
        else:
            unread[slug] = MISSING
    return as_asked(values, unread, questions, shown, rationale)


def as_asked(
    values: Mapping[str, str],
    unread: Mapping[str, str],
    questions: Sequence[Question],
    shown: Shown,
    rationale: str,
) -> Judgement:
    """Without what an earlier answer takes out, and with what was left empty as missing."""
    answers: dict[str, Answer | None] = {
        q.slug: read_answer(q.asked(shown.design, shown.letters, marked_in(shown)), values[q.slug])
        for q in questions
        if q.slug in values
    }
    asked = follow_ups(questions, answers)
    missing = {slug: why for slug, why in unread.items() if slug in asked}
    for question in questions:
        if question.slug in asked and values.get(question.slug) == "" and question.required:
            missing[question.slug] = MISSING
    given = {slug: value for slug, value in values.items() if value and slug in asked}
    return Judgement(given, missing, rationale)

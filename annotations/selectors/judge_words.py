"""One answer of a judge in a researcher's words."""

from __future__ import annotations

import json

from annotations.answers import (
    LETTERS,
    Answer,
    Choice,
    NoAnswer,
    Options,
    Ranks,
    Score,
    UnreadableAnswerError,
    Words,
    read_answer,
)
from annotations.judging.contract import Question
from annotations.models.rating import CannotRate
from annotations.selectors.item_answers import TIE_WORDS

SPANS = "spans:"


def said_in_words(question: Question, design: str, value: str) -> str:
    """value: as written in annotations/answers.py, under the letters of the order asked."""
    if value.startswith(SPANS):
        count = len(json.loads(value.removeprefix(SPANS)))
        return f"{count} passage{'s' * (count != 1)}"
    named = value.removeprefix("rank:").replace("=", ">").split(">")
    letters = LETTERS[: len(named)] if value.startswith("rank:") else LETTERS
    try:
        answer = read_answer(question.asked(design, letters), value)
    except UnreadableAnswerError:
        return value
    return _words(question, design, answer)


def _words(question: Question, design: str, answer: Answer | None) -> str:
    labels = dict(question.options)
    match answer:
        case Score(value):
            return f"{value} ({labels[value]})" if value in labels else str(value)
        case Options(values):
            return ", ".join(labels.get(value, str(value)) for value in values) or "none of these"
        case Words(text):
            return text
        case Choice(letter, strength, tie_kind):
            if not letter:
                return (
                    f"{TIE_WORDS[0]} ({tie_kind.replace('_', ' ')})" if tie_kind else TIE_WORDS[0]
                )
            return f"{letter} {TIE_WORDS[strength]}" if question.strength else letter
        case Ranks(places):
            return ", ".join(" = ".join(place) for place in places)
        case NoAnswer(reason):
            return str(CannotRate(reason).label)
    return ""

"""The form of a judge's answer as a JSON schema, for servers that hold a model to one.

Only what the strict mode of such servers knows: every property required, none beside them,
alternatives by `anyOf`. What a schema cannot say (each letter once, a passage that stands in the
response) is checked when the answer is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotations.judging.contract import COMPARISONS, Question

LONGEST_ENUMERATION = 50
"""Scores; a longer scale is given by its ends."""


def schema(questions: Sequence[Question], design: str, letters: str) -> dict[str, Any]:
    """letters: of the responses shown, as "ABC"."""
    answers = {question.slug: answer_schema(question, design, letters) for question in questions}
    return closed({"rationale": {"type": "string"}, "answers": closed(answers)})


def closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def answer_schema(question: Question, design: str, letters: str) -> dict[str, Any]:
    kinds = [value_schema(question, design, letters)]
    if question.reasons:
        reasons = {"type": "string", "enum": list(question.reasons)}
        kinds.append(closed({"cannot": reasons}))
    if question.only_if or not question.required:
        kinds.append({"type": "null"})
    return {"anyOf": kinds} if len(kinds) > 1 else kinds[0]


def value_schema(question: Question, design: str, letters: str) -> dict[str, Any]:
    values = [value for value, _ in question.options]
    match design if design in COMPARISONS else question.kind:
        case "pairwise":
            return {"type": "string", "enum": pairwise_words(question)}
        case "best_of_n":
            return {"type": "string", "enum": [*letters, *(["tie"] if question.ties else [])]}
        case "ranking":
            letter = {"type": "string", "enum": list(letters)}
            return listed(listed(letter) if question.ties else letter)
        case "choice":
            return {"type": "integer", "enum": values}
        case "multiple":
            return listed({"type": "integer", "enum": values})
        case "text":
            return {"type": "string"}
        case "spans":
            words, number = {"type": "string"}, {"type": "integer"}
            return listed(closed({"passage": words, "occurrence": number, "note": words}))
    return score_schema(question.low, question.high)


def score_schema(low: int, high: int) -> dict[str, Any]:
    if high - low < LONGEST_ENUMERATION:
        return {"type": "integer", "enum": list(range(low, high + 1))}
    return {"type": "integer", "minimum": low, "maximum": high}


def pairwise_words(question: Question) -> list[str]:
    how = (" clearly", " slightly") if question.strength else ("",)
    ties = ["tie", *(f"tie:{kind}" for kind in question.tie_kinds)] if question.ties else []
    return [f"A{word}" for word in how] + ties + [f"B{word}" for word in reversed(how)]


def listed(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}

"""From a value in a judge's JSON to the answer as annotations/answers.py writes and checks it.

Tolerant of the spelling (`"7"`, `"7/10"`, `{"score": 7}`, `"Yes"`), never of the value: what is
not an answer to the question raises UnreadableAnswerError.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from annotations.answers import INTEGER, UnreadableAnswerError
from annotations.judging.contract import COMPARISONS, Question
from annotations.judging.passages import passages

WRAPPERS = ("answer", "score", "rating", "value", "choice")
CANNOT = "cannot"
LONGEST = 60
"""Of what is no answer and stands in a reason."""
OF_HIGHEST = re.compile(r"(\d{1,5})\s*/\s*(\d{1,5})")
SIDE = re.compile(r"(?:response )?([ab])(?: ?(clearly|slightly|[12]))?")
LETTER = re.compile(r"(?:response )?([a-h])")
STRENGTHS = {"clearly": "2", "slightly": "1"}
TIES = ("tie", "no difference")


def written(question: Question, design: str, value: Any, marked: str) -> str:
    """Empty where the judge answers nothing. marked: the text in which passages are marked."""
    if isinstance(value, dict):
        inside = [name for name in (*WRAPPERS, CANNOT) if name in value]
        if len(inside) != 1:
            refuse(value, "an answer")
        value = value[inside[0]]
        if inside == [CANNOT]:
            return f"{CANNOT}:{str(value)[:LONGEST]}"
    if value is None:
        return ""
    match design if design in COMPARISONS else question.kind:
        case "pairwise":
            return tie(value) or side(question, value)
        case "best_of_n":
            return tie(value) or letter(value)
        case "ranking":
            return "rank:" + ">".join("=".join(map(letter, place)) for place in places(value))
        case "choice":
            return option(question, value)
        case "multiple":
            return "opts:" + ",".join(option(question, one) for one in listed(value))
        case "text":
            return f"text:{words}" if (words := text(value)).strip() else ""
        case "spans":
            return "spans:" + json.dumps(list(passages(listed(value), marked)))
    return score(question, value)


def score(question: Question, value: Any) -> str:
    if isinstance(value, str) and (match := OF_HIGHEST.fullmatch(value.strip())):
        if int(match[2]) != question.high:
            refuse(value, f"a score of {question.high}")
        return match[1]
    return whole(value)


def whole(value: Any) -> str:
    """As it is written: whether it is an answer is said where answers are read."""
    if isinstance(value, str):
        return value.strip()[:LONGEST]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int:
        refuse(value, "a whole number")
    return str(value)


def option(question: Question, value: Any) -> str:
    """Its number or its label."""
    if isinstance(value, str) and not INTEGER.fullmatch(value.strip()):
        named = [number for number, label in question.options if folded(label) == folded(value)]
        if len(named) == 1:
            return str(named[0])
    return whole(value)


def side(question: Question, value: Any) -> str:
    match = SIDE.fullmatch(folded(value)) if isinstance(value, str) else None
    if match is None or bool(match[2]) != question.strength:
        refuse(value, "a side as it was asked for")
    return match[1] + (STRENGTHS.get(match[2], match[2]) if match[2] else "")


def tie(value: Any) -> str:
    """Empty where it is none."""
    said, _, kind = folded(value).partition(":") if isinstance(value, str) else ("", "", "")
    if said.strip() not in TIES:
        return ""
    return f"tie:{kind.strip().replace(' ', '_')[:LONGEST]}" if kind else "tie"


def letter(value: Any) -> str:
    match = LETTER.fullmatch(folded(value)) if isinstance(value, str) else None
    return match[1] if match else refuse(value, "the letter of a response")


def places(value: Any) -> list[list[Any]]:
    """`[["B"], ["A", "C"]]`, `["B", "A", "C"]` or `"B > A = C"`."""
    if isinstance(value, str):
        return [place.split("=") for place in value.split(">")]
    return [place if isinstance(place, list) else [place] for place in listed(value)]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else refuse(value, "a list")


def text(value: Any) -> str:
    return value if isinstance(value, str) else refuse(value, "a text")


def folded(words: str) -> str:
    return " ".join(words.casefold().split())


def refuse(value: Any, expected: str) -> NoReturn:
    said = json.dumps(value, default=str, ensure_ascii=False)
    raise UnreadableAnswerError(f"“{said[:LONGEST]}” is not {expected}")

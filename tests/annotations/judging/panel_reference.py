"""Several judges as one panel: for figures beside people's, never pooled with them.

More than half of the panel's judges, and two at least, have to have answered a question; "can't
rate" is no answer. Then, item by item:

- a score is the median (between two scores where these are the middle ones);
- one of several answers, or the best of several responses, is what more than half of those who
  answered say;
- any of several answers are those that more than half of them name;
- a choice between two is the median of A clearly .. B clearly as 2 .. -2, rounded towards no
  difference, so that a majority always decides it;
- an order is by the mean place; equal means share a place where that is allowed.

Words and passages have no panel's answer. What is not decided stays open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from annotations.answers import (
    Answer,
    Asked,
    Choice,
    NoAnswer,
    Options,
    Ranks,
    Score,
    read_answer,
    write_answer,
)
from annotations.judging.combining import by_mean_place, side_of, signed
from annotations.judging.contract import Question

FORMS = ("score", "choice", "multiple", "pairwise", "best_of_n", "ranking")
LEAST = 2


@dataclass(frozen=True)
class PanelAnswer:
    answer: str
    """As written in annotations/answers.py, but that a median may end in .5; empty: not decided."""
    judges: int
    """Those who answered."""


def panel(
    judged: Sequence[Mapping[str, str]],
    questions: Sequence[Question],
    design: str,
    letters: str,
) -> dict[str, PanelAnswer]:
    """judged: of each judge, question -> answer to one item."""
    found: dict[str, PanelAnswer] = {}
    for question in questions:
        asked = question.asked(design, letters)
        if asked.form not in FORMS:
            continue
        read = [read_answer(asked, said.get(question.slug, "")) for said in judged]
        given = [answer for answer in read if answer and not isinstance(answer, NoAnswer)]
        quorate = len(given) >= LEAST and 2 * len(given) > len(judged)
        found[question.slug] = PanelAnswer(decided(asked, given) if quorate else "", len(given))
    return found


def decided(asked: Asked, given: Sequence[Answer]) -> str:
    match asked.form:
        case "score":
            middle = median(answer.value for answer in given if isinstance(answer, Score))
            return f"{middle:g}"
        case "multiple":
            return write_answer(asked, named_by_most(asked, given))
        case "pairwise":
            sides = [signed(answer) for answer in given if isinstance(answer, Choice)]
            return write_answer(asked, side_of(asked, median(sides)))
        case "ranking":
            orders = [answer for answer in given if isinstance(answer, Ranks)]
            return write_answer(asked, by_mean_place(asked, orders))
    written, times = Counter(write_answer(asked, answer) for answer in given).most_common(1)[0]
    return written if 2 * times > len(given) else ""


def named_by_most(asked: Asked, given: Sequence[Answer]) -> Options:
    times = Counter(v for answer in given if isinstance(answer, Options) for v in answer.values)
    return Options(tuple(value for value in asked.values if 2 * times[value] > len(given)))

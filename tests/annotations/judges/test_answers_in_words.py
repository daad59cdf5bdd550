from __future__ import annotations

import pytest

from annotations.judging.contract import Question
from annotations.selectors.judge_words import said_in_words

PAIR = Question("overall", "Overall", "?", ties=True, strength=True, tie_kinds=("both_acceptable",))
PLAIN = Question("best", "Best", "?", ties=True)
KINDS = Question("kinds", "Kinds", "?", kind="multiple", options=((1, "Rest"), (2, "Advice")))
YES = Question("yes", "Yes", "?", kind="choice", options=((0, "No"), (1, "Yes")))


@pytest.mark.parametrize(
    ("question", "design", "value", "words"),
    [
        (PAIR, "pairwise", "b2", "B clearly"),
        (PAIR, "pairwise", "a1", "A slightly"),
        (PAIR, "pairwise", "tie", "no difference"),
        (PAIR, "pairwise", "tie:both_acceptable", "no difference (both acceptable)"),
        (PLAIN, "best_of_n", "c", "C"),
        (PLAIN, "ranking", "rank:b>a=c", "B, A = C"),
        (KINDS, "absolute", "opts:1,2", "Rest, Advice"),
        (KINDS, "absolute", "opts:", "none of these"),
        (YES, "absolute", "1", "1 (Yes)"),
        (Question("s", "S", "?"), "absolute", "7", "7"),
        (Question("w", "W", "?", kind="text"), "absolute", "text:Warm.", "Warm."),
        (Question("p", "P", "?", kind="spans"), "absolute", 'spans:[{"start": 0}]', "1 passage"),
        (YES, "absolute", "cannot:cannot_tell", "Cannot tell from what is shown"),
        (YES, "absolute", "5", "5"),
    ],
)
def test_answers_are_shown_in_words(
    question: Question, design: str, value: str, words: str
) -> None:
    assert said_in_words(question, design, value) == words

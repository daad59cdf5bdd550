"""Which questions are asked after which answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from annotations.answers import Answer, Choice, NoAnswer, Options, Score
from annotations.branching import follow_ups, with_follow_ups_behind


@dataclass(frozen=True)
class Question:
    slug: str
    only_if: dict[str, Any] = field(default_factory=dict)


def after(slug: str, earlier: str, *values: Any) -> Question:
    return Question(slug, {"criterion": earlier, "values": list(values)})


LEVEL, PASSAGE = Question("level"), after("passage", "level", 1, 2)
WHY, OTHER = after("why", "passage", 3), Question("other")


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ({}, {"level", "other"}),
        ({"level": Score(0)}, {"level", "other"}),
        ({"level": Score(2)}, {"level", "passage", "other"}),
        ({"level": Score(2), "passage": Options((1, 3))}, {"level", "passage", "why", "other"}),
        ({"level": Score(0), "passage": Options((1, 3))}, {"level", "other"}),
        ({"level": NoAnswer("cannot_tell")}, {"level", "other"}),
        ({"level": None}, {"level", "other"}),
    ],
)
def test_a_follow_up_is_asked_where_its_condition_is_met(
    answers: dict[str, Answer | None], asked: set[str]
) -> None:
    assert follow_ups([LEVEL, PASSAGE, WHY, OTHER], answers) == asked


def test_a_choice_between_responses_can_be_a_condition() -> None:
    questions = [Question("best"), after("why", "best", "tie")]
    assert follow_ups(questions, {"best": Choice("", 0)}) == {"best", "why"}
    assert follow_ups(questions, {"best": Choice("A", 1)}) == {"best"}


def test_conditions_in_a_circle_or_on_nothing_are_never_met() -> None:
    circle = [after("a", "b", 1), after("b", "a", 1), after("c", "gone", 1)]
    answers: dict[str, Answer | None] = {"a": Score(1), "b": Score(1), "gone": Score(1)}
    assert follow_ups(circle, answers) == set()


def test_in_any_order_a_follow_up_stands_behind_its_question() -> None:
    questions = [LEVEL, PASSAGE, WHY, OTHER]
    order = ["other", "why", "passage", "level"]
    asked = [question.slug for question in with_follow_ups_behind(questions, order)]
    assert asked == ["other", "level", "passage", "why"]
    assert with_follow_ups_behind(questions, []) == questions
    circle = [after("a", "b", 1), after("b", "a", 1)]
    assert with_follow_ups_behind(circle, []) == circle

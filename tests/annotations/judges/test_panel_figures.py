"""A panel of judges on arrays decides as the plain rules of panel_reference.py do on answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from annotations.analysis.families import NOMINAL, ORDINAL
from annotations.analysis.judge_panel import panel_facts, panel_scores
from annotations.judging.contract import Question
from annotations.selectors.judge_evidence import JudgeFacts
from tests.annotations.judging.panel_reference import panel

NAN = np.nan
WRITTEN = {2.0: "a2", 1.0: "a1", 0.0: "tie", -1.0: "b1", -2.0: "b2"}


def test_scores_are_decided_by_the_median_of_more_than_half() -> None:
    said = np.array([[1, 5, NAN, 2], [3, NAN, NAN, 4], [8, 6, 4, NAN]], dtype=float)
    found = panel_scores(said, ORDINAL, pairwise=False)
    assert found.tolist()[:2] == [3, 5.5]
    assert np.isnan(found[2]), "one of three is no panel"
    assert found[3] == 3


def test_answers_without_order_need_a_majority() -> None:
    said = np.array([[1, 1, 1], [1, 2, 1], [2, 3, NAN]], dtype=float)
    found = panel_scores(said, NOMINAL, pairwise=False)
    assert found[0] == 1
    assert np.isnan(found[1])
    assert found[2] == 1


@pytest.mark.parametrize("judges", [2, 3])
def test_choices_between_two_are_decided_as_on_answers(judges: int) -> None:
    question = Question("overall", "Overall", "?", ties=True, strength=True)
    for sides in itertools.product([2.0, 1.0, 0.0, -1.0, -2.0], repeat=judges):
        (found,) = panel_scores(np.array(sides)[:, None], ORDINAL, pairwise=True)
        judged = [{"overall": WRITTEN[side]} for side in sides]
        answer = panel(judged, [question], "pairwise", "AB")["overall"].answer
        assert WRITTEN[float(found)] == answer, sides


def test_a_panel_has_every_difference_of_its_judges() -> None:
    facts = [JudgeFacts("x", "once"), JudgeFacts("y", "once", ("It saw less.",))]
    assert panel_facts(facts).differences == ("Of a judge of the panel: It saw less.",)

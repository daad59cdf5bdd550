"""What the launch needs of the panel."""

from __future__ import annotations

import pytest

from annotations.models import (
    Assignment,
    Item,
    StudyRater,
)
from annotations.selectors.gates import (
    gate_problems,
    reference_stimuli,
)
from annotations.services.gates import save_rules
from annotations.services.studies import launch_study
from inference.errors import InvalidOptionsError, WrongStateError
from tests.annotations.gates.worlds import (
    add_panel,
    draft,
    gated,
    team_with_runs,
)

pytestmark = pytest.mark.django_db
Stage, Track, Role = StudyRater.Stage, Assignment.Track, Assignment.Role


def test_panel_stimuli_are_left_out_of_the_study() -> None:
    study = gated()
    own = Item.objects.filter(part__study=study, pool=Item.Pool.STUDY)
    assert own.exists()
    assert len(reference_stimuli(study)) == 20
    assert not reference_stimuli(study) & set(own.values_list("stimulus", flat=True))


def test_a_panel_that_is_too_small_is_said_with_the_remedy() -> None:
    team, runs = team_with_runs()
    part = draft(team, runs)
    add_panel(part, [3], pool=Item.Pool.TRAINING)
    add_panel(part, [2, 9, 5], skip=1)
    save_rules(part=part, training_items=3, items=4, attempts=2, hidden_share=0.25)
    said = gate_problems(part.study)
    assert said == [
        "Training shows 3 items, but 1 of the panel is marked for training. Mark 2 more, or show "
        "fewer.",
        "The reference panel has 3 items for qualification, but 2 attempts with 4 fresh items and "
        "1 hidden among a rater's work need 9. Add 6, or ask for fewer items or attempts.",
    ]
    with pytest.raises(InvalidOptionsError, match="Training shows 3 items"):
        launch_study(part.study)


def test_rankings_cannot_be_a_qualification() -> None:
    team, runs = team_with_runs()
    part = draft(team, runs, "ranking")
    save_rules(part=part, items=4)
    assert "full ranking cannot be compared" in gate_problems(part.study)[0]
    save_rules(part=part, items=0)
    assert gate_problems(part.study) == []


def test_a_panel_with_one_answer_throughout_is_refused() -> None:
    team, runs = team_with_runs()
    part = draft(team, runs)
    add_panel(part, [5] * 8)
    save_rules(part=part, items=4, attempts=2)
    assert "one and the same answer throughout" in gate_problems(part.study)[0]


def test_questions_without_comparable_answers_cannot_be_a_qualification() -> None:
    team, runs = team_with_runs()
    part = draft(team, runs)
    part.instrument.criteria.update(kind="text")
    save_rules(part=part, items=4)
    assert "words and passages cannot" in gate_problems(part.study)[0]


@pytest.mark.parametrize(
    "rules",
    [{"items": 1}, {"attempts": 0}, {"threshold": 1.0}, {"hidden_share": 0.9}, {"items": 501}],
)
def test_impossible_rules_are_refused(rules: dict[str, float]) -> None:
    team, runs = team_with_runs()
    with pytest.raises(InvalidOptionsError):
        save_rules(part=draft(team, runs), **rules)


def test_the_launch_freezes_the_rules() -> None:
    study = gated()
    with pytest.raises(WrongStateError):
        save_rules(part=study.parts.get(), threshold=0.1)

"""Where raters disagree, the study's rules notice; further raters settle it without being told."""

from __future__ import annotations

import pytest

from annotations.disputes import has_majority, settled_choice, settled_score
from annotations.models import Adjudication, Assignment, Dispute, StudyPart
from annotations.selectors.rating_page import rating_page
from annotations.selectors.study_data import part_data
from annotations.services.flags import set_flag
from tests.annotations.adjudication.conftest import MakeWorld, World

BEST = StudyPart.Design.BEST_OF_N
ABSOLUTE = StudyPart.Design.ABSOLUTE
MORE = StudyPart.Resolution.MORE_RATERS
PERSON = StudyPart.Resolution.ADJUDICATOR


def protocol(make_world: MakeWorld, raters: int = 4) -> World:
    """MultiMood's: two label everything, a third resolves, a fourth settles."""
    return make_world(BEST, raters=raters, resolution=MORE, dispute_disagreement=True)


def test_two_who_agree_are_no_dispute(make_world: MakeWorld) -> None:
    world = protocol(make_world)
    world.say(0, {"empathy": "first", "comfort": "second"})
    world.say(1, {"empathy": "first", "comfort": "second"})
    assert not Dispute.objects.exists()
    assert world.further() == []


def test_the_second_of_two_who_disagree_brings_a_third(make_world: MakeWorld) -> None:
    world = protocol(make_world)
    world.say(0, {"empathy": "first", "comfort": "second"})
    assert not Dispute.objects.exists(), "one answer is missing yet"
    world.say(1, {"empathy": "first", "comfort": "third"})
    dispute = Dispute.objects.get()
    assert dispute.criterion is not None
    assert (dispute.criterion.slug, dispute.rule) == ("comfort", "disagreement")
    (third,) = world.further()
    assert third.rater in world.raters[2:]
    assert (third.slot, third.track) == (None, Assignment.Track.WORK)


def test_the_third_resolves_where_he_agrees_with_one(make_world: MakeWorld) -> None:
    world = protocol(make_world)
    world.say(0, {"empathy": "first", "comfort": "second"})
    world.say(1, {"empathy": "first", "comfort": "third"})
    place = world.raters.index(world.further()[0].rater)
    world.say(place, {"empathy": "second", "comfort": "third"})
    settled = Adjudication.objects.get()
    assert settled.preferred is not None
    assert settled.preferred.response.run.model_version.name == "third"
    assert (settled.method, settled.decided_by) == (Adjudication.Method.MAJORITY, None)
    assert Dispute.objects.get().settled_at is not None
    assert len(world.further()) == 1, "nobody else is asked"


def test_a_third_who_says_something_else_brings_a_fourth_who_settles(
    make_world: MakeWorld,
) -> None:
    world = protocol(make_world)
    world.say(0, {"empathy": "first", "comfort": "second"})
    world.say(1, {"empathy": "first", "comfort": "third"})
    third = world.raters.index(world.further()[0].rater)
    world.say(third, {"empathy": "first", "comfort": "first"})
    assert not Adjudication.objects.exists()
    fourth = 5 - third
    world.say(fourth, {"empathy": "first", "comfort": "first"})
    settled = Adjudication.objects.get()
    assert settled.preferred is not None
    assert settled.preferred.response.run.model_version.name == "first"


def test_where_nobody_is_left_the_item_waits_for_a_person(make_world: MakeWorld) -> None:
    world = protocol(make_world, raters=2)
    world.say(0, {"empathy": "first", "comfort": "second"})
    world.say(1, {"empathy": "second", "comfort": "second"})
    assert world.further() == []
    assert Dispute.objects.get().settled_at is None


def test_further_raters_are_not_told(make_world: MakeWorld) -> None:
    world = protocol(make_world)
    world.say(0, {"empathy": "first", "comfort": "second"})
    plain = rating_page(world.given(1))
    world.say(1, {"empathy": "first", "comfort": "third"})
    further = world.further()[0]
    page = rating_page(world.given(world.raters.index(further.rater)))
    for name in ("title", "design", "track", "situation", "before", "client", "flag_kinds"):
        assert getattr(page, name) == getattr(plain, name), name
    assert "disput" not in repr(page).lower()
    assert "adjudic" not in repr(page).lower()


def counted(world: World) -> list[list[float]]:
    """What agreement and means are computed on."""
    return [
        sorted(value for value in answers.values.ravel().tolist() if value == value)
        for answers in part_data(world.part).answers
    ]


def test_settling_changes_no_figure(make_world: MakeWorld) -> None:
    world = protocol(make_world)
    world.say(0, {"empathy": "first", "comfort": "second"})
    world.say(1, {"empathy": "first", "comfort": "third"})
    before = counted(world)
    place = world.raters.index(world.further()[0].rater)
    world.say(place, {"empathy": "second", "comfort": "third"})
    assert counted(world) == before
    assert Assignment.objects.filter(role="independent", state="submitted").count() == 2


def test_scores_far_apart_wait_for_a_person(make_world: MakeWorld) -> None:
    world = make_world(ABSOLUTE, resolution=PERSON, dispute_range=4)
    world.say(0, {"empathy": 3, "comfort": 5})
    world.say(1, {"empathy": 9, "comfort": 7})
    dispute = Dispute.objects.get()
    assert (dispute.rule, dispute.detail) == ("range", "3 to 9 on Empathy")
    assert world.further() == []


def test_a_third_score_settles_by_the_middle_one(make_world: MakeWorld) -> None:
    world = make_world(ABSOLUTE, resolution=MORE, dispute_range=4)
    world.say(0, {"empathy": 3, "comfort": 5})
    world.say(1, {"empathy": 9, "comfort": 5})
    world.say(world.raters.index(world.further()[0].rater), {"empathy": 8, "comfort": 1})
    settled = {a.criterion.slug: a.score for a in Adjudication.objects.all() if a.criterion}
    assert settled == {"empathy": 8}


def test_a_flag_of_harm_disputes_the_item_at_once(make_world: MakeWorld) -> None:
    world = make_world(ABSOLUTE, resolution=PERSON, dispute_flags=True)
    set_flag(world.given(0), "fault")
    assert not Dispute.objects.exists()
    set_flag(world.given(0), "harm")
    set_flag(world.given(1), "harm")
    assert Dispute.objects.get().rule == "flag"


def test_parts_without_a_rule_have_no_disputes(make_world: MakeWorld) -> None:
    world = make_world(BEST)
    world.say(0, {"empathy": "first", "comfort": "second"})
    world.say(1, {"empathy": "second", "comfort": "third"})
    assert not Dispute.objects.exists()


@pytest.mark.parametrize(
    ("answers", "settled"),
    [("ab", None), ("aab", "a"), ("abc", None), ("abca", "a"), ("abab", None), ("a", None)],
)
def test_a_choice_is_settled_by_two_who_agree_and_no_other_two(
    answers: str, settled: str | None
) -> None:
    assert settled_choice(list(answers)) == settled


def test_scores_are_settled_near_the_middle() -> None:
    assert settled_score([3, 9], 4) is None
    assert settled_score([3, 9, 8], 4) == 8
    assert settled_score([1, 5, 9], 4) is None
    assert has_majority([1, 1, 2])
    assert not has_majority([1, 2])

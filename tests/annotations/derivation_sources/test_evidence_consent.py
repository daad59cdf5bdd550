"""Whose answers reach a release: those that may train models, and nothing said in another role."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.derivation.evidence import ASKED_AGAIN, Evidence, RaterFacts
from annotations.derivation.rules import DerivationRules
from annotations.models import Assignment, Preference, Study, StudyRater
from annotations.selectors.evidence import (
    permissions_of_answers,
    raters_who_answered,
    study_evidence,
    unanswered_by_reason,
)
from annotations.services.withdrawal import withdraw
from tests.annotations.derivation_sources.conftest import Turns
from tests.answered_studies import (
    CLEARLY_FIRST,
    NEITHER,
    SLIGHTLY_FIRST,
    add_item,
    add_part,
    assign,
    choose,
    flag_harm,
    make_instrument,
    score,
)

pytestmark = pytest.mark.django_db
Role, State = Assignment.Role, Assignment.State


def evidence_of(study: Study, **rules: Any) -> Evidence:
    return study_evidence(study, DerivationRules(**rules))


def heard(study: Study, **rules: Any) -> set[str]:
    """Who is named in evidence that can prefer a response."""
    found = evidence_of(study, **rules)
    of_answers = {choice.rater for choice in found.choices}
    of_answers |= {given.rater for given in found.scores}
    assert of_answers == set(found.raters)
    return of_answers


@pytest.fixture
def rated(study: Study, turns: Turns) -> Study:
    """R1 and R2 chose and scored; the criteria are empathy and safety."""
    instrument = make_instrument(criteria=("empathy", "safety"))
    pairs, alone = (add_part(study, design, instrument) for design in ("pairwise", "absolute"))
    stimulus, (one, two, _) = turns[0]
    pair, single = add_item(pairs, stimulus, [one, two]), add_item(alone, stimulus, [one])
    for rater in study.raters.order_by("pseudonym"):
        choose(pair, rater, CLEARLY_FIRST)
        score(single, rater, {"empathy": 8, "safety": 9})
    return study


def forbid_training(study: Study, pseudonym: str) -> None:
    study.raters.filter(pseudonym=pseudonym).update(allows_training=False)


def test_only_raters_who_allow_training_are_heard(rated: Study) -> None:
    assert heard(rated) == {"R1", "R2"}
    forbid_training(rated, "R2")
    assert heard(rated) == {"R1"}
    forbid_training(rated, "R1")
    assert heard(rated) == set()


def test_permission_to_publish_is_no_permission_to_train(rated: Study) -> None:
    rated.raters.filter(pseudonym="R2").update(allows_training=False, allows_release=True)
    assert heard(rated) == {"R1"}


@pytest.mark.parametrize(
    "role", [role for role in Role.values if role != Role.INDEPENDENT], ids=str
)
def test_answers_in_any_other_role_are_not_heard(rated: Study, role: str) -> None:
    theirs = Assignment.objects.filter(rater__study=rated, rater__pseudonym="R2")
    theirs.update(role=role, slot=None)
    assert heard(rated) == {"R1"}
    assert raters_who_answered(rated) == {"R1": 2}


@pytest.mark.parametrize("state", [State.ASSIGNED, State.SKIPPED])
def test_answers_that_were_not_submitted_are_not_heard(rated: Study, state: str) -> None:
    theirs = Assignment.objects.filter(rater__study=rated, rater__pseudonym="R2")
    theirs.update(state=state, submitted_at=None)
    assert heard(rated) == {"R1"}


def test_whoever_leaves_and_has_the_answers_erased_is_heard_no_more(rated: Study) -> None:
    withdraw(rated.raters.get(pseudonym="R2"), erase=True)
    assert heard(rated) == {"R1"}


def test_whoever_leaves_and_lets_the_answers_stand_is_still_heard(rated: Study) -> None:
    withdraw(rated.raters.get(pseudonym="R2"))
    assert heard(rated) == {"R1", "R2"}


# Judges


@pytest.fixture
def judged(rated: Study) -> Study:
    """R2 is a judge; no consent was asked."""
    rated.raters.filter(pseudonym="R2").update(kind=StudyRater.Kind.LLM, allows_training=False)
    return rated


def test_judges_are_heard_only_where_the_rules_name_them(judged: Study) -> None:
    assert heard(judged) == {"R1"}
    assert heard(judged, rater_kinds=("person", "llm")) == {"R1", "R2"}
    assert heard(judged, rater_kinds=("llm",)) == {"R2"}


def test_judges_need_no_consent_and_are_never_mixed_with_people(judged: Study) -> None:
    forbid_training(judged, "R1")
    found = evidence_of(judged, rater_kinds=("person", "llm"))
    assert found.raters == {"R2": RaterFacts("llm", True, None)}
    assert {choice.seconds for choice in found.choices} == {None}
    assert {given.seconds for given in found.scores} == {None}


# What bars a response needs no consent


def test_what_bars_a_response_counts_whoever_said_it(study: Study, turns: Turns) -> None:
    instrument = make_instrument(criteria=("empathy", "safety"))
    pairs, alone = (add_part(study, design, instrument) for design in ("pairwise", "absolute"))
    stimulus, (one, two, _) = turns[0]
    rater = study.raters.get(pseudonym="R2")
    forbid_training(study, "R2")
    flag_harm(choose(add_item(pairs, stimulus, [one, two]), rater, NEITHER), two)
    score(add_item(alone, stimulus, [one]), rater, {"empathy": 8, "safety": 1})
    found = evidence_of(study)
    assert (found.choices, found.scores, found.raters) == ((), (), {})
    assert [(s.response, s.value) for s in found.safety_scores] == [(one.pk, 1)]
    assert found.unacceptable == {one.pk, two.pk}
    assert {pk for pk, facts in found.responses.items() if facts.harmful} == {two.pk}


def test_what_a_third_rater_or_a_judge_says_bars_a_response(study: Study, turns: Turns) -> None:
    study.raters.filter(pseudonym="R1").update(kind=StudyRater.Kind.LLM)
    instrument = make_instrument(criteria=("safety",))
    pairs, alone = (add_part(study, design, instrument) for design in ("pairwise", "absolute"))
    stimulus, (one, two, three) = turns[0]
    judge, third = study.raters.order_by("pseudonym")
    score(add_item(alone, stimulus, [one]), judge, {"safety": 2})
    score(add_item(alone, stimulus, [two]), third, {"safety": 3}, role=Role.ADJUDICATION)
    choose(add_item(pairs, stimulus, [one, three]), third, NEITHER, role=Role.ADJUDICATION)
    found = evidence_of(study)
    assert (found.choices, found.scores) == ((), ())
    assert {(s.response, s.value) for s in found.safety_scores} == {(one.pk, 2), (two.pk, 3)}
    assert found.unacceptable == {one.pk, three.pk}


def test_an_answer_that_is_asked_for_again_may_bar_a_response_and_does_nothing_else(
    study: Study, turns: Turns
) -> None:
    instrument = make_instrument(criteria=("empathy", "safety"))
    pairs, alone = (add_part(study, design, instrument) for design in ("pairwise", "absolute"))
    stimulus, (one, two, three) = turns[0]
    rater = study.raters.get(pseudonym="R1")
    scored = add_item(alone, stimulus, [one])
    score(scored, rater, {"empathy": 8, "safety": 9})
    compared = add_item(pairs, stimulus, [two, three])
    choose(compared, rater, CLEARLY_FIRST)
    before = evidence_of(study)
    score(scored, rater, {"empathy": 2, "safety": 1}, role=Role.REPEAT)
    again = assign(compared, rater, role=Role.REPEAT)
    Preference.objects.create(assignment=again, strength=0, tie_kind="neither_acceptable")
    found = evidence_of(study)
    assert found.unacceptable == {two.pk, three.pk}
    assert [(s.rater, s.value) for s in found.safety_scores] == [("R1", 9), (ASKED_AGAIN, 1)]
    assert (found.choices, found.scores) == (before.choices, before.scores)


# Counts


def test_who_answered_and_who_agreed_to_what_is_counted(judged: Study) -> None:
    assert raters_who_answered(judged) == {"R1": 2}
    assert raters_who_answered(judged, ("person", "llm")) == {"R1": 2, "R2": 2}
    judged.raters.filter(pseudonym="R1").update(allows_release=True)
    counts = permissions_of_answers(judged)
    assert counts == {
        "raters": 1,
        "allow_training": 1,
        "allow_training_and_release": 1,
        "left_out_raters": 0,
        "left_out_answers": 0,
    }
    forbid_training(judged, "R1")
    assert raters_who_answered(judged) == {}
    counts = permissions_of_answers(judged)
    assert (counts["left_out_raters"], counts["left_out_answers"]) == (1, 2)


def test_reasons_are_counted_of_those_whose_answers_may_train(rated: Study, turns: Turns) -> None:
    pairs, alone = rated.parts.order_by("position")
    stimulus, (one, two, _) = turns[1]
    pair, single = add_item(pairs, stimulus, [one, two]), add_item(alone, stimulus, [one])
    for rater in rated.raters.order_by("pseudonym"):
        choose(pair, rater, "cannot_tell")
        score(single, rater, {"empathy": "cannot_tell", "safety": "not_applicable"})
    nobody = {"not_applicable": 0, "cannot_tell": 0, "outside_competence": 0}
    assert unanswered_by_reason(rated) == {**nobody, "not_applicable": 2, "cannot_tell": 4}
    forbid_training(rated, "R1")
    assert unanswered_by_reason(rated) == {**nobody, "not_applicable": 1, "cannot_tell": 2}


def test_an_answer_that_was_changed_counts_as_it_stands(study: Study, turns: Turns) -> None:
    item = add_item(add_part(study, "pairwise", make_instrument()), turns[0][0], turns[0][1][:2])
    given = choose(item, study.raters.order_by("pseudonym")[0], SLIGHTLY_FIRST).preferences.get()
    given.first_answer = {
        "preferred": item.candidates.order_by("response_id")[1].pk,
        "strength": 2,
        "ranks": None,
        "tie_kind": "",
        "cannot_rate": "",
    }
    given.save()
    assert [choice.value for choice in evidence_of(study).choices] == [-1]

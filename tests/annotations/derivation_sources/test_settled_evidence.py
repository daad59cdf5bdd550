"""What adjudication settled, and whose consent a majority needs."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.evidence import ADJUDICATED, Choice, Evidence, Score
from annotations.derivation.rules import DerivationRules
from annotations.models import Adjudication, Assignment, Item, Study
from annotations.selectors.evidence import study_evidence
from annotations.services.adjudication import settle, settle_flag
from annotations.services.withdrawal import withdraw
from inference.errors import InvalidOptionsError
from mood_eval.models import User
from tests.annotations.derivation_sources.conftest import Turns
from tests.answered_studies import (
    CLEARLY_FIRST,
    CLEARLY_SECOND,
    TIE,
    add_criterion,
    add_item,
    add_part,
    assign,
    choose,
    make_instrument,
    pick,
    rank,
    score,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db
Role, Method = Assignment.Role, Adjudication.Method
Choices = list[tuple[int, int, str, int]]


@pytest.fixture
def eve(db: None) -> User:
    """Settles what raters disagree on."""
    return make_user("eve@example.org")


def evidence_of(study: Study, **rules: Any) -> Evidence:
    return study_evidence(study, DerivationRules(**rules))


def settled_choices(study: Study, **rules: Any) -> Choices:
    found = evidence_of(study, **rules).settled_choices
    assert {choice.rater for choice in found} <= {ADJUDICATED}
    return [(c.first, c.second, c.criterion, c.value) for c in found]


def settled_scores(study: Study, **rules: Any) -> list[tuple[int, str, float]]:
    found = evidence_of(study, **rules).settled_scores
    return [(given.response, given.criterion, given.value) for given in found]


@pytest.fixture
def pair(study: Study, turns: Turns) -> Item:
    """Of the first two models' replies: R1 prefers the first, R2 the second."""
    part = add_part(study, "pairwise", make_instrument("pairs"))
    item = add_item(part, turns[0][0], turns[0][1][:2])
    first, second = study.raters.order_by("pseudonym")
    choose(item, first, CLEARLY_FIRST)
    choose(item, second, CLEARLY_SECOND)
    return item


@pytest.fixture
def single(study: Study, turns: Turns) -> Item:
    """Of the first model's reply: R1 scored 3, R2 scored 9."""
    instrument = make_instrument("scores", ("empathy", "safety"))
    add_criterion(instrument, "haste", reverse_scored=True)
    item = add_item(add_part(study, "absolute", instrument), turns[0][0], turns[0][1][:1])
    first, second = study.raters.order_by("pseudonym")
    score(item, first, {"empathy": 3})
    score(item, second, {"empathy": 9})
    return item


def majority(item: Item, **fields: Any) -> Adjudication:
    return Adjudication.objects.create(
        item=item, method=Method.MAJORITY, reason="3 raters", **fields
    )


# What a named person decides


def test_a_settled_choice_stands_beside_the_answers_it_settles(
    study: Study, pair: Item, eve: User
) -> None:
    settle(pair, "overall", "b1", by=eve, reason="Read both twice.")
    one, two = sorted(pair.candidates.values_list("response_id", flat=True))
    found = evidence_of(study)
    assert [choice.rater for choice in found.choices] == ["R1", "R2"]
    assert found.settled_choices == (Choice(one, two, "overall", ADJUDICATED, 1),)
    assert ADJUDICATED not in found.raters


def test_a_settled_tie_is_a_tie(study: Study, pair: Item, eve: User) -> None:
    settle(pair, "overall", "tie", by=eve, reason="Equal.")
    assert [value for *_, value in settled_choices(study)] == [0]


def test_settled_scores_are_turned_round_like_all_others(
    study: Study, single: Item, eve: User
) -> None:
    response = single.candidates.get().response
    settle(single, "empathy", "6", by=eve, reason="Between the two.")
    settle(single, "haste", "2", by=eve, reason="Calm.")
    assert sorted(evidence_of(study).settled_scores) == [
        Score(response.stimulus_id, response.pk, "empathy", ADJUDICATED, 6, 1, 10),
        Score(response.stimulus_id, response.pk, "haste", ADJUDICATED, 9, 1, 10),
    ]


def test_the_newest_decision_on_a_question_counts(study: Study, single: Item, eve: User) -> None:
    response = single.candidates.get().response_id
    for value in ("6", "4"):
        settle(single, "empathy", value, by=eve, reason="Read again.")
    settle(single, "safety", "9", by=eve, reason="Nothing to fear.")
    assert sorted(settled_scores(study)) == [(response, "empathy", 4), (response, "safety", 9)]


def test_what_kind_of_tie_it_is_cannot_be_settled(study: Study, pair: Item, eve: User) -> None:
    for kind in ("neither_acceptable", "both_acceptable"):
        with pytest.raises(InvalidOptionsError, match="Settle as a tie"):
            settle(pair, "overall", f"tie:{kind}", by=eve, reason="Both are cold.")
    assert not pair.adjudications.exists()


def test_cannot_rate_takes_the_votes_of_people_and_what_was_settled_before(
    study: Study, pair: Item, single: Item, eve: User
) -> None:
    for item, question, value in ((single, "empathy", "6"), (pair, "overall", "a2")):
        settle(item, question, value, by=eve, reason="Clear.")
        settle(item, question, "cannot:cannot_tell", by=eve, reason="Not so clear.")
    found = evidence_of(study)
    assert (found.settled_choices, found.settled_scores) == ((), ())
    replies = tuple(sorted(pair.candidates.values_list("response_id", flat=True)))
    scored = (single.candidates.get().response_id,)
    assert found.settled_as_open == {(replies, "overall"), (scored, "empathy")}
    derived = derive(found, DerivationRules())
    assert (derived.comparisons, derived.counts["settled_as_open"]) == ((), 4)


def test_what_was_decided_about_a_flag_settles_no_question(
    study: Study, pair: Item, eve: User
) -> None:
    settle(pair, "overall", "a2", by=eve, reason="Clear.")
    settle_flag(pair, by=eve, reason="No danger.")
    assert [value for *_, value in settled_choices(study)] == [-2]


def test_the_best_of_several_and_rankings_are_settled_pair_by_pair(
    study: Study, turns: Turns, eve: User
) -> None:
    instrument = make_instrument()
    rater = study.raters.order_by("pseudonym")[0]
    best = add_item(add_part(study, "best_of_n", instrument), *turns[0])
    order = add_item(add_part(study, "ranking", instrument), *turns[1])
    pick(best, rater, None)
    rank(order, rater, dict.fromkeys(turns[1][1], 1))
    settle(best, "overall", "b", by=eve, reason="Warmest.")
    settle(order, "overall", "rank:c>a=b", by=eve, reason="In this order.")
    (a, b, c), (d, e, f) = ([reply.pk for reply in replies] for _, replies in turns[:2])
    assert settled_choices(study) == [
        (a, b, "overall", 1),
        (b, c, "overall", -1),
        (d, e, "overall", 0),
        (d, f, "overall", 1),
        (e, f, "overall", 1),
    ]


def test_settled_answers_are_of_the_named_criteria_only(
    study: Study, pair: Item, single: Item, eve: User
) -> None:
    settle(pair, "overall", "a2", by=eve, reason="Clear.")
    settle(pair, "empathy", "b2", by=eve, reason="Clear.")
    settle(single, "empathy", "6", by=eve, reason="Clear.")
    assert [slug for *_, slug, _ in settled_choices(study)] == ["overall"]
    assert [slug for *_, slug, _ in settled_choices(study, criteria=("empathy",))] == ["empathy"]
    assert settled_scores(study, criteria=("overall",)) == []


def test_whole_dialogues_settle_no_pair(study: Study, turns: Turns, eve: User) -> None:
    part = add_part(study, "pairwise", make_instrument(), unit="dialogue")
    item = add_item(part, turns[0][0], [turns[0][1][0], turns[3][1][1]])
    Adjudication.objects.create(
        item=item, preferred=item.candidates.first(), strength=1, decided_by=eve, reason="Better."
    )
    assert settled_choices(study) == []


def test_people_settle_nothing_where_only_judges_are_asked(
    study: Study, pair: Item, eve: User
) -> None:
    settle(pair, "overall", "a2", by=eve, reason="Clear.")
    assert settled_choices(study, rater_kinds=("llm",)) == []


def test_a_settled_low_score_on_safety_bars_the_response(
    study: Study, single: Item, eve: User
) -> None:
    settle(single, "safety", "2", by=eve, reason="Dangerous advice.")
    for rules in ({}, {"criteria": ("overall",)}, {"rater_kinds": ("llm",)}):
        found = evidence_of(study, **rules)
        assert [(s.criterion, s.rater, s.value) for s in found.safety_scores] == [
            ("safety", ADJUDICATED, 2)
        ]


# What the majority with further raters decides


def settle_by_a_third(study: Study, item: Item, third: str) -> None:
    """Another rater joins and agrees with R1; what the two say is settled."""
    rater = study.raters.create(
        user=make_user(f"{third}@example.org"), pseudonym=third, allows_training=True
    )
    if item.part.design == "pairwise":
        choose(item, rater, CLEARLY_FIRST, role=Role.ADJUDICATION)
        majority(item, preferred=item.candidates.order_by("response_id")[0], strength=1)
    else:
        score(item, rater, {"empathy": 4}, role=Role.ADJUDICATION)
        criterion = item.part.instrument.criteria.get(slug="empathy")
        majority(item, criterion=criterion, candidate=item.candidates.get(), score=4)


def test_a_majority_counts_with_the_answers_of_further_raters(
    study: Study, pair: Item, single: Item
) -> None:
    settle_by_a_third(study, pair, "R3")
    settle_by_a_third(study, single, "R4")
    assert [value for *_, value in settled_choices(study)] == [-1]
    assert [value for *_, value in settled_scores(study)] == [4]
    assert set(evidence_of(study).raters) == {"R1", "R2"}, "further raters have no votes"


@pytest.mark.parametrize("pseudonym", ["R1", "R2", "R3"])
def test_a_majority_counts_only_if_everybody_behind_it_allows_training(
    study: Study, pair: Item, pseudonym: str
) -> None:
    settle_by_a_third(study, pair, "R3")
    study.raters.filter(pseudonym=pseudonym).update(allows_training=False)
    assert settled_choices(study) == []


def test_a_majority_made_with_answers_erased_since_counts_no_more(study: Study, pair: Item) -> None:
    settle_by_a_third(study, pair, "R3")
    withdraw(study.raters.get(pseudonym="R3"), erase=True)
    study.raters.filter(pseudonym="R3").update(allows_training=True)  # let in again
    assert settled_choices(study) == []


def test_who_had_the_item_and_never_submitted_it_is_behind_no_majority(
    study: Study, pair: Item
) -> None:
    settle_by_a_third(study, pair, "R3")
    idle = study.raters.create(user=make_user("idle@example.org"), pseudonym="R4")
    assign(pair, idle, role=Role.RELEASED, state=Assignment.State.ASSIGNED)
    assert len(settled_choices(study)) == 1


def test_a_majority_that_must_not_count_hides_what_was_decided_before(
    study: Study, pair: Item, eve: User
) -> None:
    settle(pair, "overall", "b2", by=eve, reason="Clear.")
    settle_by_a_third(study, pair, "R3")
    study.raters.filter(pseudonym="R1").update(allows_training=False)
    assert settled_choices(study) == []


def test_a_named_person_decides_whatever_the_raters_agreed_to(
    study: Study, pair: Item, eve: User
) -> None:
    study.raters.update(allows_training=False)
    settle(pair, "overall", "b2", by=eve, reason="Clear.")
    assert [value for *_, value in settled_choices(study)] == [2]


def test_a_tied_majority_is_a_tie(study: Study, pair: Item) -> None:
    third = study.raters.create(
        user=make_user("third@example.org"), pseudonym="R3", allows_training=True
    )
    choose(pair, third, TIE, role=Role.ADJUDICATION)
    majority(pair, preferred=None, strength=0)
    assert [value for *_, value in settled_choices(study)] == [0]

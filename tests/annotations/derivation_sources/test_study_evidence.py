"""What derivation is told of a study: choices, scores, and facts about responses and raters."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotations.derivation.evidence import Choice, Evidence, RaterFacts, Score
from annotations.derivation.rules import DerivationRules
from annotations.models import Criterion, Study
from annotations.selectors.evidence import study_evidence
from inference.models import GenerationRun
from tests.annotations.derivation_sources.conftest import Turns
from tests.answered_studies import (
    CLEARLY_FIRST,
    CLEARLY_SECOND,
    NEITHER,
    SLIGHTLY_SECOND,
    TIE,
    add_criterion,
    add_item,
    add_part,
    answer,
    choose,
    flag_harm,
    make_instrument,
    make_study,
    options,
    pick,
    rank,
    score,
)

pytestmark = pytest.mark.django_db


def evidence_of(study: Study, **rules: Any) -> Evidence:
    return study_evidence(study, DerivationRules(**rules))


def values(study: Study) -> dict[tuple[int, int, str], int]:
    return {(c.first, c.second, c.rater): c.value for c in evidence_of(study).choices}


# Choices


def test_a_choice_between_two_has_a_direction_and_a_strength(study: Study, turns: Turns) -> None:
    part = add_part(study, "pairwise", make_instrument())
    stimulus, (one, two, _) = turns[0]
    item = add_item(part, stimulus, [one, two])
    first, second = study.raters.order_by("pseudonym")
    choose(item, first, CLEARLY_FIRST, active_ms=12_500)
    choose(item, second, SLIGHTLY_SECOND)
    assert evidence_of(study).choices == (
        Choice(one.pk, two.pk, "overall", "R1", -2, seconds=12.5),
        Choice(one.pk, two.pk, "overall", "R2", 1, seconds=0.0),
    )


def test_the_best_of_several_beats_every_other_and_says_nothing_of_those(
    study: Study, turns: Turns
) -> None:
    part = add_part(study, "best_of_n", make_instrument(), with_overall=False)
    stimulus, replies = turns[0]
    item = add_item(part, stimulus, replies)
    first, second = study.raters.order_by("pseudonym")
    pick(item, first, replies[1], "empathy")
    pick(item, second, None, "empathy")
    a, b, c = (reply.pk for reply in replies)
    assert values(study) == {
        (a, b, "R1"): 1,
        (b, c, "R1"): -1,
        (a, b, "R2"): 0,
        (a, c, "R2"): 0,
        (b, c, "R2"): 0,
    }


def test_a_ranking_decides_every_pair(study: Study, turns: Turns) -> None:
    part = add_part(study, "ranking", make_instrument())
    stimulus, replies = turns[0]
    item = add_item(part, stimulus, replies)
    first, second = study.raters.order_by("pseudonym")
    rank(item, first, dict(zip(replies, (2, 1, 2), strict=True)))
    rank(item, second, "cannot_tell")
    a, b, c = (reply.pk for reply in replies)
    assert values(study) == {(a, b, "R1"): 1, (a, c, "R1"): 0, (b, c, "R1"): -1}


def test_whole_dialogues_make_no_choices_and_no_scores(study: Study, turns: Turns) -> None:
    instrument = make_instrument()
    pairs = add_part(study, "pairwise", instrument, unit="dialogue")
    alone = add_part(study, "absolute", instrument, unit="dialogue")
    rater = study.raters.order_by("pseudonym")[0]
    item = add_item(pairs, turns[0][0], [turns[0][1][0], turns[1][1][1]])
    choose(item, rater, CLEARLY_FIRST)
    score(add_item(alone, turns[0][0], turns[0][1][:1]), rater, {"empathy": 9})
    found = evidence_of(study)
    assert (found.choices, found.scores, found.responses) == ((), (), {})


def test_the_same_question_in_two_parts_counts_once_per_rater_with_the_first_answer(
    study: Study, turns: Turns
) -> None:
    instrument = make_instrument()
    stimulus, (one, two, _) = turns[0]
    rater = study.raters.order_by("pseudonym")[0]
    items = [add_item(add_part(study, "pairwise", instrument), stimulus, [one, two]) for _ in "ab"]
    choose(items[1], rater, CLEARLY_SECOND)
    choose(items[0], rater, CLEARLY_FIRST)
    items = [add_item(add_part(study, "absolute", instrument), stimulus, [one]) for _ in "ab"]
    score(items[1], rater, {"empathy": 2})
    score(items[0], rater, {"empathy": 8})
    found = evidence_of(study)
    assert [choice.value for choice in found.choices] == [-2]
    assert [given.value for given in found.scores] == [8]


def test_without_named_criteria_the_overall_question_counts_where_it_is_asked(
    study: Study, turns: Turns
) -> None:
    instrument = make_instrument()
    rater = study.raters.order_by("pseudonym")[0]
    asked = [add_part(study, "pairwise", instrument, with_overall=overall) for overall in (1, 0)]
    for part, (stimulus, replies) in zip(asked, turns, strict=False):
        item = add_item(part, stimulus, replies[:2])
        choose(item, rater, CLEARLY_FIRST, "empathy")
        if part.with_overall:
            choose(item, rater, CLEARLY_SECOND)
    assert [c.criterion for c in evidence_of(study).choices] == ["overall", "empathy"]
    named = evidence_of(study, criteria=("empathy",)).choices
    assert [c.criterion for c in named] == ["empathy", "empathy"]
    assert [c.value for c in evidence_of(study, criteria=("overall",)).choices] == [2]


# Scores


def test_reverse_scored_criteria_are_turned_round_within_their_scale(
    study: Study, turns: Turns
) -> None:
    instrument = make_instrument()
    add_criterion(instrument, "haste", reverse_scored=True, scale_min=0, scale_max=4)
    labels = options("None", "Some", "Much")
    kind = Criterion.Kind.CHOICE
    add_criterion(instrument, "jargon", reverse_scored=True, kind=kind, options=labels)
    part = add_part(study, "absolute", instrument)
    stimulus, (one, *_) = turns[0]
    rater = study.raters.order_by("pseudonym")[0]
    given = {"empathy": 7, "haste": 1, "jargon": 2}
    answer(add_item(part, stimulus, [one]), rater, given, active_ms=3000)
    assert sorted(evidence_of(study).scores) == [
        Score(stimulus.pk, one.pk, "empathy", "R1", 7, 1, 10, 3.0),
        Score(stimulus.pk, one.pk, "haste", "R1", 3, 0, 4, 3.0),
        Score(stimulus.pk, one.pk, "jargon", "R1", 0, 0, 2, 3.0),
    ]


def test_answers_without_an_order_and_reasons_are_no_scores(study: Study, turns: Turns) -> None:
    instrument = make_instrument(criteria=())
    yes = options("No", "Yes")
    add_criterion(instrument, "advice", kind=Criterion.Kind.CHOICE, level="nominal", options=yes)
    add_criterion(
        instrument, "level", kind=Criterion.Kind.CHOICE, options=options("Weak", "Strong")
    )
    add_criterion(instrument, "depth")
    add_criterion(instrument, "why", kind=Criterion.Kind.TEXT)
    part = add_part(study, "absolute", instrument)
    item = add_item(part, turns[0][0], turns[0][1][:1])
    given: dict[str, int | str] = {"advice": 1, "level": 1, "why": "So.", "depth": "cannot_tell"}
    answer(item, study.raters.order_by("pseudonym")[0], given)
    assert [given.criterion for given in evidence_of(study).scores] == ["level"]


def test_scores_are_of_the_named_criteria_and_of_those_with_a_weight(
    study: Study, turns: Turns
) -> None:
    part = add_part(study, "absolute", make_instrument(criteria=("empathy", "tone", "tact")))
    item = add_item(part, turns[0][0], turns[0][1][:1])
    score(item, study.raters.order_by("pseudonym")[0], {"empathy": 5, "tone": 6, "tact": 7})
    rules = {"criteria": ("empathy",), "weights": (("tone", 2.0),)}
    assert {s.criterion for s in evidence_of(study, **rules).scores} == {"empathy", "tone"}
    assert len(evidence_of(study).scores) == 3


# What bars a response


def test_a_low_safety_score_is_told_whatever_else_is_asked_for(study: Study, turns: Turns) -> None:
    part = add_part(study, "absolute", make_instrument(criteria=("empathy", "safety")))
    item = add_item(part, turns[0][0], turns[0][1][:1])
    score(item, study.raters.order_by("pseudonym")[0], {"empathy": 9, "safety": 2})
    found = evidence_of(study, criteria=("empathy",))
    assert [(s.criterion, s.value) for s in found.safety_scores] == [("safety", 2)]
    assert evidence_of(study, safety_criteria=("harmlessness",)).safety_scores == ()


def test_responses_somebody_called_not_acceptable_are_named(study: Study, turns: Turns) -> None:
    part = add_part(study, "pairwise", make_instrument())
    rater = study.raters.order_by("pseudonym")[0]
    (first, (one, two, _)), (second, others) = turns[:2]
    choose(add_item(part, first, [one, two]), rater, NEITHER)
    choose(add_item(part, second, others[:2]), rater, TIE)
    found = evidence_of(study)
    assert found.unacceptable == {one.pk, two.pk}
    assert [c.neither_acceptable for c in found.choices] == [True, False]


def test_a_flag_speaks_of_every_reply_with_the_same_words_to_the_same_turn(
    study: Study, turns: Turns
) -> None:
    part = add_part(study, "pairwise", make_instrument())
    rater = study.raters.order_by("pseudonym")[0]
    (first, (one, two, three)), (second, others) = turns[:2]
    two.text, three.text = "  Reply of  one.", "reply of one."
    for reply in (two, three):
        reply.save()
    flag_harm(choose(add_item(part, first, [one, two]), rater, TIE), one)
    choose(add_item(part, first, [one, three]), rater, TIE)
    choose(add_item(part, second, others[:2]), rater, TIE)
    facts = evidence_of(study).responses
    assert {pk for pk, its in facts.items() if its.harmful} == {one.pk, two.pk}


def test_a_flag_in_another_study_counts_also_of_a_reply_that_is_not_in_this_one(
    study: Study, turns: Turns
) -> None:
    stimulus, (one, two, three) = turns[0]
    three.text = one.text
    three.save()
    choose(
        add_item(add_part(study, "pairwise", make_instrument()), stimulus, [one, two]),
        study.raters.order_by("pseudonym")[0],
        CLEARLY_FIRST,
    )
    other = make_study(study.team, [], name="Other", raters=1)
    item = add_item(add_part(other, "absolute", make_instrument("other")), stimulus, [three])
    score(item, other.raters.get(), {"empathy": 1}).flags.create(kind="harm")
    facts = evidence_of(study).responses
    assert {pk for pk, its in facts.items() if its.harmful} == {one.pk}


def test_a_flag_of_another_kind_is_no_harm(study: Study, turns: Turns) -> None:
    item = add_item(add_part(study, "absolute", make_instrument()), turns[0][0], turns[0][1][:1])
    rater = study.raters.order_by("pseudonym")[0]
    score(item, rater, {"empathy": 5}).flags.create(kind="fault")
    assert not any(its.harmful for its in evidence_of(study).responses.values())


# Responses


def test_facts_are_of_every_response_that_an_answer_names_and_of_no_other(
    study: Study, turns: Turns
) -> None:
    part = add_part(study, "pairwise", make_instrument())
    stimulus, (one, two, three) = turns[0]
    choose(add_item(part, stimulus, [one, two]), study.raters.order_by("pseudonym")[0], TIE)
    add_item(part, stimulus, [two, three])
    facts = evidence_of(study).responses
    assert set(facts) == {one.pk, two.pk}
    assert (facts[one.pk].stimulus, facts[one.pk].corpus_split) == (stimulus.pk, "rate")
    assert facts[one.pk].group == "Small corpus/session-000"
    assert not facts[one.pk].empty


def test_length_and_words_are_those_of_the_text_as_shown(study: Study, turns: Turns) -> None:
    stimulus, (one, two, three) = turns[0]
    for reply, text in ((one, " So \t hard. \n"), (two, "So hard."), (three, " \n ")):
        reply.text = text
        reply.save()
    item = add_item(add_part(study, "best_of_n", make_instrument()), stimulus, [one, two, three])
    pick(item, study.raters.order_by("pseudonym")[0], None)
    facts = evidence_of(study).responses
    assert [facts[reply.pk].length for reply in (one, two, three)] == [8, 8, 0]
    assert facts[one.pk].said == facts[two.pk].said != facts[three.pk].said
    assert [facts[reply.pk].empty for reply in (one, two, three)] == [False, False, True]


@pytest.mark.parametrize(
    ("fields", "differ"), [("hidden", False), ("after", True), ("beside", True)]
)
def test_labels_tell_two_replies_apart_only_where_raters_saw_them(
    study: Study, turns: Turns, fields: str, differ: bool
) -> None:
    study.response_fields = fields
    study.save()
    stimulus, (one, two, _) = turns[0]
    two.text, two.strategy = one.text, "approval"
    two.save()
    item = add_item(add_part(study, "pairwise", make_instrument()), stimulus, [one, two])
    choose(item, study.raters.order_by("pseudonym")[0], TIE)
    facts = evidence_of(study).responses
    assert (facts[one.pk].said != facts[two.pk].said) is differ
    assert facts[one.pk].trained_on == facts[two.pk].trained_on == one.text


def test_a_reply_that_ended_because_no_more_was_allowed_is_truncated(
    study: Study, turns: Turns
) -> None:
    stimulus, (one, two, three) = turns[0]
    GenerationRun.objects.filter(responses=one).update(options={"max_new_tokens": 40})
    for reply, tokens in ((one, 40), (two, 40), (three, 128)):
        reply.new_tokens = tokens
        reply.save()
    item = add_item(add_part(study, "best_of_n", make_instrument()), stimulus, [one, two, three])
    pick(item, study.raters.order_by("pseudonym")[0], None)
    facts = evidence_of(study).responses
    assert [facts[reply.pk].truncated for reply in (one, two, three)] == [True, False, True]


def test_what_people_said_has_no_tokens_and_is_never_truncated(study: Study, turns: Turns) -> None:
    stimulus, (one, *_) = turns[0]
    one.new_tokens = 0
    one.save()
    item = add_item(add_part(study, "absolute", make_instrument()), stimulus, [one])
    score(item, study.raters.order_by("pseudonym")[0], {"empathy": 5})
    assert not evidence_of(study).responses[one.pk].truncated


# Cost and raters


def test_no_rater_and_no_answer_adds_a_query(study: Study, turns: Turns) -> None:
    instrument = make_instrument(criteria=("empathy", "safety"))
    pairs, alone = (add_part(study, design, instrument) for design in ("pairwise", "absolute"))

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            evidence_of(study)
        return len(found)

    def rate(number: int) -> None:
        stimulus, (one, two, _) = turns[number]
        for rater in study.raters.order_by("pseudonym"):
            choose(add_item(pairs, stimulus, [one, two]), rater, CLEARLY_FIRST)
            score(add_item(alone, stimulus, [one]), rater, {"empathy": 5, "safety": 9})

    rate(0)
    few = queries()
    for number in range(1, 6):
        rate(number)
    assert queries() == few <= 16


def test_raters_of_a_study_without_qualification_and_panel_are_qualified(
    study: Study, turns: Turns
) -> None:
    item = add_item(add_part(study, "absolute", make_instrument()), turns[0][0], turns[0][1][:1])
    score(item, study.raters.order_by("pseudonym")[1], {"empathy": 5})
    assert evidence_of(study).raters == {"R2": RaterFacts("person", True, None)}

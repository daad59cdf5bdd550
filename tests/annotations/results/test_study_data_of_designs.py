"""Every design and kind of answer as arrays, with each reason for a missing one apart."""

from __future__ import annotations

import numpy as np
import pytest

from annotations.analysis.filters import ResultsFilter, apply_filter
from annotations.models import (
    Adjudication,
    AnalysisPlan,
    Assignment,
    Criterion,
    Preference,
    Rating,
    Study,
    StudyPart,
    StudyRater,
)
from annotations.models.rating import CannotRate
from annotations.selectors.study_arrays import MISSING_LABELS, Answers
from annotations.selectors.study_beside import Beside
from annotations.selectors.study_data import part_data
from inference.models import Response, Stimulus
from mood_eval.models import Team
from tests.answered_studies import (
    add_criterion,
    add_item,
    add_part,
    answer,
    assign,
    choose,
    make_instrument,
    make_study,
    options,
    pick,
    rank,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses, make_team

pytestmark = pytest.mark.django_db

NAN = np.nan
Turns = list[tuple[Stimulus, list[Response]]]


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def study(team: Team) -> Study:
    corpus = make_corpus_with_dialogues(team, 1)
    names = ("one", "two", "three")
    runs = [make_run_with_responses(team, corpus, name, f"Reply of {name}.") for name in names]
    return make_study(team, runs)


@pytest.fixture
def turns(study: Study) -> Turns:
    return responses_by_stimulus([link.run for link in study.study_runs.all()])


def raters(study: Study) -> list[StudyRater]:
    return list(study.raters.order_by("pseudonym"))


def by_slug(part: StudyPart) -> dict[str, Answers]:
    return {answers.criterion.slug: answers for answers in part_data(part).answers}


def asked_in_words(study: Study) -> StudyPart:
    """A level, what is toxic if it is not 0, why in words, and where."""
    instrument = make_instrument("kinds", criteria=())
    kind, level = Criterion.Kind, Criterion.Level
    yes = options("No", "Yes", "Unsure")
    add_criterion(instrument, "toxic", kind=kind.CHOICE, level=level.NOMINAL, options=yes)
    only = {"criterion": "toxic", "values": [1]}
    kinds = options("Insult", "Threat")
    add_criterion(instrument, "how", kind=kind.MULTIPLE, options=kinds, only_if=only)
    threat = {"criterion": "how", "values": [1]}
    add_criterion(instrument, "where", kind=kind.SPANS, only_if=threat)
    add_criterion(instrument, "why", kind=kind.TEXT, required=False)
    return add_part(study, "absolute", instrument)


def test_options_passages_and_words_become_arrays(study: Study, turns: Turns) -> None:
    part = asked_in_words(study)
    items = [add_item(part, stimulus, replies[:1]) for stimulus, replies in turns]
    one, two = raters(study)
    answer(items[0], one, {"toxic": 1, "how": [0, 1], "where": [(0, 4)], "why": "It hurts."})
    answer(items[0], two, {"toxic": 1, "how": [0]})
    answer(items[1], one, {"toxic": 0})
    answer(items[1], two, {"toxic": 1, "how": [], "why": "Cold."})
    answer(items[2], two, {"toxic": CannotRate.CANNOT_TELL})
    found = by_slug(part)
    assert list(found) == ["toxic", "how.0", "how.1", "where", "why"]
    np.testing.assert_array_equal(found["toxic"].values, [[1, 0, NAN], [1, 1, NAN]])
    np.testing.assert_array_equal(found["how.0"].values, [[1, NAN, NAN], [1, 0, NAN]])
    np.testing.assert_array_equal(found["how.1"].values, [[1, NAN, NAN], [0, 0, NAN]])
    np.testing.assert_array_equal(found["why"].values, [[1, NAN, NAN], [NAN, 1, NAN]])
    assert found["toxic"].criterion.labels == ((0, "No"), (1, "Yes"), (2, "Unsure"))
    assert found["how.1"].criterion.name == "How: Threat"
    passages = found["where"].passages
    assert passages is not None
    assert (passages.rater.tolist(), passages.unit.tolist(), passages.spans) == (
        [0],
        [0],
        (((0, 4),),),
    )


def test_a_question_that_an_earlier_answer_led_past_was_not_asked(
    study: Study, turns: Turns
) -> None:
    part = asked_in_words(study)
    item = add_item(part, *_first(turns))
    one, two = raters(study)
    answer(item, one, {"toxic": 0})
    answer(item, two, {"toxic": 1, "how": [0]})
    found = by_slug(part)
    assert found["how.0"].missing == {"not_asked": 1}
    assert found["where"].missing == {"not_asked": 2}, "a threat was named by nobody"
    assert found["why"].missing == {"no_answer": 2}
    assert found["toxic"].missing == {}


def _first(turns: Turns) -> tuple[Stimulus, list[Response]]:
    stimulus, replies = turns[0]
    return stimulus, replies[:1]


def test_an_answer_left_over_from_another_branch_does_not_count(study: Study, turns: Turns) -> None:
    part = asked_in_words(study)
    item = add_item(part, *_first(turns))
    one, _ = raters(study)
    answer(item, one, {"toxic": 0, "how": [0, 1], "where": [(0, 3)]})
    found = by_slug(part)
    assert np.isnan(found["how.0"].values).all()
    assert found["where"].passages is not None
    assert len(found["where"].passages.spans) == 0
    assert found["where"].missing == {"not_asked": 1}


def test_every_reason_for_a_missing_answer_has_a_code_of_its_own(
    study: Study, turns: Turns
) -> None:
    part = asked_in_words(study)
    items = [add_item(part, stimulus, replies[:1]) for stimulus, replies in turns]
    one, two = raters(study)
    for item, reason in zip(items, CannotRate.values, strict=True):
        answer(item, one, {"toxic": reason, "why": reason})
    assign(items[0], two, state=Assignment.State.SKIPPED)
    assign(items[1], two, state=Assignment.State.ASSIGNED)
    answer(items[2], two, {"toxic": 0})
    expected = dict.fromkeys(CannotRate.values, 1) | {"skipped": 1}
    assert by_slug(part)["why"].missing == expected | {"not_submitted": 1, "no_answer": 1}
    Study.objects.filter(pk=study.pk).update(state=Study.State.CLOSED)
    part = StudyPart.objects.get(pk=part.pk)
    assert by_slug(part)["why"].missing == expected | {"lost": 1, "no_answer": 1}
    assert by_slug(part)["where"].missing == {"lost": 1, "skipped": 1, "not_asked": 4}
    assert set(by_slug(part)["why"].missing) <= set(MISSING_LABELS)
    assert len(set(MISSING_LABELS.values())) == 8


def test_the_best_of_several_is_the_place_of_its_run(study: Study, turns: Turns) -> None:
    part = add_part(study, "best_of_n", make_instrument())
    items = [add_item(part, stimulus, replies) for stimulus, replies in turns]
    one, two = raters(study)
    pick(items[0], one, turns[0][1][2], "empathy")
    pick(items[0], two, turns[0][1][0], "empathy")
    pick(items[1], one, None, "empathy")
    pick(items[1], two, CannotRate.OUTSIDE_COMPETENCE.value, "empathy")
    data = part_data(part)
    empathy, overall = data.answers
    np.testing.assert_array_equal(empathy.values, [[2, 3, NAN], [0, NAN, NAN]])
    assert empathy.missing == {"outside_competence": 1}
    assert overall.missing == {"no_answer": 4}
    assert data.sources == tuple(study.study_runs.values_list("run_id", flat=True))
    assert data.shown[0, 0].tolist() == [2, 1, 0], "shown in descending order of response ids"
    assert data.shown[0, 2].tolist() == [-1, -1, -1]


def test_an_item_may_show_some_of_the_models(study: Study, turns: Turns) -> None:
    part = add_part(study, "best_of_n", make_instrument(), with_overall=False)
    stimulus, (first, second, third) = turns[0]
    few = add_item(part, stimulus, [second, third])
    more = add_item(part, stimulus, [first, second, third])
    one, _ = raters(study)
    pick(few, one, third, "empathy")
    pick(more, one, third, "empathy")
    data = part_data(part)
    np.testing.assert_array_equal(data.answers[0].values[0], [2, 2])
    assert (data.units.candidates > 0).sum(axis=1).tolist() == [2, 3]
    assert data.shown[0, 0].tolist() == [1, 0, -1]


def test_rankings_keep_every_rank_and_the_first_place(study: Study, turns: Turns) -> None:
    part = add_part(study, "ranking", make_instrument(), with_overall=False)
    items = [add_item(part, stimulus, replies) for stimulus, replies in turns]
    one, two = raters(study)
    rank(items[0], one, dict(zip(turns[0][1], (2, 1, 3), strict=True)), "empathy")
    rank(items[0], two, dict(zip(turns[0][1], (1, 1, 2), strict=True)), "empathy")
    rank(items[1], two, CannotRate.CANNOT_TELL.value, "empathy")
    (empathy,) = part_data(part).answers
    np.testing.assert_array_equal(empathy.values, [[1, NAN, NAN], [3, NAN, NAN]])
    assert empathy.missing == {"cannot_tell": 1}
    assert empathy.ballots is not None
    assert empathy.ballots.ranks.tolist() == [[2, 1, 3], [1, 1, 2]]
    assert empathy.ballots.rater.tolist() == [0, 1]


def test_filters_keep_rankings_and_passages(study: Study, turns: Turns) -> None:
    part = add_part(study, "ranking", make_instrument(), with_overall=False)
    items = [add_item(part, stimulus, replies) for stimulus, replies in turns]
    for item, (_, replies) in zip(items, turns, strict=True):
        for rater in raters(study):
            rank(item, rater, {reply: place for place, reply in enumerate(replies, 1)}, "empathy")
    data = part_data(part)
    alone = apply_filter(data, ResultsFilter(without=("R1",)))
    ballots = alone.answers[0].ballots
    assert ballots is not None
    assert set(ballots.rater.tolist()) == {1}
    last = data.kept(np.array([False, False, True]))
    ballots = last.answers[0].ballots
    assert ballots is not None
    assert ballots.unit.tolist() == [0, 0]
    assert last.shown.shape == (2, 1, 3)


@pytest.mark.parametrize("version", ["last", "first"])
def test_the_plan_says_which_version_of_a_changed_answer_counts(
    study: Study, turns: Turns, version: str
) -> None:
    AnalysisPlan.objects.create(study=study, answer_version=version)
    scored = add_part(study, "absolute", make_instrument())
    stimulus, replies = turns[0]
    item = add_item(scored, stimulus, replies[:1])
    one, two = raters(study)
    score(item, one, {"empathy": 7})
    score(item, two, {"empathy": 4})
    first = {"score": None, "content": None, "cannot_rate": "cannot_tell"}
    Rating.objects.filter(assignment__rater=one).update(first_answer=first | {"cannot_rate": ""})
    Rating.objects.filter(assignment__rater=two).update(first_answer=first)
    (empathy,) = part_data(scored).answers
    if version == "last":
        assert empathy.values[:, 0].tolist() == [7, 4]
    else:
        assert np.isnan(empathy.values).all()
        assert empathy.missing == {"no_answer": 1, "cannot_tell": 1}
    compared = add_part(study, "best_of_n", make_instrument("best"))
    item = add_item(compared, stimulus, replies)
    pick(item, one, replies[0])
    was = item.candidates.get(response=replies[2]).pk
    Preference.objects.update(
        first_answer={"preferred": was, "strength": 1, "ranks": None, "cannot_rate": ""}
    )
    overall = by_slug(compared)["overall"]
    assert overall.values[0, 0] == (0 if version == "last" else 2)
    ranked = add_part(study, "ranking", make_instrument("ranked"))
    item = add_item(ranked, stimulus, replies)
    rank(item, one, dict(zip(replies, (1, 2, 3), strict=True)))
    turned = {str(reply.pk): place for reply, place in zip(replies, (3, 2, 1), strict=True)}
    Preference.objects.filter(ranks__isnull=False).update(
        first_answer={"preferred": None, "strength": None, "ranks": turned, "cannot_rate": ""}
    )
    ballots = by_slug(ranked)["overall"].ballots
    assert ballots is not None
    assert ballots.ranks.tolist() == ([[1, 2, 3]] if version == "last" else [[3, 2, 1]])


def test_the_first_choice_of_two_counts_with_its_strength(study: Study, turns: Turns) -> None:
    AnalysisPlan.objects.create(study=study, answer_version="first")
    part = add_part(study, "pairwise", make_instrument())
    stimulus, replies = turns[0]
    item = add_item(part, stimulus, replies[:2])
    one, _ = raters(study)
    choose(item, one, -2)
    other = item.candidates.get(response=replies[1]).pk
    Preference.objects.update(
        first_answer={"preferred": other, "strength": 1, "ranks": None, "cannot_rate": ""}
    )
    assert by_slug(part)["overall"].values[0, 0] == 1


def test_repeats_disputes_and_the_panels_items_stand_apart(study: Study, turns: Turns) -> None:
    part = add_part(study, "best_of_n", make_instrument(), with_overall=False)
    stimulus, replies = turns[0]
    item = add_item(part, stimulus, replies)
    hidden = add_item(part, turns[1][0], turns[1][1])
    hidden.pool = "reference"
    hidden.save(update_fields=["pool"])
    one, two = raters(study)
    pick(item, one, replies[0], "empathy")
    pick(item, one, replies[1], "empathy", role=Assignment.Role.REPEAT)
    pick(item, two, replies[2], "empathy", role=Assignment.Role.ADJUDICATION)
    pick(hidden, two, turns[1][1][0], "empathy", role=Assignment.Role.REFERENCE)
    Adjudication.objects.create(
        item=item,
        criterion=part.instrument.criteria.get(),
        preferred=item.candidates.get(response=replies[0]),
        strength=1,
    )
    Adjudication.objects.create(
        item=item,
        criterion=part.instrument.criteria.get(),
        preferred=item.candidates.get(response=replies[1]),
        strength=1,
    )
    data = part_data(part)
    assert data.raters == ("R1",)
    assert data.units.item.tolist() == [item.pk]
    assert data.answers[0].values.tolist() == [[0]]
    assert data.repeats is not None
    assert data.repeats.answers[0].values.tolist() == [[1]]
    beside: Beside = data.beside
    assert beside.further is not None
    assert beside.further.raters == ("R2",)
    assert beside.further.answers[0].values.tolist() == [[2]]
    assert beside.settled is not None
    assert beside.settled["empathy"].tolist() == [1], "the later one replaces the earlier"


def test_a_dialogue_stands_under_the_first_candidates_client_turn(
    study: Study, turns: Turns
) -> None:
    part = add_part(study, "pairwise", make_instrument(), unit="dialogue")
    (stimulus, (first, *_)), (_, (_, other, _)) = turns[0], turns[1]
    item = add_item(part, stimulus, [first, other])
    one, _ = raters(study)
    choose(item, one, 2)
    data = part_data(part)
    assert data.units.stimulus.tolist() == [stimulus.pk]
    assert data.units.responses.tolist() == [[first.pk, other.pk]]
    assert data.answers[-1].values[0, 0] == 2

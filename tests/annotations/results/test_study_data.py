from __future__ import annotations

import numpy as np
import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from annotations.analysis.filters import ResultsFilter, apply_filter
from annotations.models import Assignment, Item, Study, StudyPart, StudyRater
from annotations.selectors.study_arrays import Answers
from annotations.selectors.study_data import part_data
from tests.answered_studies import (
    CLEARLY_FIRST,
    NEITHER,
    SLIGHTLY_SECOND,
    TIE,
    add_item,
    add_part,
    assign,
    choose,
    make_instrument,
    make_study,
    rank,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    team = make_team()
    corpus = make_corpus_with_dialogues(team, 1)
    runs = [
        make_run_with_responses(team, corpus, name, f"Reply of {name}.") for name in ("one", "two")
    ]
    return make_study(team, runs)


def answers_of(part: StudyPart) -> tuple[Answers, ...]:
    return part_data(part).answers


def raters(study: Study) -> list[StudyRater]:
    return list(study.raters.order_by("pseudonym"))


def absolute_items(study: Study) -> list[Item]:
    part = add_part(study, "absolute", make_instrument(criteria=("empathy", "safety")))
    runs = [link.run for link in study.study_runs.all()]
    return [add_item(part, stimulus, [one]) for stimulus, (one, _) in responses_by_stimulus(runs)]


def pairwise_items(study: Study) -> list[Item]:
    part = add_part(study, "pairwise", make_instrument())
    runs = [link.run for link in study.study_runs.all()]
    return [add_item(part, stimulus, both) for stimulus, both in responses_by_stimulus(runs)]


def test_scores_stand_by_rater_and_candidate_and_reasons_are_counted_apart(study: Study) -> None:
    items, (one, two) = absolute_items(study), raters(study)
    score(items[0], one, {"empathy": 7, "safety": 9})
    score(items[0], two, {"empathy": 5, "safety": "cannot_tell"})
    score(items[1], one, {"empathy": "not_applicable"})
    data = part_data(items[0].part)
    empathy, safety = data.answers
    assert data.raters == ("R1", "R2")
    assert data.units.pk.tolist() == [item.candidates.get().pk for item in items]
    np.testing.assert_array_equal(empathy.values, [[7, np.nan, np.nan], [5, np.nan, np.nan]])
    assert empathy.missing == {"not_applicable": 1}
    np.testing.assert_array_equal(safety.values, [[9, np.nan, np.nan], [np.nan, np.nan, np.nan]])
    assert safety.missing == {"cannot_tell": 1, "no_answer": 1}


def test_saved_but_not_submitted_answers_do_not_count(study: Study) -> None:
    items, (one, two) = absolute_items(study), raters(study)
    score(items[0], one, {"empathy": 7}, state=Assignment.State.ASSIGNED)
    score(items[0], two, {"empathy": 3}, state=Assignment.State.SKIPPED)
    empathy, _ = answers_of(items[0].part)
    assert np.isnan(empathy.values).all()
    assert empathy.missing == {"not_submitted": 1, "skipped": 1}


@pytest.mark.parametrize("role", ["repeat", "adjudication", "training"])
def test_only_independent_first_answers_count(study: Study, role: str) -> None:
    items, (one, _) = absolute_items(study), raters(study)
    score(items[0], one, {"empathy": 7, "safety": 7})
    score(items[0], one, {"empathy": 1, "safety": 1}, role=role)
    empathy, _ = answers_of(items[0].part)
    assert empathy.values[0, 0] == 7
    assert np.isnan(empathy.values[0, 1:]).all()


def test_llm_judges_are_never_pooled_with_people(study: Study) -> None:
    items, (one, judge) = absolute_items(study), raters(study)
    StudyRater.objects.filter(pk=judge.pk).update(kind=StudyRater.Kind.LLM)
    score(items[0], one, {"empathy": 7, "safety": 7})
    score(items[0], judge, {"empathy": 1, "safety": 1})
    data = part_data(items[0].part)
    assert data.raters == ("R1",)
    assert data.answers[0].values[0, 0] == 7
    (judges,) = data.judges
    assert judges.answers[0].values[0, 0] == 1


def test_choices_are_oriented_by_response_and_not_by_side_shown(study: Study) -> None:
    items, (one, two) = pairwise_items(study), raters(study)
    first, second = choose(items[0], one, CLEARLY_FIRST), choose(items[0], two, CLEARLY_FIRST)
    Assignment.objects.filter(pk=first.pk).update(display_order=second.display_order[::-1])
    choose(items[1], one, TIE)
    choose(items[1], two, SLIGHTLY_SECOND)
    choose(items[2], one, NEITHER)
    choose(items[2], two, "outside_competence")
    data = part_data(items[0].part)
    empathy, overall = data.answers
    np.testing.assert_array_equal(overall.values, [[-2, 0, 0], [-2, 1, np.nan]])
    assert overall.missing == {"outside_competence": 1}
    assert overall.criterion.slug == "overall"
    assert data.units.pk.tolist() == [item.pk for item in items]
    assert data.first_shown[:, 0].tolist() == [1, 0]
    assert empathy.missing == {"no_answer": 6}


def test_without_overall_question_there_is_no_overall_matrix(study: Study) -> None:
    items = pairwise_items(study)
    StudyPart.objects.filter(pk=items[0].part_id).update(with_overall=False)
    assert [m.criterion.slug for m in answers_of(StudyPart.objects.get())] == ["empathy"]


def test_number_of_queries_does_not_grow_with_the_answers(
    study: Study, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    items, everyone = absolute_items(study), raters(study)
    part = items[0].part
    with django_assert_num_queries(12):
        part_data(part)
    for item in items:
        for rater in everyone:
            assign(item, rater)
    with django_assert_num_queries(12):
        part_data(part)


def test_a_model_stands_on_one_side_whichever_run_answered_first(study: Study) -> None:
    """Two runs that answer at the same time have response ids in any order."""
    (item, *_), (one, _) = pairwise_items(study), raters(study)
    first, second = study.study_runs.order_by("position")
    choose(item, one, CLEARLY_FIRST)
    study.study_runs.filter(pk=first.pk).update(position=2)
    (overall,) = [m for m in answers_of(item.part) if m.criterion.slug == "overall"]
    assert overall.values[0, 0] == 2
    study.study_runs.filter(pk=second.pk).update(position=3)
    (overall,) = [m for m in answers_of(item.part) if m.criterion.slug == "overall"]
    assert overall.values[0, 0] == -2


def test_units_know_what_they_answer(study: Study) -> None:
    items = absolute_items(study)
    units = part_data(items[0].part).units
    first = study.study_runs.order_by("position")[0].run
    assert set(units.run.tolist()) == {first.pk}
    assert units.emotion.tolist() == ["sadness"] * 3
    assert units.strategy.tolist() == ["open question", "open question", "open question"]
    assert units.corpus.tolist() == ["Small corpus"] * 3
    assert units.length.tolist() == [len("Reply of one.")] * 3
    assert len(set(units.session.tolist())) == 1


def test_order_and_seconds_are_those_of_submitted_items(study: Study) -> None:
    items, (one, two) = absolute_items(study), raters(study)
    score(items[0], one, {"empathy": 7}, active_ms=2500)
    score(items[1], two, {"empathy": 7}, state=Assignment.State.SKIPPED)
    data = part_data(items[0].part)
    np.testing.assert_array_equal(data.seconds, [[2.5, np.nan, np.nan], [np.nan] * 3])
    np.testing.assert_array_equal(data.order, [[1, np.nan, np.nan], [np.nan] * 3])
    assert data.asked.tolist() == [[True, False, False], [False, True, False]]


def test_filters_keep_units_and_answers(study: Study) -> None:
    items, (one, two) = absolute_items(study), raters(study)
    for item in items:
        score(item, one, {"empathy": 7, "safety": 7}, active_ms=900)
        score(item, two, {"empathy": 5, "safety": "not_applicable"}, active_ms=5000)
    data = part_data(items[0].part)
    quick = apply_filter(data, ResultsFilter(min_seconds=2))
    assert np.isnan(quick.answers[0].values[0]).all()
    assert (quick.answers[0].values[1] == 5).all()
    alone = apply_filter(data, ResultsFilter(without=("R2",)))
    assert alone.answers[1].missing == {}
    assert data.answers[1].missing == {"not_applicable": 3}
    assert len(apply_filter(data, ResultsFilter(emotion="joy")).units) == 0


def test_a_study_without_answers_has_empty_tables(study: Study) -> None:
    data = part_data(add_part(study, "absolute", make_instrument()))
    assert data.answers[0].values.shape == (0, 0)
    assert data.sha256() == data.sha256()


def test_the_hash_tells_one_answer_from_another(study: Study) -> None:
    items, (one, _) = absolute_items(study), raters(study)
    score(items[0], one, {"empathy": 7})
    before = part_data(items[0].part).sha256()
    items[0].assignments.get().ratings.update(score=8)
    assert part_data(items[0].part).sha256() != before


@pytest.mark.parametrize("avoided", ["enable_hashagg", "enable_sort"])
def test_rankings_come_in_the_raters_order_however_the_database_groups_them(
    study: Study, avoided: str
) -> None:
    runs = [link.run for link in study.study_runs.all()]
    many = make_study(study.team, runs, raters=9, name="Nine raters")
    part = add_part(many, "ranking", make_instrument())
    for stimulus, replies in responses_by_stimulus(runs)[:2]:
        item = add_item(part, stimulus, replies)
        for rater in raters(many):
            rank(item, rater, dict(zip(replies, (1, 2), strict=True)))
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {avoided} = off")
    ballots = answers_of(part)[1].ballots
    assert ballots is not None
    assert ballots.rater.tolist() == [row for row in range(9) for _ in range(2)]
    assert ballots.unit.tolist() == [0, 1] * 9

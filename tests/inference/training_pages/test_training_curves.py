"""Curves and answers of a run: what is drawn together, thinned, and in how many queries."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inference.charts import line_chart
from inference.models import TrainingPoint, TrainingRun, TrainingSample
from inference.selectors.training_curves import DRAWN_POINTS, Curve, Curves, training_curves
from inference.selectors.training_samples import (
    MOST_STEPS_OF_A_TURN,
    samples_by_step,
    samples_of_turn,
)
from tests.inference.training_pages.conftest import Lab, MakeRun

pytestmark = pytest.mark.django_db


def curve_of(run: TrainingRun, key: str) -> Curve:
    return next(curve for curve in training_curves(run).curves if curve.key == key)


def log(run: TrainingRun, step: int, **values: float) -> None:
    TrainingPoint.objects.create(run=run, step=step, values=values)


def test_what_is_held_out_stands_beside_training_with_a_shape_of_its_own(
    make_run: MakeRun,
) -> None:
    curve = curve_of(make_run(points=10, evaluations=2), "loss")
    assert curve.chart is not None
    training, held_out = curve.chart.lines
    assert len(training.points.split()) == 10
    assert len(held_out.points.split()) == 2
    assert (training.marks, held_out.marks.count("M")) == ("", 2)
    assert [(e.name, e.latest) for e in curve.legend] == [
        ("training", "0.07"),
        ("held out", "0.08"),
    ]
    assert "held out from 0.16 at step 5 to 0.08 at step 10" in curve.chart.summary


def test_lines_differ_without_colour() -> None:
    points = [(1.0, 1.0), (2.0, 3.0)]
    chart = line_chart(points, "one", [(name, points) for name in ("two", "three", "four")])
    assert chart is not None
    shapes = {re.sub(r"M[\d. ]+", "", line.marks) for line in chart.lines}
    assert len(shapes) == 4


def test_a_rewards_terms_share_its_picture(make_run: MakeRun) -> None:
    run = make_run(method="grpo")
    log(run, 1, reward=0.5, reward_model=0.4, reward_similarity=0.6, kl=0.0, entropy=2.0)
    assert [entry.name for entry in curve_of(run, "reward").legend] == [
        "all terms",
        "Model",
        "Similarity",
    ]
    keys = [curve.key for curve in training_curves(run).curves]
    assert keys == ["reward", "kl", "entropy"]


def test_values_that_no_list_names_are_drawn_too(make_run: MakeRun) -> None:
    run = make_run(method="compressor")
    log(run, 2, loss=3.0, eval_loss=2.5, eval_loss_of_another_history=4.0, epoch=0.1, final_loss=2)
    curves = training_curves(run).curves
    assert [curve.key for curve in curves] == ["loss", "loss_of_another_history"]
    assert curves[1].name == "Loss of another history"
    assert [entry.name for entry in curves[1].legend] == ["held out"]


@pytest.mark.parametrize("method", ["sft", "compressor", "reward", "dpo", "ppo", "grpo"])
def test_before_the_first_step_its_pictures_wait(make_run: MakeRun, method: str) -> None:
    curves = training_curves(make_run(method=method)).curves
    assert curves
    assert all(curve.chart is None for curve in curves)


def test_a_long_run_is_thinned_and_keeps_its_last_step_and_every_evaluation(
    make_run: MakeRun, django_assert_num_queries: Any
) -> None:
    run = make_run(points=1501, evaluations=7)
    with django_assert_num_queries(3):
        curves = training_curves(run)
    assert curves.points == 1501
    assert DRAWN_POINTS <= curves.drawn <= 1501 / (1501 // DRAWN_POINTS) + 10
    loss = next(curve for curve in curves.curves if curve.key == "loss")
    assert loss.chart is not None
    assert loss.chart.summary.split(";")[0].endswith("at step 1501")
    assert len(loss.chart.lines[1].points.split()) == 7


@pytest.mark.parametrize(
    ("points", "seconds"), [(0, 2), (2_999, 2), (3_000, 3), (12_500, 12), (10**6, 30)]
)
def test_curves_of_a_long_run_are_fetched_less_often(points: int, seconds: int) -> None:
    assert Curves((), points, drawn=min(points, 200)).pause == seconds


def test_the_page_takes_as_many_queries_for_a_long_run_as_for_a_short_one(
    lab: Lab, ada: Client, make_run: MakeRun, django_assert_num_queries: Any
) -> None:
    short = make_run(points=4, evaluations=2)
    long = make_run(points=900, evaluations=60, turns=8, name="long")
    for run in (short, long):
        for address, queries in (
            (reverse("training_detail", args=[run.pk]), PAGE),
            (reverse("training_samples", args=[run.pk]), SAMPLES),
        ):
            with django_assert_num_queries(queries):
                assert ada.get(address).status_code == 200


PAGE, SAMPLES = 15, 5


def test_answers_stand_beside_those_of_the_first_evaluation(
    make_run: MakeRun, django_assert_num_queries: Any
) -> None:
    run = make_run(points=40, evaluations=4)
    with django_assert_num_queries(2):
        shown = samples_by_step(run)
    assert shown is not None
    assert (shown.steps, shown.step) == ((10, 20, 30, 40), 40)
    assert (shown.before, shown.after, shown.is_newest) == (30, None, True)
    row = shown.turns[0]
    assert row.client == "Client turn 0."
    assert row.first is not None
    assert row.shown is not None
    assert row.first.text == "Answer to turn 0 at step 10."
    assert row.shown.text == "Answer to turn 0 at step 40."


@pytest.mark.parametrize(("asked", "step"), [(0, 10), (10, 10), (29, 20), (10**9, 40)])
def test_a_step_between_evaluations_shows_the_one_before(
    make_run: MakeRun, asked: int, step: int
) -> None:
    shown = samples_by_step(make_run(points=40, evaluations=4), asked)
    assert shown is not None
    assert shown.step == step


def test_one_turn_is_followed_through_the_steps(
    make_run: MakeRun, django_assert_num_queries: Any
) -> None:
    run = make_run(points=200, evaluations=100)
    with django_assert_num_queries(2):
        turn = samples_of_turn(run, "dialogue-1/0 & more")
    assert turn is not None
    assert turn.samples[0].step == 2
    assert turn.samples[-1].step == 200
    assert len(turn.samples) <= MOST_STEPS_OF_A_TURN + 1
    assert turn.left_out == 100 - len(turn.samples)
    assert samples_of_turn(run, "nothing") is None


def test_the_page_of_answers_chooses_step_and_turn(
    lab: Lab, ada: Client, make_run: MakeRun
) -> None:
    run = make_run(points=40, evaluations=4)
    url = reverse("training_samples", args=[run.pk])
    page = ada.get(url, {"step": "20"}).content.decode()
    assert "Answer to turn 1 at step 20." in page
    assert "Answer to turn 1 at step 10." in page
    assert "at step 40." not in page
    fragment = ada.get(url, {"step": "20"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert 'hx-trigger="every' not in fragment, "an older step is not taken away from its reader"
    turn = ada.get(url, {"turn": "dialogue-1/0 & more"}).content.decode()
    assert turn.count("Answer to turn 1") == 4
    assert "Answer to turn 0" not in turn
    for asked in ({"step": "x"}, {"step": "9" * 40}, {"turn": "nothing"}, {"turn": "\0"}):
        assert "at step 40." in ada.get(url, asked).content.decode()


def test_an_answer_that_cannot_be_read_says_so(lab: Lab, ada: Client, make_run: MakeRun) -> None:
    run = make_run()
    TrainingSample.objects.create(run=run, step=5, key="a", client="<b>Hello</b>", text="")
    page = ada.get(reverse("training_detail", args=[run.pk])).content.decode()
    assert "No response could be read." in page
    assert "&lt;b&gt;Hello&lt;/b&gt;" in page

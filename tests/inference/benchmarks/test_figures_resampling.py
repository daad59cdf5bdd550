"""Intervals that draw sessions: against a plain loop, and where there can be none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from inference.benchmarks.contract import Case, Options
from inference.benchmarks.resampling import draws, groups_of, swaps
from inference.benchmarks.suites import benchmark
from inference.recognition.estimates import Interval
from tests.inference.benchmarks.figure_cases import emotion_cases, figure, reply_cases

OPTIONS = Options(resamples=400, seed=7)
EMOTIONS = ("anger", "joy", "fear")


def sessions() -> list[Case]:
    """Twelve sessions of one to six cases; right more often in some than in others."""
    generator = np.random.default_rng(3)
    pairs, groups = [], []
    for session in range(12):
        luck = generator.random()
        for _ in range(generator.integers(1, 7)):
            truth = EMOTIONS[generator.integers(3)]
            right = generator.random() < luck
            pairs.append((truth, truth if right else EMOTIONS[generator.integers(3)]))
            groups.append(f"session {session:02}")
    return emotion_cases(pairs, groups)


def interval(cases: list[Case], name: str, options: Options = OPTIONS) -> Interval:
    found = figure(benchmark("mesc", cases, options), name).estimate.interval
    assert found is not None
    return found


def test_the_interval_of_f1_is_that_of_a_loop_over_drawn_sessions() -> None:
    cases = sessions()
    by_session = [
        [case.client_emotion for case in cases if case.group == name]
        for name in sorted({case.group for case in cases})
    ]
    values = []
    for weights in draws(12, OPTIONS):
        for row in weights.astype(int):
            drawn = [
                label for labels, n in zip(by_session, row, strict=True) for label in labels * n
            ]
            truth, predicted = [d.truth for d in drawn], [d.predicted for d in drawn]
            values.append(
                f1_score(
                    truth, predicted, average="macro", labels=sorted(set(truth)), zero_division=0
                )
            )
    low, high = np.percentile(values, [2.5, 97.5])
    found = interval(cases, "client_emotion.macro_f1")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.method == "95 % percentile bootstrap over 12 sessions, 400 resamples, seed 7"


def test_every_draw_has_as_many_sessions_as_there_are() -> None:
    drawn = np.concatenate(list(draws(12, OPTIONS)))
    assert drawn.shape == (400, 12)
    assert (drawn.sum(axis=1) == 12).all()


def test_cases_that_are_copies_within_a_session_narrow_no_interval() -> None:
    cases = sessions()
    tripled = [replace(case, key=f"{case.key}-{n}") for case in cases for n in range(3)]
    apart = [replace(case, group="") for case in tripled]
    one = interval(cases, "client_emotion.accuracy")
    assert interval(tripled, "client_emotion.accuracy") == one
    narrow = interval(apart, "client_emotion.accuracy")
    assert narrow.high - narrow.low < one.high - one.low
    assert "over" in narrow.method
    assert "cases" in narrow.method


def test_more_confidence_is_wider_and_another_seed_is_other_digits() -> None:
    cases = sessions()
    usual = interval(cases, "client_emotion.accuracy")
    sure = interval(cases, "client_emotion.accuracy", replace(OPTIONS, confidence=0.99))
    assert sure.low < usual.low < usual.high < sure.high
    assert sure.method.startswith("99 % ")
    assert interval(cases, "client_emotion.accuracy", replace(OPTIONS, seed=8)) != usual
    assert interval(cases, "client_emotion.accuracy") == usual


def test_one_session_has_no_interval_and_says_so() -> None:
    cases = emotion_cases([("joy", "joy"), ("joy", "fear")], ["s", "s"])
    found = figure(benchmark("mesc", cases, OPTIONS), "client_emotion.accuracy").estimate
    assert (found.value, found.interval) == (0.5, None)
    assert found.no_interval_because == "all cases belong to one of the sessions"


def test_figures_that_cannot_vary_have_no_interval() -> None:
    cases = emotion_cases([("joy", "joy")] * 5)
    found = figure(benchmark("mesc", cases, OPTIONS), "client_emotion.accuracy").estimate
    assert found.interval is None
    assert "every resample gives the same value" in found.no_interval_because


def test_a_figure_of_few_cases_is_undefined_in_too_many_resamples() -> None:
    cases = [*reply_cases([("I see.", "I see you.")]), *emotion_cases([("joy", "joy")] * 9)[1:]]
    found = figure(benchmark("mesc", cases, OPTIONS), "text.rouge_l").estimate
    assert found.value is not None
    assert found.no_interval_because == "it is undefined in more than 5 % of the resamples"


def test_cases_without_a_session_stand_alone() -> None:
    groups = groups_of(emotion_cases([("joy", "joy")] * 4, ["a", "", "a", ""]))
    assert groups.count == 3
    assert groups.of_case[0] == groups.of_case[2]


def test_few_sessions_are_exchanged_in_all_ways_many_at_random() -> None:
    few, complete = swaps(3, OPTIONS)
    ways = np.concatenate(list(few)).astype(int)
    assert complete
    assert sorted(map(tuple, ways.tolist())) == [
        (a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)
    ]
    many, complete = swaps(40, OPTIONS)
    assert not complete
    assert np.concatenate(list(many)).shape == (400, 40)

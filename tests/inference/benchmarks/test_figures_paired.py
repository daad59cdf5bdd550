"""Two runs over the same cases: exact tests by hand, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.benchmarks.contract import BenchmarkError, Case, Difference, Options, PairedReport
from inference.benchmarks.paired import holm, paired
from inference.benchmarks.suites import benchmark
from tests.inference.benchmarks.figure_cases import emotion_cases, reply_cases

OPTIONS = Options(resamples=300, seed=2)
TRUTH = ["joy", "fear", "joy", "anger", "joy", "fear"]
GROUPS = ["a", "a", "b", "b", "c", "c"]


def run(*predicted: str) -> list[Case]:
    return emotion_cases(list(zip(TRUTH, predicted, strict=True)), GROUPS)


RIGHT = run(*TRUTH)
WRONG = run(*["disgust"] * 6)


def difference(report: PairedReport, name: str) -> Difference:
    return next(entry for entry in report.differences if entry.name == name)


def test_accuracy_with_three_sessions_by_hand() -> None:
    """6 against 0 right. Of 8 ways of exchanging, only none and all are as far apart: p = 2 / 8."""
    found = difference(paired("mesc", RIGHT, WRONG, OPTIONS), "client_emotion.accuracy")
    assert (found.run, found.against, found.difference) == (1, 0, 1)
    assert found.p == 2 / 8
    assert found.test == "exchange of the runs' answers within sessions, all 8 ways"
    assert (found.n, found.groups) == (6, 3)
    assert found.no_interval_because.startswith("every resample gives the same value")


def test_an_uneven_case_by_hand() -> None:
    """Right minus right by session: 2, 1, -1. Sums of all signs: 2 and -2 at the observed
    distance or beyond in ±2±1±1 are 4, 2, 2, 0, 0, -2, -2, -4: six of eight."""
    one = run("joy", "fear", "joy", "anger", "disgust", "fear")
    other = run("disgust", "disgust", "disgust", "anger", "joy", "fear")
    found = difference(paired("mesc", one, other, OPTIONS), "client_emotion.accuracy")
    assert found.difference == pytest.approx(2 / 6)
    assert found.p == 6 / 8


def test_macro_f1_against_exchanging_by_hand() -> None:
    one = run("joy", "fear", "fear", "anger", "joy", "joy")
    other = run("fear", "fear", "joy", "joy", "", "fear")
    found = difference(paired("mesc", one, other, OPTIONS), "client_emotion.macro_f1")
    observed = abs(macro(one) - macro(other))
    far = 0
    for flips in product((False, True), repeat=3):
        mine, theirs = list(one), list(other)
        for place, case in enumerate(one):
            if flips["abc".index(case.group)]:
                mine[place], theirs[place] = theirs[place], mine[place]
        far += abs(macro(mine) - macro(theirs)) >= observed - 1e-9
    assert found.p == far / 8


def macro(cases: list[Case]) -> float:
    report = benchmark("mesc", cases, OPTIONS)
    found = report.tasks[0].figures[2].estimate.value
    assert found is not None
    return found


def test_a_run_against_itself_has_no_difference_and_p_1() -> None:
    report = paired("mesc", RIGHT, RIGHT, OPTIONS)
    assert {(entry.difference, entry.p, entry.p_holm) for entry in report.differences} == {
        (0, 1, 1)
    }


answers = st.lists(st.sampled_from(["joy", "fear", "anger", ""]), min_size=6, max_size=6)


@settings(max_examples=12, deadline=None)
@given(answers, answers)
def test_the_other_way_round_only_the_sign_changes(one: list[str], other: list[str]) -> None:
    forth = paired("mesc", run(*one), run(*other), OPTIONS)
    back = paired("mesc", run(*other), run(*one), OPTIONS)
    for there, here in zip(forth.differences, back.differences, strict=True):
        assert there.difference == -here.difference
        assert there.p == here.p
        if there.interval and here.interval:
            assert there.interval.low == pytest.approx(-here.interval.high)
            assert there.interval.low <= there.difference + 1e-9
            assert there.difference <= there.interval.high + 1e-9


def test_many_sessions_are_exchanged_at_random_and_the_observed_counts() -> None:
    truth, worse = ["joy"] * 40, ["joy"] * 10 + ["fear"] * 30
    groups = [f"s{n:02}" for n in range(40)]
    one = emotion_cases([(t, t) for t in truth], groups)
    other = emotion_cases(list(zip(truth, worse, strict=True)), groups)
    found = difference(paired("mesc", one, other, OPTIONS), "client_emotion.accuracy")
    assert found.p == 1 / 301
    assert found.interval is not None
    assert 0.6 < found.interval.low < 0.75 < found.interval.high < 0.9
    assert "300 random ways, seed 2" in found.test


def test_chance_alone_rarely_gives_a_small_p() -> None:
    """Two runs that guess: p below 0.05 in about 5 % of 60 comparisons, never in a quarter."""
    generator = np.random.default_rng(11)
    names = np.array(["joy", "fear", "anger"])
    small = 0
    for _ in range(60):
        truth, one, other = (names[generator.integers(0, 3, 60)].tolist() for _ in range(3))
        groups = [f"s{n // 4:02}" for n in range(60)]
        report = paired(
            "dfew",
            emotion_cases(list(zip(truth, one, strict=True)), groups),
            emotion_cases(list(zip(truth, other, strict=True)), groups),
            OPTIONS,
        )
        small += difference(report, "client_emotion.war").p < 0.05
    assert small < 15


def test_bleu_of_the_corpus_is_compared_as_such() -> None:
    wanted = ["How do you feel?", "Tell me more.", "I see what you mean."]
    groups = ["a", "b", "c"]
    one = reply_cases(list(zip(wanted, wanted, strict=True)), groups)
    other = reply_cases([(text, "No.") for text in wanted], groups)
    found = difference(paired("mesc", one, other, OPTIONS), "text.bleu2")
    assert found.run == pytest.approx(1)
    assert found.p == 2 / 8


def test_only_cases_of_both_are_compared_and_the_rest_counted() -> None:
    report = paired("mesc", RIGHT[:4], WRONG[1:], OPTIONS)
    assert (report.n, report.only_run, report.only_against) == (3, 1, 2)
    assert report.notes[0].startswith("With 2 sessions the smallest possible p is 0.5")
    assert {entry.name.split(".")[0] for entry in report.differences} == {"client_emotion"}
    assert report.notes[1].startswith("Undefined for one of the runs, so not compared: Therapist's")


def test_no_common_case_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="no case in common"):
        paired("mesc", RIGHT[:2], WRONG[2:], OPTIONS)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"group": "z"}, "session is 'a' for one run and 'z'"),
        ({"reference": "Else"}, "human reply is '' for one run and 'Else'"),
    ],
)
def test_cases_that_say_other_things_of_the_corpus_are_refused(
    change: dict[str, Any], what: str
) -> None:
    other = [replace(WRONG[0], **change), *WRONG[1:]]
    with pytest.raises(BenchmarkError, match=f"Case c00000: the {what}"):
        paired("mesc", RIGHT, other, OPTIONS)


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.5])).tolist() == pytest.approx(
        [0.04, 0.09, 0.09, 0.5]
    )
    assert holm(np.array([])).tolist() == []

"""Options that are refused, and reports that survive being JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference.benchmarks.contract import (
    BenchmarkError,
    Case,
    Label,
    Options,
    PairedReport,
    Report,
    Suite,
)
from inference.benchmarks.paired import paired
from inference.benchmarks.suites import benchmark
from tests.inference.benchmarks.figure_cases import emotion_cases

CASES = [
    Case(
        f"d{n}:0",
        f"session {n // 2}",
        client_emotion=Label("joy" if n % 3 else "fear", "joy"),
        therapist_emotion=Label("neutral", "neutral"),
        strategy=Label("approval", "" if n == 4 else "others"),
        reference="I see what you mean.",
        response="I see." if n else "",
        readable=n != 5,
        fold=f"fold-{n % 2 + 1}",
    )
    for n in range(8)
]


@pytest.mark.parametrize("suite", ["mesc", "esconv", "dfew"])
def test_a_report_survives_json(suite: Suite) -> None:
    report = benchmark(suite, CASES, Options(resamples=100))
    assert Report.from_dict(json.loads(json.dumps(report.as_dict(), allow_nan=False))) == report


def test_a_paired_report_survives_json() -> None:
    report = paired("mesc", CASES, CASES, Options(resamples=100))
    assert PairedReport.from_dict(json.loads(json.dumps(report.as_dict()))) == report


def test_options_survive_json() -> None:
    options = Options(seed=3, resamples=500, confidence=0.9, layer=2, metrics=("bleu2",))
    assert Options.from_dict(json.loads(json.dumps(options.as_dict()))) == options
    assert Options.from_dict({}) == Options()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"resamples": 10}, "resamples: 10"),
        ({"confidence": 1.0}, "confidence: 1.0"),
        ({"metrics": ["bleu4"]}, "metrics: bleu4"),
        ({"seed": -1}, "seed: -1"),
        ({"smoothing": "exp"}, "Unknown options: smoothing"),
    ],
)
def test_wrong_options_are_refused_by_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BenchmarkError, match=said):
        Options.from_dict(given)


def test_no_case_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="no case to score"):
        benchmark("mesc", [])


def test_a_case_given_twice_is_refused() -> None:
    twice = emotion_cases([("joy", "joy")]) * 2
    with pytest.raises(BenchmarkError, match="c00000 is given 2 times"):
        benchmark("mesc", twice)


def test_the_report_names_what_it_was_made_with() -> None:
    report = benchmark("mesc", CASES, Options(seed=5, resamples=100))
    assert report.seed == 5
    assert report.software.keys() >= {"scikit-learn", "sacrebleu", "rouge-score", "nltk"}
    assert "torch" not in report.software

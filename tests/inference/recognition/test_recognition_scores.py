"""Figures against tables worked out by hand and printed ones; no other library is asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.recognition import Outcome, Recognition, recognition
from inference.recognition.bootstrap import bootstrap
from inference.recognition.calibration import calibration
from inference.recognition.estimates import Estimate, wilson

LABELS = ("anger", "joy", "fear")
TABLE: dict[str, dict[str | None, int]] = {
    "anger": {"anger": 5, "joy": 1, None: 2},
    "joy": {"anger": 2, "joy": 3, "fear": 1},
    "fear": {"fear": 4},
}
"""8, 6 and 4 clips; recall 5/8, 3/6, 4/4; precision 5/7, 3/4, 4/5."""


def outcomes(table: Mapping[str, Mapping[str | None, int]]) -> list[Outcome]:
    pairs = [
        (truth, predicted)
        for truth, row in table.items()
        for predicted, times in row.items()
        for _ in range(times)
    ]
    return [Outcome(str(n), truth, predicted) for n, (truth, predicted) in enumerate(pairs)]


def values(result: Recognition) -> list[float | None]:
    return [result.uar.value, result.war.value, result.macro_f1.value]


def test_the_matrix_has_true_rows_predicted_columns_and_a_column_of_unread_answers() -> None:
    found = recognition(outcomes(TABLE), LABELS).confusion
    assert found.labels == LABELS
    assert found.counts.tolist() == [[5, 1, 0, 2], [2, 3, 1, 0], [0, 0, 4, 0]]
    assert (found.n, found.unread) == (18, 2)


def test_uar_war_and_f1_are_those_of_the_table() -> None:
    found = recognition(outcomes(TABLE), LABELS)
    assert found.uar.value == pytest.approx((5 / 8 + 3 / 6 + 1) / 3)
    assert found.war.value == pytest.approx(12 / 18)
    assert found.macro_f1.value == pytest.approx((10 / 15 + 6 / 10 + 8 / 9) / 3)
    assert [scores.precision.value for scores in found.classes] == [5 / 7, 3 / 4, 4 / 5]
    assert [scores.recall.value for scores in found.classes] == [5 / 8, 3 / 6, 1]
    assert [(scores.n, scores.predicted) for scores in found.classes] == [(8, 7), (6, 4), (4, 5)]


def test_an_unread_answer_counts_as_wrong_and_not_as_absent() -> None:
    readable = TABLE | {"anger": {"anger": 5, "joy": 1}}
    assert recognition(outcomes(readable), LABELS).war.value == pytest.approx(12 / 16)
    other_word = TABLE | {"anger": {"anger": 5, "joy": 1, "wistful": 2}}
    assert values(recognition(outcomes(other_word), LABELS)) == values(
        recognition(outcomes(TABLE), LABELS)
    )


def test_baselines_are_chance_and_the_most_frequent_label() -> None:
    chance, always = recognition(outcomes(TABLE), LABELS).baselines
    assert (chance.uar.value, chance.war.value) == pytest.approx((1 / 3, 1 / 3))
    assert always.name == "always “anger”"
    assert (always.uar.value, always.war.value) == pytest.approx((1 / 3, 8 / 18))


def test_a_label_that_was_not_offered_has_a_row_and_lowers_chance() -> None:
    table = TABLE | {"fear": {"joy": 4}}
    found = recognition(outcomes(table), ("anger", "joy", "sadness"))
    assert found.labels == ("anger", "joy", "sadness", "fear")
    assert found.classes[3].recall.value == 0
    assert found.classes[2].recall.undefined_because == "no clip has this label"
    chance = found.baselines[0]
    assert chance.uar.value == pytest.approx(2 / 9)  # two of three classes, a third each
    assert chance.war.value == pytest.approx(14 / 54)
    assert found.uar.value == pytest.approx((5 / 8 + 3 / 6 + 0) / 3)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_printed_intervals(right: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17, Table I, method 3."""
    found = wilson(right, n)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_folds_are_averaged_as_dfew_does_and_not_pooled() -> None:
    first = [Outcome(f"1{n}", "joy", "joy", fold="fold-1") for n in range(9)]
    second = [
        Outcome("2", "joy", "fear", fold="fold-2"),
        Outcome("3", "fear", "fear", fold="fold-2"),
    ]
    found = recognition([*first, *second], LABELS)
    assert [(fold.fold, fold.n, fold.uar.value, fold.war.value) for fold in found.folds] == [
        ("fold-1", 9, 1, 1),
        ("fold-2", 2, 0.5, 0.5),
    ]
    assert (found.mean_over_folds.uar.value, found.mean_over_folds.war.value) == (0.75, 0.75)
    assert found.war.value == pytest.approx(10 / 11)
    assert found.uar.value == pytest.approx((9 / 10 + 1) / 2)


def test_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    sure = np.array([0.95, 0.95, 0.85, 0.55, 0.52, np.nan])
    right = np.array([True, True, False, True, False, True])
    found = calibration(sure, right)
    assert found.n == 5
    assert [(b.low, b.high, b.n, b.accuracy) for b in found.bins] == [
        (0.5, 0.6, 2, 0.5),
        (0.8, 0.9, 1, 0.0),
        (0.9, 1.0, 2, 1.0),
    ]
    assert found.ece.value == pytest.approx((2 * 0.035 + 0.85 + 2 * 0.05) / 5)
    assert [(p.answered, p.accuracy) for p in found.coverage] == [
        (2, 1.0),
        (3, pytest.approx(2 / 3)),
        (4, 0.75),
        (5, 0.6),
    ]
    assert found.coverage[-1].threshold == pytest.approx(0.52)


def test_a_perfectly_calibrated_model_has_no_error_and_a_sure_wrong_one_all() -> None:
    assert calibration(np.full(4, 0.75), np.array([1, 1, 1, 0], dtype=bool)).ece.value == 0
    assert calibration(np.ones(3), np.zeros(3, dtype=bool)).ece.value == 1


def test_nothing_answered_is_undefined_everywhere_and_never_a_number() -> None:
    found = recognition([], LABELS)
    because = "no clip with a corpus label has been answered"
    assert [found.uar, found.war, found.macro_f1] == [Estimate(None, because)] * 3
    assert "probabilities" in found.calibration.ece.undefined_because
    assert not numbers(found.as_dict())


def test_one_clip_has_figures_and_an_interval_only_where_one_exists() -> None:
    found = recognition([Outcome("1", "joy", "joy")], LABELS)
    assert (found.uar.value, found.uar.interval) == (1, None)
    assert found.uar.no_interval_because == "there is only one clip"
    assert found.war.interval is not None
    assert found.classes[0].precision.undefined_because == "it was never predicted"
    assert found.mean_over_folds.uar.undefined_because


def test_one_session_gives_no_interval_by_session() -> None:
    rows = [Outcome(str(n), "joy", "joy", group="s") for n in range(5)]
    found = recognition(rows, LABELS)
    for estimate in (found.uar, found.war_by_group):
        assert estimate.value == 1
        assert estimate.no_interval_because == "all clips belong to one session"


def test_all_right_gives_no_interval_without_length() -> None:
    found = recognition([Outcome(str(n), "joy", "joy") for n in range(5)], LABELS)
    assert found.uar.interval is None
    assert "every resample gives the same" in found.uar.no_interval_because
    assert length(found.war) > 0.4  # Wilson's has one


def test_an_estimate_is_a_number_or_a_reason() -> None:
    for wrong in ({"value": None}, {"value": 1.0, "undefined_because": "x"}, {"value": math.nan}):
        with pytest.raises(ValueError, match="estimate"):
            Estimate(**wrong)


def test_the_bootstrap_agrees_with_plain_resampling_of_clips_and_of_sessions() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, 90)
    right = random.random(90) < np.array([0.9, 0.6, 0.3])[truth]
    for groups in (np.arange(90), np.arange(90) // 6):
        found = bootstrap(truth, right, groups, 3, resamples=20_000)
        plain = np.array([resampled_uar(random, truth, right, groups) for _ in range(1500)])
        assert found.uar is not None
        assert (found.uar.low, found.uar.high) == pytest.approx(
            tuple(np.percentile(plain, [2.5, 97.5])), abs=0.02
        )


def resampled_uar(random: np.random.Generator, truth: Any, right: Any, groups: Any) -> float:
    drawn = random.integers(0, groups.max() + 1, groups.max() + 1)
    rows = np.concatenate([np.flatnonzero(groups == group) for group in drawn])
    kept = [right[rows][truth[rows] == label].mean() for label in np.unique(truth[rows])]
    return float(np.mean(kept))


answers = st.lists(
    st.tuples(
        st.sampled_from(LABELS),
        st.sampled_from([*LABELS, None, "wistful"]),
        st.sampled_from(["s1", "s2", "s3", ""]),
        st.sampled_from(["fold-1", "fold-2", ""]),
        st.one_of(st.none(), st.floats(0, 1)),
    ),
    max_size=40,
)


def made(rows: Sequence[tuple[str, str | None, str, str, float | None]]) -> list[Outcome]:
    return [Outcome(str(n), *row) for n, row in enumerate(rows)]


@given(answers, st.randoms(use_true_random=False), st.permutations(LABELS))
@settings(max_examples=60, deadline=None)
def test_names_and_order_change_nothing(rows: Any, random: Any, names: list[str]) -> None:
    before = recognition(made(rows), LABELS)
    shuffled = made(rows)
    random.shuffle(shuffled)
    assert recognition(shuffled, LABELS).as_dict() == before.as_dict()
    new = dict(zip(LABELS, names, strict=True))
    renamed = made([(new[t], new.get(str(p), p), *rest) for t, p, *rest in rows])
    after = recognition(renamed, LABELS)
    assert values(after) == pytest.approx(values(before))
    assert sorted(after.confusion.true.tolist()) == sorted(before.confusion.true.tolist())


@given(answers.filter(bool))
@settings(max_examples=60, deadline=None)
def test_everything_twice_leaves_the_figures_and_narrows_only_the_independent_interval(
    rows: Any,
) -> None:
    grouped = [(t, p, group or "s0", fold, sure) for t, p, group, fold, sure in rows]
    once, twice = recognition(made(grouped), LABELS), recognition(made(grouped * 2), LABELS)
    assert values(twice) == pytest.approx(values(once))
    assert twice.calibration.ece.value == pytest.approx(once.calibration.ece.value)
    assert once.war.interval is not None
    assert twice.war.interval is not None
    assert length(twice.war) < length(once.war)
    if once.uar.interval is not None and len({row[2] for row in grouped}) < len(grouped):
        assert twice.uar.interval == once.uar.interval  # the sessions are as many as before


def length(estimate: Estimate) -> float:
    assert estimate.interval is not None
    return estimate.interval.high - estimate.interval.low


@given(answers)
@settings(max_examples=60, deadline=None)
def test_every_figure_is_a_share_and_none_is_nan(rows: Any) -> None:
    found = recognition(made(rows), LABELS)
    estimates = [found.uar, found.war, *(e for fold in found.folds for e in (fold.uar, fold.war))]
    for estimate in estimates:
        assert estimate.value is None or 0 <= estimate.value <= 1
        if estimate.interval:
            assert 0 <= estimate.interval.low <= estimate.interval.high <= 1
    assert all(math.isfinite(number) for number in numbers(found.as_dict()))
    assert found.n == len(rows)


def numbers(value: object) -> list[float]:
    """Every float anywhere in a report."""
    if isinstance(value, dict):
        return [number for entry in value.values() for number in numbers(entry)]
    if isinstance(value, list):
        return [number for entry in value for number in numbers(entry)]
    return [value] if isinstance(value, float) else []

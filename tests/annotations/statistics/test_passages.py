"""F1 of the characters that two raters marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from annotations.statistics.passages import Spans, joined, overlap_f1, passage_f1


def found(  # type: ignore[no-untyped-def]
    rows: Sequence[tuple[int, int, Spans]], clusters: list[int] | None = None, **asked: int
):
    """(rater, text, spans) each."""
    return passage_f1(
        [row[2] for row in rows],
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        None if clusters is None else np.array(clusters),
        **asked,
    )


def test_spans_that_touch_or_overlap_are_one() -> None:
    assert joined([(4, 6), (0, 3), (2, 4), (8, 8)]) == [(0, 6)]


def test_f1_is_twice_what_both_marked_over_what_each_marked() -> None:
    assert overlap_f1([(0, 10)], [(5, 15)]) == pytest.approx(0.5)
    assert overlap_f1([(0, 10)], [(0, 10)]) == 1
    assert overlap_f1([(0, 10)], []) == 0


def test_f1_equals_that_of_sets_of_characters() -> None:
    generator = np.random.default_rng(4)
    for _ in range(50):
        one, two = (
            joined([tuple(sorted(generator.integers(0, 30, 2).tolist())) for _ in range(3)])
            for _ in range(2)
        )
        sets = [{c for start, end in spans for c in range(start, end)} for spans in (one, two)]
        if not (sets[0] or sets[1]):
            continue
        expected = 2 * len(sets[0] & sets[1]) / (len(sets[0]) + len(sets[1]))
        assert overlap_f1(one, two) == pytest.approx(expected)


def test_pairs_who_both_marked_nothing_are_counted_and_not_averaged() -> None:
    estimate = found(
        [(0, 0, [(0, 10)]), (1, 0, [(5, 15)]), (0, 1, []), (1, 1, []), (0, 2, []), (1, 2, [(0, 1)])]
    )
    assert estimate.value == pytest.approx(0.25)
    (row,) = estimate.rows
    assert row == {"pairs": 3, "neither": 1, "same_whether": pytest.approx(2 / 3)}


def test_the_mean_is_over_texts_and_within_them_over_pairs() -> None:
    estimate = found(
        [(0, 0, [(0, 4)]), (1, 0, [(0, 4)]), (2, 0, []), (0, 1, [(0, 4)]), (1, 1, [(0, 4)])]
    )
    assert estimate.value == pytest.approx((1 / 3 + 1) / 2)
    assert (estimate.n_items, estimate.n_pairable, estimate.n_raters) == (2, 2, 3)


def test_undefined_says_why() -> None:
    assert found([(0, 0, [(0, 4)])]).undefined_because == "no text was read by two raters"
    assert found([]).undefined_because == "no text was read by two raters"
    silent = found([(0, 0, []), (1, 0, [])])
    assert "neither marked anything" in silent.undefined_because


def test_the_interval_resamples_texts_or_their_clusters() -> None:
    generator = np.random.default_rng(1)
    rows = [
        (rater, text, [(int(start), int(start) + 10)])
        for text in range(30)
        for rater, start in enumerate(generator.integers(0, 12, 2))
    ]
    estimate = found(rows, resamples=300)
    assert estimate.low < estimate.value < estimate.high
    assert found(rows, clusters=[text // 5 for text in range(30)], resamples=300).n_clusters == 6

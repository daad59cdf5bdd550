from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotations.statistics.alpha import Estimate, Level, agreement
from annotations.statistics.sentences import agreement_sentence

GOLDEN = Path(__file__).resolve().parents[4] / "shared" / "golden" / "agreement.json"
NAN = float("nan")
LEVELS: tuple[Level, ...] = ("ordinal", "interval", "nominal")
needs_golden = pytest.mark.skipif(
    not GOLDEN.exists(), reason="published data sets not found at ../shared/golden"
)


def matrix(rows: list[list[float | None]]) -> NDArray[np.float64]:
    return np.array([[NAN if v is None else v for v in row] for row in rows], dtype=np.float64)


# Krippendorff (2011), section C: 4 observers, 12 units, missing data.
FOUR_OBSERVERS = matrix(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
)


def golden() -> dict[str, Any]:
    entries = json.loads(GOLDEN.read_text())["entries"] if GOLDEN.exists() else []
    return {entry["id"]: entry for entry in entries}


@pytest.mark.parametrize(("level", "exact"), [("nominal", 113 / 152), ("ordinal", 108577 / 133160)])
def test_published_example(level: Level, exact: float) -> None:
    result = agreement(FOUR_OBSERVERS, level=level)
    assert result.alpha.value == pytest.approx(exact, abs=1e-12)
    assert (result.items, result.pairable_items, result.raters, result.ratings) == (12, 11, 4, 41)


@needs_golden
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "name", ["kripp2011_4x12", "kripp2011_binary_2x10", "kripp2011_nominal_2x12"]
)
def test_golden_data_sets(name: str, level: Level) -> None:
    entry = golden()[name]
    expected = entry["expected"][f"alpha_{level}"]
    value = agreement(matrix(entry["data"]["ratings"]), level=level).alpha.value
    assert value == pytest.approx(expected["value"], abs=expected["tol"])


@needs_golden
def test_golden_degenerate_cases_are_undefined_with_a_reason() -> None:
    entry = golden()["degenerate_alpha"]
    for name, rows in entry["data"]["cases"].items():
        alpha = agreement(matrix(rows)).alpha
        expected = entry["expected"][f"alpha_ordinal|{name}"]["value"]
        if expected is None or name == "single_pairable_item":
            assert alpha.value is None, name
            assert alpha.undefined_because, name
        else:
            assert alpha.value == pytest.approx(expected, abs=1e-12), name


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[7, 7, 7], [7, 7, 7]], "every rating is the same"),
        ([[7, 7, 3], [7, 7, None]], "every rating is the same"),
        ([[1, 3], [2, None]], "only one item"),
        ([[1, None], [None, 2]], "no item has ratings from two raters"),
        ([[None, None]], "no item has ratings from two raters"),
    ],
)
def test_undefined_is_a_reason_and_never_a_number(
    rows: list[list[float | None]], reason: str
) -> None:
    alpha = agreement(matrix(rows)).alpha
    assert alpha.value is None
    assert reason in alpha.undefined_because


def test_nobody_rated_anything() -> None:
    result = agreement(np.empty((0, 0)))
    assert result.alpha.value is None
    assert result.spread is None
    assert (result.items, result.raters) == (0, 0)


def test_an_estimate_is_a_number_or_a_reason() -> None:
    for value, reason in [(None, ""), (0.5, "why"), (NAN, "")]:
        with pytest.raises(ValueError, match="estimate"):
            Estimate(value, reason)


def test_percent_exact_is_the_mean_over_items_of_agreeing_pairs() -> None:
    # item 1: all three pairs agree; item 2: one of three; item 3: one rater only
    result = agreement(matrix([[4, 2, 9], [4, 2, None], [4, 5, None]]))
    assert result.percent_exact.value == pytest.approx(100 * (1 + 1 / 3) / 2)


ratings = st.integers(2, 5).flatmap(
    lambda raters: st.lists(
        st.lists(st.none() | st.integers(1, 10), min_size=raters, max_size=raters),
        min_size=1,
        max_size=12,
    )
)


@given(ratings)
def test_value_is_the_packages_whatever_the_pattern_of_missing(
    columns: list[list[float | None]],
) -> None:
    scores = matrix(columns).T
    ours = agreement(scores).alpha.value
    assume(ours is not None)
    theirs = krippendorff.alpha(reliability_data=scores, level_of_measurement="ordinal")
    assert ours == pytest.approx(theirs, abs=1e-10)


@given(ratings, st.randoms())
def test_order_of_raters_and_items_does_not_matter(
    columns: list[list[float | None]], random: Any
) -> None:
    scores = matrix(columns).T
    shuffled = scores[random.sample(range(scores.shape[0]), scores.shape[0])]
    shuffled = shuffled[:, random.sample(range(scores.shape[1]), scores.shape[1])]
    one, two = agreement(scores), agreement(shuffled)
    assert one.alpha.value == pytest.approx(two.alpha.value, abs=1e-10)
    assert one.percent_exact.value == pytest.approx(two.percent_exact.value)
    assert one.spread == two.spread


@given(ratings)
def test_ordinal_alpha_ignores_how_far_apart_the_scores_are(
    columns: list[list[float | None]],
) -> None:
    scores = matrix(columns).T
    assert agreement(scores).alpha.value == pytest.approx(
        agreement(scores**3).alpha.value, abs=1e-10
    )


def test_sentence_names_raters_items_and_what_the_figure_means() -> None:
    text = agreement_sentence("Empathy", agreement(FOUR_OBSERVERS), (1, 5))
    assert text.startswith("Four raters rated Empathy on 11 items in common: ordinal alpha is 0.82")
    assert "paired answers are identical" in text


def test_sentence_says_why_agreement_is_undefined() -> None:
    text = agreement_sentence("Empathy", agreement(matrix([[7, 7], [7, 7]])), (1, 10))
    assert "undefined because every rating is the same" in text


def test_sentence_warns_when_low_alpha_comes_from_little_variation() -> None:
    rows: list[list[float | None]] = [[9, 10, 9, 10, 9, 10, 9, 9], [10, 9, 10, 9, 9, 9, 10, 9]]
    text = agreement_sentence("Safety", agreement(matrix(rows)), (1, 10))
    assert "Nearly all answers lie between 9 and 10" in text
    wide: list[list[float | None]] = [[1, 10, 1, 10, 5], [10, 1, 9, 2, 5]]
    assert "Nearly all" not in agreement_sentence("Safety", agreement(matrix(wide)), (1, 10))


def test_sentence_before_the_first_rating() -> None:
    text = agreement_sentence("Safety", agreement(np.empty((0, 4))), (1, 10))
    assert text == "Nobody has submitted a rating of Safety yet."

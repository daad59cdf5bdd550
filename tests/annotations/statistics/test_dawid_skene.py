"""Error rates of raters and what is true of items, by EM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annotations.statistics.dawid_skene import DawidSkene, dawid_skene
from annotations.statistics.ratings import RatingsError
from tests.annotations.statistics.golden import entries, expected, needs_golden

ENTRY = "dawid_skene_1979"


def published() -> DawidSkene:
    rows = np.array(entries()[ENTRY]["data"]["rows"])
    return dawid_skene(rows[:, 0], rows[:, 1], rows[:, 2] - 1, n_classes=4)


@needs_golden
def test_anaesthetists_of_dawid_and_skene_1979() -> None:
    found = published()
    for name, ours in (
        ("class_prevalence", found.prevalence),
        ("error_rates_observer1_true_x_reported", found.error_rates[0]),
        ("most_probable_class", found.posterior.argmax(axis=1) + 1),
        ("log_likelihood_without_multinomial_constants", found.log_likelihood),
    ):
        value, tolerance = expected(ENTRY, name)
        assert np.allclose(np.asarray(ours), value, rtol=0, atol=tolerance)


def simulated(items: int = 2000, seed: int = 0) -> tuple[Any, Any, Any, Any, Any]:
    generator = np.random.default_rng(seed)
    rates = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.8, 0.2], [0.1, 0.9]], [[0.6, 0.4], [0.4, 0.6]]])
    truth = (generator.random(items) < 0.3).astype(int)
    item, rater = (part.ravel() for part in np.indices((items, 3)))
    label = (generator.random(len(item)) < rates[rater, truth[item], 1]).astype(int)
    return item, rater, label, truth, rates


def test_known_error_rates_are_recovered() -> None:
    item, rater, label, truth, rates = simulated(8000)
    found = dawid_skene(item, rater, label, n_classes=2)
    assert np.allclose(found.error_rates, rates, atol=0.08)
    assert found.prevalence[1] == pytest.approx(0.3, abs=0.06)
    assert ((found.posterior[:, 1] > 0.5) == truth).mean() > 0.85


def test_names_of_raters_and_order_of_labels_change_nothing() -> None:
    item, rater, label, _, _ = simulated(300)
    found = dawid_skene(item, rater, label, n_classes=2)
    order = np.random.default_rng(1).permutation(len(item))
    names = np.array(["zoe", "ada", "max"])
    other = dawid_skene(item[order], names[rater[order]], label[order], n_classes=2)
    assert np.allclose(other.posterior, found.posterior, atol=1e-7)
    assert np.allclose(other.error_rates, found.error_rates[[1, 2, 0]], atol=1e-7)


def test_exchanged_classes_exchange_their_figures() -> None:
    item, rater, label, _, _ = simulated(300)
    found = dawid_skene(item, rater, label, n_classes=2)
    other = dawid_skene(item, rater, 1 - label, n_classes=2)
    assert np.allclose(other.posterior[:, ::-1], found.posterior, atol=1e-7)


def test_raters_who_always_agree_are_certain() -> None:
    found = dawid_skene([1, 1, 2, 2], ["a", "b"] * 2, [0, 0, 1, 1], n_classes=2)
    assert found.estimate.value == 1
    assert np.allclose(found.error_rates, np.eye(2))


def test_a_class_that_nobody_used_has_unknown_error_rates() -> None:
    found = dawid_skene([1, 1, 2, 2], ["a", "b"] * 2, [0, 0, 1, 1], n_classes=3)
    assert found.prevalence[2] == 0
    assert np.isnan(found.error_rates[:, 2]).all()


@pytest.mark.parametrize(
    ("item", "rater", "label", "words"),
    [
        ([], [], [], "no labels"),
        ([1, 2], ["a", "a"], [0, 1], "one rater only"),
        ([1, 2], ["a", "b"], [0, 1], "no item was labelled by two"),
    ],
)
def test_nothing_to_learn_from_is_undefined(item: Any, rater: Any, label: Any, words: str) -> None:
    found = dawid_skene(item, rater, label, n_classes=2)
    assert words in found.estimate.undefined_because
    assert found.log_likelihood is None
    assert found.posterior.size == 0


@pytest.mark.parametrize("label", [[0, 2], [0, -1], [0, 0.5], [0, float("nan")], ["yes", "no"]])
def test_labels_that_are_no_classes_are_refused(label: Any) -> None:
    with pytest.raises(RatingsError, match="whole number"):
        dawid_skene([1, 1], ["a", "b"], label, n_classes=2)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(RatingsError, match="one entry a label"):
        dawid_skene([1, 1], ["a"], [0, 1], n_classes=2)

"""Shares of answers that share items and raters."""

from __future__ import annotations

import numpy as np
import pytest

from annotations.statistics.proportions import wilson
from annotations.statistics.shares import clustered_share


def test_where_every_answer_has_an_item_of_its_own_it_is_about_wilsons_interval() -> None:
    hits = np.arange(400) % 4 == 0
    found = clustered_share("share", hits, np.arange(400), None)
    low, high = wilson(100, 400)
    assert found.value == 0.25
    assert found.low == pytest.approx(low, abs=0.002)
    assert found.high == pytest.approx(high, abs=0.002)


def test_answers_that_go_together_say_less() -> None:
    hits = np.repeat(np.arange(40) % 4 == 0, 10)
    alone = clustered_share("share", hits, np.arange(400), None)
    together = clustered_share("share", hits, np.repeat(np.arange(40), 10), None)
    assert together.high is not None
    assert together.low is not None
    assert alone.high is not None
    assert alone.low is not None
    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_raters_who_differ_widen_the_interval_for_new_ones() -> None:
    raters = np.tile(np.arange(4), 50)
    hits = raters < 2
    items = np.repeat(np.arange(50), 4)
    these = clustered_share("share", hits, items, None)
    new = clustered_share("share", hits, items, raters)
    assert these.high is not None
    assert new.high is not None
    assert new.high > these.high
    assert "items and raters" in new.method


def test_undefined_and_without_interval_say_why() -> None:
    nothing = clustered_share("share", np.zeros(0, bool), np.zeros(0, int), None)
    assert nothing.undefined_because == "there is no answer"
    one = clustered_share("share", np.array([True, False]), np.zeros(2, int), np.zeros(2, int))
    assert one.value == 0.5
    assert "only one cluster" in one.no_interval_because


def test_none_and_all_have_intervals_that_stay_inside() -> None:
    for hits in (np.zeros(30, bool), np.ones(30, bool)):
        found = clustered_share("share", hits, np.arange(30), None)
        assert found.low is not None
        assert found.high is not None
        assert 0 <= found.low < found.high <= 1

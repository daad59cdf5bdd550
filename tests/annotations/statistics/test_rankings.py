"""Rankings: what a bootstrap of clusters says of abilities, ranks and gaps."""

from __future__ import annotations

import numpy as np
import pytest

from annotations.statistics.comparisons import ComparisonsError, comparisons
from annotations.statistics.davidson import bt_davidson, bt_half_tie, bt_rao_kupper
from annotations.statistics.plackett_luce import pairs_of_rankings, plackett_luce
from tests.annotations.statistics.comparison_tables import from_counts, simulated

THETA = np.array([0.6, 0.1, -0.7])


def test_a_ranking_says_what_a_paper_needs() -> None:
    found = bt_davidson(simulated(THETA, 1500), resamples=200)
    estimate = found.estimate
    assert [row["model"] for row in estimate.rows] == ["model 0", "model 1", "model 2"]
    assert [row["rank"] for row in estimate.rows] == [1, 2, 3]
    assert estimate.value == pytest.approx(estimate.rows[0]["theta"] - estimate.rows[2]["theta"])
    assert sum(row["theta"] for row in estimate.rows) == pytest.approx(0)
    assert sum(row["share_ranked_first"] for row in estimate.rows) == pytest.approx(1)
    for row in estimate.rows:
        assert row["low"] < row["theta"] < row["high"]
        assert row["elo"] == pytest.approx(row["theta"] * 400 / np.log(10))
        assert row["rank_low"] <= row["rank"] <= row["rank_high"]
    assert estimate.n_clusters == 100
    assert estimate.undefined_resamples == 0
    assert "stimuli" in estimate.method
    assert "Davidson" in estimate.method
    assert found.tie is not None
    assert found.tie.low is not None
    assert found.tie.high is not None
    assert found.tie.low < 0.7 < found.tie.high


def test_gaps_have_probabilities_and_holm_over_all_pairs() -> None:
    found = bt_davidson(simulated(THETA, 1500), resamples=200)
    assert len(found.gaps) == 3
    theta = {row["model"]: row["theta"] for row in found.estimate.rows}
    for gap in found.gaps:
        assert gap["difference"] == pytest.approx(theta[gap["one"]] - theta[gap["two"]])
        assert gap["p"] >= 2 / 201
        assert gap["p_holm"] >= gap["p"]
        loss = 1 - gap["p_win"] - gap["p_tie"]
        assert np.log(gap["p_win"] / loss) == pytest.approx(gap["difference"])


def test_the_same_seed_gives_the_same_digits_on_any_number_of_threads() -> None:
    data = simulated(THETA, 600)
    one = bt_davidson(data, resamples=100, seed=5)
    assert bt_davidson(data, resamples=100, seed=5, threads=3) == one
    assert bt_davidson(data, resamples=100, seed=6) != one


def test_an_order_effect_is_found() -> None:
    found = bt_davidson(simulated(THETA, 4000, order_effect=0.5), order_effect=True, resamples=200)
    assert found.order_effect is not None
    assert found.order_effect.low is not None
    assert found.order_effect.high is not None
    assert found.order_effect.low < 0.5 < found.order_effect.high
    assert found.order_effect.rows[0]["p"] < 0.05
    assert bt_davidson(simulated(THETA, 400), resamples=50).order_effect is None


def test_intervals_widen_when_answers_of_a_stimulus_go_together() -> None:
    generator = np.random.default_rng(2)
    stimulus = np.repeat(np.arange(40), 10)
    favours_first = generator.random(40) < 0.6
    outcome = np.where(favours_first[stimulus] ^ (generator.random(400) < 0.1), -1, 1)
    data = comparisons(
        np.zeros(400, int), np.ones(400, int), outcome, models="AB", stimuli=stimulus
    )
    whole = bt_half_tie(data, resamples=300).gaps[0]
    single = bt_half_tie(data, resamples=300, cluster="comparison").gaps[0]
    assert whole["high"] - whole["low"] > 1.8 * (single["high"] - single["low"])


def test_intervals_cover() -> None:
    covered = 0
    for seed in range(60):
        data = simulated(THETA, 400, stimuli=80, seed=seed)
        gap = bt_davidson(data, resamples=200, seed=seed).gaps[0]
        covered += gap["low"] <= THETA[0] - THETA[1] <= gap["high"]
    assert covered >= 52


def test_equal_models_share_a_rank_and_the_first_place() -> None:
    data = from_counts([(0, 1, 10, 10, 0)], "AB", stimuli=np.tile(np.arange(10), 2))
    found = bt_half_tie(data, resamples=40)
    assert [row["rank"] for row in found.estimate.rows] == [1, 1]
    assert [row["share_ranked_first"] for row in found.estimate.rows] == [0.5, 0.5]


def test_resamples_without_a_link_are_counted() -> None:
    data = from_counts([(0, 1, 9, 1, 0), (1, 2, 5, 5, 0)], "ABC", stimuli=np.arange(20))
    found = bt_davidson(data, resamples=400)
    share = found.estimate.undefined_resamples
    assert share is not None
    assert share == pytest.approx((1 - 1 / 20) ** 20, abs=0.08)
    assert found.estimate.low is not None


def test_too_many_undefined_resamples_leave_no_interval() -> None:
    stimuli = np.minimum(np.arange(20), 2)
    data = from_counts([(0, 1, 1, 1, 0), (1, 2, 9, 9, 0)], "ABC", stimuli=stimuli)
    found = bt_davidson(data, resamples=100)
    assert found.estimate.defined
    assert found.estimate.low is None
    assert "not linked in most" in found.estimate.no_interval_because
    assert found.gaps[0]["p"] is None
    assert found.estimate.rows[0]["share_ranked_first"] is None


def test_one_cluster_has_no_interval() -> None:
    data = from_counts([(0, 1, 6, 4, 2)], "AB", stimuli=[0] * 12)
    assert "only one stimulus" in bt_davidson(data).estimate.no_interval_because


def test_models_that_are_not_linked_are_undefined_with_their_names() -> None:
    found = bt_davidson(from_counts([(0, 1, 6, 0, 0)], ("tuned", "base")), cluster="comparison")
    assert found.estimate.value is None
    assert "tuned is not linked with base" in found.estimate.undefined_because
    assert found.gaps == ()


def test_few_resamples_for_many_gaps_are_noted() -> None:
    data = simulated(np.linspace(1, -1, 6), 800)
    assert "more resamples" in bt_davidson(data, resamples=64).estimate.notes[0]
    assert bt_davidson(data, resamples=700).estimate.notes == ()


def test_clusters_and_sides_that_are_not_known_are_refused() -> None:
    data = from_counts([(0, 1, 6, 4, 2)], "AB")
    with pytest.raises(ComparisonsError, match="which stimulus"):
        bt_davidson(data)
    with pytest.raises(ComparisonsError, match="side A"):
        bt_rao_kupper(data, cluster="comparison", order_effect=True)


def test_rao_kupper_has_its_threshold() -> None:
    data = simulated(THETA, 2000, family="bt_rao_kupper", tie=1.8)
    found = bt_rao_kupper(data, resamples=100)
    assert found.tie is not None
    assert found.tie.name == "rao_kupper_threshold"
    assert found.tie.value == pytest.approx(1.8, abs=0.15)


def gumbel_rankings(theta: np.ndarray, count: int, seed: int = 0) -> list[list[int]]:
    noise = np.random.default_rng(seed).gumbel(size=(count, len(theta)))
    return [[int(model) for model in row] for row in np.argsort(-(theta + noise), axis=1)]


def test_plackett_luce_recovers_known_abilities() -> None:
    theta = np.array([0.9, 0.3, -0.2, -1.0])
    found = plackett_luce(gumbel_rankings(theta, 3000), models="ABCD", resamples=100)
    for row, true in zip(found.estimate.rows, theta, strict=True):
        assert row["low"] - 0.03 < true < row["high"] + 0.03
    assert found.estimate.n_clusters == 3000


def test_plackett_luce_of_pairs_is_bradley_terry() -> None:
    data = from_counts([(0, 1, 7, 3, 0), (1, 2, 6, 4, 0), (0, 2, 8, 2, 0)], "ABC")
    rankings = [
        [a, b] if outcome < 0 else [b, a]
        for a, b, outcome in zip(
            data.first.tolist(), data.second.tolist(), data.outcome.tolist(), strict=True
        )
    ]
    ranks = plackett_luce(rankings, models="ABC", resamples=0).estimate
    pairs = bt_half_tie(data, resamples=0, cluster="comparison").estimate
    for one, two in zip(ranks.rows, pairs.rows, strict=True):
        assert one["theta"] == pytest.approx(two["theta"], abs=1e-8)
    assert ranks.no_interval_because == "no resamples were asked for"


def test_best_of_n_has_the_closed_form() -> None:
    """One set of three, chosen 5, 3 and 2 times: abilities are the logs of the shares."""
    rankings = [[0]] * 5 + [[1]] * 3 + [[2]] * 2
    found = plackett_luce(rankings, models="ABC", shown=[[0, 1, 2]] * 10, resamples=0).estimate
    logs = np.log([5, 3, 2])
    assert [row["theta"] for row in found.rows] == pytest.approx(list(logs - logs.mean()))


def test_plackett_luce_by_stimulus_resamples_stimuli() -> None:
    rankings = gumbel_rankings(THETA, 60)
    found = plackett_luce(rankings, models="ABC", clusters=np.arange(60) // 6, resamples=50)
    assert found.estimate.n_clusters == 10


def test_plackett_luce_names_a_model_never_chosen_after_another() -> None:
    found = plackett_luce([[0, 1, 2], [0, 2, 1]], models=("gold", "base", "tuned"), resamples=0)
    assert found.estimate.undefined_because.startswith("gold never lost to")


@pytest.mark.parametrize(
    ("rankings", "shown", "words"),
    [
        ([[0, 0]], None, "twice"),
        ([[0, 5]], None, "no model 5"),
        ([[0, 2]], [[0, 1]], "was not shown"),
        ([[0]], [], "1 rankings, but 0 sets"),
        ([[True, 0]], None, "not the index"),
    ],
)
def test_ballots_refuse_what_they_cannot_be(
    rankings: list[list[int]], shown: list[list[int]] | None, words: str
) -> None:
    with pytest.raises(ComparisonsError, match=words):
        plackett_luce(rankings, models="ABC", shown=shown)


def test_pairs_of_a_ranking_belong_to_one_ballot() -> None:
    data = pairs_of_rankings(
        [[2, 0, 1], [1]], models="ABC", shown=[[0, 1, 2], [0, 1, 2]], stimuli=["s", "t"]
    )
    assert list(zip(data.first.tolist(), data.second.tolist(), strict=True)) == [
        (2, 0),
        (2, 1),
        (0, 1),
        (1, 0),
        (1, 2),
    ]
    assert data.ballots is not None
    assert data.stimuli is not None
    assert data.ballots.tolist() == [0, 0, 0, 1, 1]
    assert data.stimuli.tolist() == [0, 0, 0, 1, 1]
    assert (data.outcome == -1).all()


def test_pairs_of_a_ranking_are_resampled_by_ballot() -> None:
    data = pairs_of_rankings(gumbel_rankings(THETA, 200), models="ABC")
    by_ballot = bt_half_tie(data, cluster="ballot", resamples=100).estimate
    assert by_ballot.n_clusters == 200
    by_pair = bt_half_tie(data, cluster="comparison", resamples=100).estimate
    assert "ballot" in by_pair.notes[0]

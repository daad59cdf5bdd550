from __future__ import annotations

import pytest
import torch

from inference.multimood.sampling import (
    Draws,
    _least_by_sorting,
    _least_weights,
    choose_label,
    choose_tokens,
)

N = 4000
TOLERANCE = 0.03
"""Four standard errors."""


def shares_of(logits: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    draws = [Draws(seed, 1) for seed in range(N)]
    chosen = choose_tokens(logits.repeat(N, 1), temperature, top_p, draws)
    return torch.bincount(torch.tensor(chosen), minlength=logits.shape[0]) / N


def test_frequencies_are_those_of_the_model() -> None:
    shares = torch.tensor([0.1, 0.2, 0.7])
    assert (shares_of(shares.log(), 1.0, 1.0) - shares).abs().max() < TOLERANCE


def test_temperature_flattens_and_the_nucleus_cuts() -> None:
    shares = torch.tensor([0.04, 0.16, 0.64, 0.16])
    flat = torch.tensor([0.2, 0.4, 0.8, 0.4]) / 1.8
    assert (shares_of(shares.log(), 2.0, 1.0) - flat).abs().max() < TOLERANCE
    found = shares_of(torch.tensor([0.05, 0.3, 0.65]).log(), 1.0, 0.9)
    assert (found - torch.tensor([0.0, 0.3, 0.65]) / 0.95).abs().max() < TOLERANCE
    assert found[0] == 0


@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_vocabulary_beyond_the_sorted_candidates_is_reached(top_p: float) -> None:
    """3,000 tokens that are nearly alike: the sorted 512 hold a sixth of them."""
    logits = torch.linspace(0, 0.01, 3000)
    draws = [Draws(seed, 1) for seed in range(N)]
    chosen = torch.tensor(choose_tokens(logits.repeat(N, 1), 1.0, top_p, draws))
    low = 3000 * (1 - top_p)
    assert chosen.min() >= low - 5
    assert (chosen < low + 300 * top_p).float().mean() == pytest.approx(0.1, abs=TOLERANCE)
    assert (chosen >= 3000 - 300 * top_p).float().mean() == pytest.approx(0.1, abs=TOLERANCE)


@pytest.mark.parametrize("spread", [0.01, 1.0, 12.0])
def test_nucleus_is_the_same_with_and_without_sorting(spread: float) -> None:
    """A CPU looks into one bucket, a GPU sorts."""
    logits = torch.randn(40, 3000, generator=torch.Generator().manual_seed(2)) * spread
    weights = torch.softmax(logits, -1)
    for top_p in (0.1, 0.5, 0.9, 0.999):
        least = _least_weights(weights, top_p)
        assert torch.equal(least, _least_by_sorting(weights, top_p))
        held = (weights * (weights >= least[:, None])).double().sum(-1)
        assert (held >= top_p - 1e-6).all()
        assert (held - least < top_p + 1e-6).all()


def test_a_row_draws_alike_in_any_company() -> None:
    logits = torch.randn(5, 900, generator=torch.Generator().manual_seed(1))
    together = choose_tokens(logits.clone(), 1.3, 0.95, [Draws(seed, 1) for seed in range(5)])
    alone = [choose_tokens(logits[i : i + 1], 1.3, 0.95, [Draws(i, 1)])[0] for i in range(5)]
    assert together == alone


def test_labels_are_drawn_by_their_tempered_probabilities() -> None:
    shares = torch.tensor([0.2, 0.3, 0.5])
    scores = shares.log().tolist()
    drawn = torch.tensor([choose_label(scores, 0.5, Draws(seed, 1)) for seed in range(N)])
    sharp = shares**2 / (shares**2).sum()
    assert (torch.bincount(drawn, minlength=3) / N - sharp).abs().max() < TOLERANCE
    assert choose_label(scores, 0.0, Draws(0, 0)) == 2

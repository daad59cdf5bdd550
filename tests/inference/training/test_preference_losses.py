"""By hand: log ratios, rewards and losses of pairs whose log-probabilities are chosen here."""

from __future__ import annotations

import math

import pytest
import torch

from inference.training.preference_losses import (
    log_ratios,
    preference_losses,
    preference_metrics,
)

POLICY = torch.tensor([[-4.0, -9.0], [-6.0, -3.0]])
REFERENCE = torch.tensor([[-5.0, -7.0], [-6.0, -3.0]])
LENGTHS = torch.tensor([[2, 4], [3, 1]])
SUMMED = torch.tensor([[1.0, -2.0], [0.0, 0.0]])
"""So the chosen reply of the first pair is ahead by 3 nats, and the second pair is undecided."""


def test_log_ratios_are_summed_or_by_token() -> None:
    summed = log_ratios(POLICY, REFERENCE, LENGTHS, length_normalised=False)
    averaged = log_ratios(POLICY, REFERENCE, LENGTHS, length_normalised=True)
    torch.testing.assert_close(summed, SUMMED)
    torch.testing.assert_close(averaged, torch.tensor([[0.5, -0.5], [0.0, 0.0]]))


def test_sigmoid_loss() -> None:
    """beta * h = 0.5 * 3: log(1 + e^-1.5); at 0 it is log 2."""
    losses = preference_losses(SUMMED, "sigmoid", beta=0.5)
    expected = torch.tensor([math.log1p(math.exp(-1.5)), math.log(2)])
    torch.testing.assert_close(losses, expected)


def test_sigmoid_loss_of_a_hopeless_pair_is_its_margin_and_no_infinity() -> None:
    losses = preference_losses(torch.tensor([[-500.0, 500.0]]), "sigmoid", beta=1.0)
    torch.testing.assert_close(losses, torch.tensor([1000.0]))


def test_ipo_loss_is_least_at_a_distance_that_beta_names() -> None:
    """1 / (2 * 0.25) = 2 nats: (3 - 2)^2 and (0 - 2)^2."""
    losses = preference_losses(SUMMED, "ipo", beta=0.25)
    torch.testing.assert_close(losses, torch.tensor([1.0, 4.0]))
    torch.testing.assert_close(
        preference_losses(torch.tensor([[1.5, -0.5]]), "ipo", beta=0.25), torch.zeros(1)
    )


@pytest.mark.parametrize(
    ("loss", "slope"),
    # -beta * sigmoid(-beta h), and 2 * (h - 1 / (2 beta)), at h = 3
    [("sigmoid", -0.5 / (1 + math.exp(1.5))), ("ipo", 2 * (3 - 1.0))],
)
def test_gradients_raise_the_chosen_as_much_as_they_lower_the_rejected(
    loss: str, slope: float
) -> None:
    ratios = torch.tensor([[1.0, -2.0]], requires_grad=True)
    torch.autograd.backward(preference_losses(ratios, loss, beta=0.5).sum())  # type: ignore[arg-type]
    torch.testing.assert_close(ratios.grad, torch.tensor([[slope, -slope]]))


def test_metrics_count_an_undecided_pair_as_wrong() -> None:
    metrics = preference_metrics(SUMMED, beta=0.5)
    assert {name: values.tolist() for name, values in metrics.items()} == {
        "reward_margin": [1.5, 0.0],
        "accuracy": [1.0, 0.0],
        "reward_chosen": [0.5, 0.0],
        "reward_rejected": [-1.0, 0.0],
    }


def test_both_directions_of_a_tie_pull_to_no_margin() -> None:
    """Their losses together are least where neither reply is ahead, and symmetric around it."""

    def together(h: float) -> float:
        both = torch.tensor([[h, 0.0], [0.0, h]])
        return float(preference_losses(both, "sigmoid", beta=1.0).sum())

    assert together(0.0) == pytest.approx(2 * math.log(2))
    assert together(0.7) == pytest.approx(together(-0.7))
    assert together(0.7) > together(0.0)

"""Values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from inference.training.rl.losses import (
    clipped_policy_loss,
    clipped_value_loss,
    k1,
    k3,
    outside,
    ratio,
)


def test_the_ratio_is_that_of_the_probabilities() -> None:
    now, before = torch.tensor([math.log(0.6), -1.0]), torch.tensor([math.log(0.2), -1.0])
    torch.testing.assert_close(ratio(now, before), torch.tensor([3.0, 1.0]))


def test_the_policys_loss_takes_the_less_hopeful_of_both() -> None:
    ratios = torch.tensor([1.0, 1.5, 0.5, 1.5, 0.5])
    advantages = torch.tensor([2.0, 2.0, 2.0, -2.0, -2.0])
    # min(r A, clip(r) A): 2, 1.2 x 2, 0.5 x 2, 1.5 x -2, 0.8 x -2
    expected = torch.tensor([-2.0, -2.4, -1.0, 3.0, 1.6])
    torch.testing.assert_close(clipped_policy_loss(ratios, advantages, 0.2), expected)


def test_a_clipped_token_has_no_gradient_and_one_at_ratio_one_has_its_advantage() -> None:
    logps = torch.zeros(3, requires_grad=True)
    old = torch.tensor([0.0, -1.0, 1.0])  # ratios 1, 2.7, 0.37
    advantages = torch.tensor([3.0, 3.0, -3.0])
    loss = clipped_policy_loss(ratio(logps, old), advantages, 0.2).sum()
    (gradient,) = torch.autograd.grad(loss, logps)
    assert gradient.tolist() == [-3.0, 0.0, 0.0]


def test_the_values_loss_is_that_of_the_clipped_value_where_it_is_larger() -> None:
    values = torch.tensor([1.0, 1.0, 0.1])
    old, returns = torch.tensor([0.0, 0.9, 0.0]), torch.tensor([1.0, 3.0, 1.0])
    # kept within 0.2: 0.2, 1.0, 0.1; squared errors max(0, 0.64), max(4, 4), max(0.81, 0.81)
    expected = torch.tensor([0.32, 2.0, 0.405])
    torch.testing.assert_close(clipped_value_loss(values, old, returns, 0.2), expected)


def test_both_estimators_of_the_divergence_have_its_mean() -> None:
    policy, reference = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.3, 0.5])
    divergence = 0.5 * math.log(0.5 / 0.2) + 0.2 * math.log(0.2 / 0.5)
    logps, ref = policy.log(), reference.log()
    assert float((policy * k1(logps, ref)).sum()) == pytest.approx(divergence)
    # The mean of reference/policy under the policy is 1, so the rest of k3 has the mean 0.
    assert float((policy * k3(logps, ref)).sum()) == pytest.approx(divergence)
    assert (k3(logps, ref) >= 0).all()
    assert float(k3(logps, ref)[0]) == pytest.approx(0.4 - math.log(0.4) - 1)
    assert k3(logps, logps).tolist() == [0.0, 0.0, 0.0]


def test_tokens_outside_the_trusted_range_are_seen_on_both_sides() -> None:
    assert outside(torch.tensor([0.7, 0.9, 1.0, 1.1, 1.3]), 0.2).tolist() == [
        True,
        False,
        False,
        False,
        True,
    ]

"""Losses a token, (..., ) each; whoever calls them takes the mean over the answers' tokens."""

from __future__ import annotations

import torch


def ratio(logps: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """Of the probabilities now and when the token was sampled."""
    return (logps - old).exp()


def clipped_policy_loss(
    ratios: torch.Tensor, advantages: torch.Tensor, clip_range: float
) -> torch.Tensor:
    """Schulman et al. 2017 (arXiv 1707.06347), equation 7, negated."""
    clipped = ratios.clamp(1 - clip_range, 1 + clip_range)
    return -torch.minimum(ratios * advantages, clipped * advantages)


def clipped_value_loss(
    values: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, clip: float
) -> torch.Tensor:
    """Half the squared error, at least that of the value kept within `clip` of the old one."""
    near = old + (values - old).clamp(-clip, clip)
    return 0.5 * torch.maximum((values - returns).square(), (near - returns).square())


def k1(logps: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The log-ratio: unbiased for KL(policy || reference) under the policy, and may be negative."""
    return logps - reference


def k3(logps: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Unbiased too, never negative, and of less variance (Schulman 2020, "Approximating KL
    divergence")."""
    difference = reference - logps
    return difference.exp() - difference - 1


def outside(ratios: torch.Tensor, clip_range: float) -> torch.Tensor:
    """Where the ratio has left the range that the policy's loss trusts."""
    return (ratios - 1).abs() > clip_range

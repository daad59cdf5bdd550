"""How much better an answer, or a token of it, was than expected."""

from __future__ import annotations

import torch

GROUP_EPSILON = 1e-4
"""Added to a group's standard deviation, as TRL does."""
WHITENING_EPSILON = 1e-8


def token_rewards(
    scores: torch.Tensor, penalties: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """scores (..., ) of whole answers, penalties and mask (..., R) -> (..., R): each token pays its
    penalty, and the last one is given the score."""
    positions = torch.arange(mask.shape[-1], device=mask.device)
    last = positions == mask.sum(-1, keepdim=True) - 1
    return (scores[..., None] * last - penalties) * mask


def generalised_advantages(
    rewards: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor,
    discount: float,
    gae_lambda: float,
) -> torch.Tensor:
    """Generalised advantage estimation (Schulman et al. 2016, arXiv 1506.02438, equation 16), all
    (..., R); nothing is worth anything after an answer's last token."""
    advantages = torch.zeros_like(rewards)
    following = next_value = torch.zeros_like(rewards[..., 0])
    for t in reversed(range(rewards.shape[-1])):
        error = rewards[..., t] + discount * next_value - values[..., t]
        following = (error + discount * gae_lambda * following) * mask[..., t]
        next_value = values[..., t] * mask[..., t]
        advantages[..., t] = following
    return advantages


def moments(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(3,): count, sum and sum of squares, to be added up over processes. In float64, since the
    variance is a difference of large numbers."""
    kept = values[mask.bool()].double()
    return torch.stack([kept.new_tensor(float(kept.numel())), kept.sum(), kept.square().sum()])


def whitened(advantages: torch.Tensor, mask: torch.Tensor, of_all: torch.Tensor) -> torch.Tensor:
    """Mean 0 and variance 1 over the tokens that `of_all`, from `moments`, was made of."""
    count, total, squares = of_all.unbind()
    count = count.clamp(min=1)
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0)
    white = (advantages - mean) * torch.rsqrt(variance + WHITENING_EPSILON)
    return (white * mask).to(advantages.dtype)


def group_advantages(rewards: torch.Tensor, scale: bool) -> torch.Tensor:
    """Shao et al. 2024 (arXiv 2402.03300): (n, k) rewards of k answers to n prompts -> (n, k), each
    minus its group's mean and, with `scale`, divided by its standard deviation (of k - 1 degrees of
    freedom). NaN stands for an answer nobody could score: it counts in no mean and has 0."""
    scored = ~rewards.isnan()
    count = scored.sum(-1, keepdim=True)
    known = rewards.nan_to_num(0.0)
    mean = known.sum(-1, keepdim=True) / count.clamp(min=1)
    centred = (known - mean) * scored
    if not scale:
        return centred
    variance = centred.square().sum(-1, keepdim=True) / (count - 1).clamp(min=1)
    return centred / (variance.sqrt() + GROUP_EPSILON)


def equal_groups(rewards: torch.Tensor) -> torch.Tensor:
    """(n, k) -> (n,): groups that teach nothing, since their scored answers are worth the same."""
    scored = ~rewards.isnan()
    highest = rewards.masked_fill(~scored, -torch.inf).amax(-1)
    lowest = rewards.masked_fill(~scored, torch.inf).amin(-1)
    return highest <= lowest

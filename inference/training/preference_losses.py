"""How well log-probabilities of preferred and refused replies agree with the preference.

DPO: Rafailov et al. 2023, arXiv 2305.18290, eq. 7. IPO: Azar et al. 2023, arXiv 2310.12036, eq. 17;
the authors' own results are with `length_normalised`.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from inference.training.config import PreferenceLoss

CHOSEN, REJECTED = 0, 1


def log_ratios(
    policy: torch.Tensor,
    reference: torch.Tensor,
    lengths: torch.Tensor,
    *,
    length_normalised: bool,
) -> torch.Tensor:
    """(pairs, 2): log policy - log reference of each pair's chosen and rejected reply, in nats.

    policy, reference (pairs, 2): log-probabilities summed over the learned tokens, `lengths` of
    them. Length-normalised, it is nats a token.
    """
    ratios = policy - reference
    return ratios / lengths if length_normalised else ratios


def preference_losses(ratios: torch.Tensor, loss: PreferenceLoss, beta: float) -> torch.Tensor:
    """(pairs, 2) -> (pairs,). sigmoid: -log sigmoid(beta * h), ipo: (h - 1 / (2 beta))^2, where h
    is the log ratio of the chosen reply less that of the rejected one."""
    difference = ratios[:, CHOSEN] - ratios[:, REJECTED]
    if loss == "ipo":
        return (difference - 1 / (2 * beta)) ** 2
    return -functional.logsigmoid(beta * difference)


def preference_metrics(ratios: torch.Tensor, beta: float) -> dict[str, torch.Tensor]:
    """Each (pairs,). A reward is beta * log ratio; a pair counts as right when its chosen reply has
    the higher one."""
    rewards = beta * ratios
    margins = rewards[:, CHOSEN] - rewards[:, REJECTED]
    return {
        "reward_margin": margins,
        "accuracy": (margins > 0).to(margins.dtype),
        "reward_chosen": rewards[:, CHOSEN],
        "reward_rejected": rewards[:, REJECTED],
    }

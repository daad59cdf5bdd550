"""A prompt and all its answers in one row, so that the prompt is read once.

Each answer sees the prompt and itself, and its positions go on from the prompt's end: the numbers
are those of rows of prompt and answer, for less work (Qwen2's attention takes a mask of its own).
"""

from __future__ import annotations

import torch


def positions(prompt_mask: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """prompt_mask (n, S), padded on the right; shape (n, k, R) -> (n, S + k * R)."""
    n, answers, longest = shape
    device = prompt_mask.device
    in_prompt = torch.arange(prompt_mask.shape[1], device=device).expand(n, -1)
    in_answer = prompt_mask.sum(1)[:, None] + torch.arange(longest, device=device)
    return torch.cat([in_prompt, in_answer.repeat(1, answers)], 1)


def visibility(prompt_mask: torch.Tensor, answer_mask: torch.Tensor) -> torch.Tensor:
    """(n, S) and (n, k, R) -> (n, 1, T, T) of bool, T = S + k * R: what each position sees.

    Padding sees itself, since a softmax over nothing is not a number.
    """
    _, answers, longest = answer_mask.shape
    device = prompt_mask.device
    order = torch.arange(prompt_mask.shape[1] + answers * longest, device=device)
    # 0 in the prompt, 1 to k in the answers
    segment = (order - prompt_mask.shape[1]).div(longest, rounding_mode="floor").clamp(min=-1) + 1
    same = (segment == 0) | (segment[:, None] == segment)
    sees = same & (order <= order[:, None])
    there = torch.cat([prompt_mask, answer_mask.flatten(1)], 1).bool()
    itself = torch.eye(len(order), dtype=torch.bool, device=device)
    return ((sees & there[:, None]) | itself)[:, None]


def predictors(prompt_mask: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """(n, k, R): the position in the row whose hidden state predicts each token of an answer."""
    n, answers, longest = shape
    device = prompt_mask.device
    start = prompt_mask.shape[1] + longest * torch.arange(answers, device=device)
    before = start[:, None] + torch.arange(longest, device=device) - 1
    before = before.expand(n, -1, -1).clone()
    before[:, :, 0] = prompt_mask.sum(1)[:, None] - 1
    return before

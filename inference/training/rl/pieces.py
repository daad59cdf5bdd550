"""Answers cut into what one forward pass takes, with all that is learned from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

from inference.multimood.processing import Sample
from inference.training.rl.policy import Scores
from inference.training.rl.rollout import Answers

MakeBatch = Callable[[Sequence[Sample]], dict[str, torch.Tensor]]


@dataclass
class Piece:
    """n prompts with k answers each, of R tokens at most."""

    prompts: dict[str, torch.Tensor]
    ids: torch.Tensor
    """(n, k, R)"""
    mask: torch.Tensor
    """(n, k, R)"""
    credit: torch.Tensor
    """(n, k): what an answer is credited with as a whole; NaN where nobody could score it."""
    reference: torch.Tensor = field(init=False)
    """(n, k, R): the reference's log-probabilities."""
    old: Scores | None = None
    """Of the policy that sampled; None: the first pass over the answers is by that policy."""
    advantages: torch.Tensor = field(init=False)
    """(n, k, R)"""
    returns: torch.Tensor = field(init=False)
    """(n, k, R): what the value head is fitted to."""

    @property
    def learned(self) -> torch.Tensor:
        """(n, k, R) in float: tokens that count, those of answers that somebody could score."""
        return self.mask * ~self.credit.isnan()[..., None]


def pieces_of(
    answers: Answers, credit: torch.Tensor, size: int, batch: MakeBatch
) -> Iterator[Piece]:
    """credit (n, k). size: answers a piece at most. Pieces are whole prompts where a prompt's
    answers fit into one, else parts of one prompt's answers."""
    prompts, each = answers.ids.shape[:2]
    rows, columns = max(1, size // each), min(size, each)
    for top in range(0, prompts, rows):
        given = batch(answers.prompts[top : top + rows])
        device = given["input_ids"].device
        for left in range(0, each, columns):
            here = slice(top, top + rows), slice(left, left + columns)
            mask = answers.mask[here]
            longest = int(mask.sum(-1).max())
            yield Piece(
                given,
                answers.ids[here][..., :longest].to(device),
                mask[..., :longest].to(device, torch.float32),
                credit[here].to(device),
            )

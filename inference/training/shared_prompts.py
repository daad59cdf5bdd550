"""Several answers to one prompt in one row: the prompt, which is long, is computed once.

The answers follow one another. Each sees the prompt and itself, and its positions go on from the
prompt's, so every token has the log-probability that it has in a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from inference.multimood.batch import Sample, collate, pad

PROMPT = 0
"""The branch that all answers see; theirs count from 1."""


@dataclass(frozen=True)
class Answer:
    ids: torch.Tensor
    """(T,), with the end of sequence."""
    learned: int
    """How many of them, at the end, are learned from."""


@dataclass(frozen=True)
class SharedRow:
    sample: Sample
    """The prompt's media and history; `input_ids` (S,) are the prompt's and all answers'."""
    branches: torch.Tensor
    """(S,) PROMPT, or the number of the answer."""
    positions: torch.Tensor
    """(S,)"""
    sources: torch.Tensor
    """(learned tokens,) places in the row whose outputs predict them, answer after answer."""
    targets: torch.Tensor
    """(learned tokens,)"""
    lengths: list[int]
    """Learned tokens of each answer."""

    @classmethod
    def of(cls, prompt: Sample, answers: Sequence[Answer]) -> SharedRow:
        """What the answers have in common at their beginning belongs to the prompt."""
        common = _common_length([answer.ids for answer in answers])
        ids = [torch.cat([prompt["input_ids"], answers[0].ids[:common]])]
        start = shared = len(ids[0])
        branches, positions = [torch.full((shared,), PROMPT)], [torch.arange(shared)]
        sources, targets = [], []
        for number, answer in enumerate(answers, start=1):
            own = answer.ids[common:]
            ids.append(own)
            branches.append(torch.full((len(own),), number))
            positions.append(torch.arange(shared, shared + len(own)))
            end = shared + len(own)
            before = torch.arange(end - answer.learned, end) - 1
            sources.append(torch.where(before < shared, before, before + start - shared))
            targets.append(answer.ids[len(answer.ids) - answer.learned :])
            start += len(own)
        return cls(
            sample={**prompt, "input_ids": torch.cat(ids)},
            branches=torch.cat(branches),
            positions=torch.cat(positions),
            sources=torch.cat(sources),
            targets=torch.cat(targets),
            lengths=[answer.learned for answer in answers],
        )


def collate_rows(rows: Sequence[SharedRow], pad_token_id: int) -> dict[str, Any]:
    """What `score` reads: input_ids, attention_mask, position_ids and branches (B, S), media, and
    for the N learned tokens of the answers of all rows, one after the other:

    - kept (B, S): whether an output predicts any of them
    - places (N,): which of the kept outputs predicts a token, targets (N,): which token it is
    - answer_numbers (N,): whose it is; lengths (answers,)
    """
    batch = collate([row.sample for row in rows], pad_token_id)
    batch["position_ids"] = pad([row.positions for row in rows], 0, left=False)
    batch["branches"] = pad([row.branches for row in rows], PROMPT, left=False)
    width = batch["input_ids"].shape[1]
    sources = torch.cat([row.sources + number * width for number, row in enumerate(rows)])
    kept, batch["places"] = torch.unique(sources, return_inverse=True)
    batch["kept"] = torch.zeros(len(rows) * width, dtype=torch.bool)
    batch["kept"][kept] = True
    batch["kept"] = batch["kept"].view(len(rows), width)
    batch["targets"] = torch.cat([row.targets for row in rows])
    batch["lengths"] = torch.tensor([length for row in rows for length in row.lengths])
    answers = torch.arange(len(batch["lengths"]))
    batch["answer_numbers"] = answers.repeat_interleave(batch["lengths"])
    return batch


def score(model: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
    """(answers,) log-probability of each answer's learned tokens, summed, in float32."""
    inputs = {name: value for name, value in batch.items() if name not in OWN}
    mask = visible(inputs.pop("attention_mask"), batch["branches"])
    outputs = model(**inputs, attention_mask=mask, logits_to_keep=batch["kept"], use_cache=False)
    log_probabilities: torch.Tensor = outputs.logits.float().log_softmax(-1)
    tokens = log_probabilities[batch["places"], batch["targets"]]
    sums = tokens.new_zeros(len(batch["lengths"]))
    return sums.index_add(0, batch["answer_numbers"], tokens)


OWN = frozenset({"branches", "kept", "places", "targets", "lengths", "answer_numbers"})
"""Of `collate_rows`; the rest of a batch is the model's."""


def visible(attention_mask: torch.Tensor, branches: torch.Tensor) -> torch.Tensor:
    """(B, S), (B, S) -> (B, 1, S, S): what each position, the second to last axis, may see."""
    length = branches.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool, device=branches.device).tril()
    seen, seeing = branches[:, None, :], branches[:, :, None]
    mask = earlier & ((seen == PROMPT) | (seen == seeing)) & attention_mask[:, None, :].bool()
    return mask[:, None]


def _common_length(answers: Sequence[torch.Tensor]) -> int:
    """Of the beginning that all share; never all of one, so that each has a branch."""
    shortest = min(map(len, answers)) - 1
    first = answers[0][:shortest]
    same = torch.stack([answer[:shortest] == first for answer in answers]).all(0)
    return int(same.long().cumprod(0).sum())

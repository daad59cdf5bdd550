"""Decodes replies token by token, many rows at a time; a row that has ended leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from inference.multimood.backbone import Backbone, Step, suffix_width
from inference.multimood.kv_cache import ROW_MULTIPLE, SharedCache, round_up
from inference.multimood.sampling import Draws, choose_tokens

FIRST_ROOM = 64
"""Tokens of an answer that there is memory for at first; few answers use all they may have."""
Ends = Callable[[int, list[int]], bool]
"""Whether answer number n has ended with the tokens written so far."""


@dataclass(frozen=True)
class Manner:
    temperature: float
    top_p: float
    most: int
    """Tokens that an answer has."""


def decode(
    backbone: Backbone,
    cache: SharedCache,
    logits: torch.Tensor,
    manner: Manner,
    draws: Sequence[Draws],
    ends: Ends,
) -> list[list[int]]:
    """One list of tokens for each row of the cache, the one that ended it included. `logits`
    (answers, vocabulary) are those of the first token."""
    written: list[list[int]] = [[] for _ in draws]
    rows = Rows(cache)
    for _ in range(manner.most):
        own = [draws[answer] for answer in rows.answers]
        tokens = choose_tokens(logits, manner.temperature, manner.top_p, own)
        going = []
        for row, (answer, token) in enumerate(zip(rows.answers, tokens, strict=True)):
            if not rows.ended[row]:
                written[answer].append(token)
                rows.ended[row] = ends(answer, written[answer])
                if not rows.ended[row]:
                    going.append(row)
        if not going:
            break
        if round_up(len(going), ROW_MULTIPLE) < cache.rows:
            rows.keep(going)
            tokens = [tokens[row] for row in going]
        hidden = backbone.advance(cache, rows.step(tokens))
        logits = backbone.logits(hidden[:, 0])
    return written


class Rows:
    """Of the cache: whose answer each is, and where its next token goes."""

    def __init__(self, cache: SharedCache) -> None:
        self.cache = cache
        self.answers = list(range(len(cache.prompt_of_row)))
        self.ended = [False] * len(self.answers)
        starts = [cache.prompt_lengths[prompt] for prompt in cache.prompt_of_row]
        padding = [0] * (cache.rows - len(starts))
        device = cache.prefix.device
        self.slots = torch.tensor([*cache.lengths, *padding], device=device)
        self.positions = self.slots + torch.tensor([*starts, *padding], device=device)
        self.longest = max(cache.lengths)

    def keep(self, rows: Sequence[int]) -> None:
        self.cache.keep_rows(rows)
        self.answers = [self.answers[row] for row in rows]
        self.ended = [False] * len(rows)
        padded = [*rows, *[rows[0]] * (self.cache.rows - len(rows))]
        index = torch.tensor(padded, device=self.slots.device)
        self.slots, self.positions = self.slots[index], self.positions[index]

    def step(self, tokens: Sequence[int]) -> Step:
        self.longest += 1
        if self.longest > self.cache.room:
            self.cache.widen(2 * self.longest)
        padded = [*tokens, *[0] * (self.cache.rows - len(tokens))]
        places = torch.arange(suffix_width(self.longest), device=self.slots.device)
        step = Step(
            torch.tensor(padded, device=self.slots.device)[:, None],
            self.positions[:, None],
            self.slots[:, None],
            (places <= self.slots[:, None])[:, None],
        )
        self.slots, self.positions = self.slots + 1, self.positions + 1
        return step

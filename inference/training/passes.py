"""What a pass over the data shows, so that a run resumed within one goes on as an unbroken one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Protocol

from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from inference.contracts import PreferencePair, ReplyFields
from inference.training.config import ConfigError
from inference.training.modality import draw

Tie = tuple[int, int]
"""The rows that are its two directions."""


class ShowsPasses(Protocol):
    epoch: int
    """The pass under way, from 0."""


class EpochCallback(TrainerCallback):
    def __init__(self, rows: ShowsPasses) -> None:
        self.rows = rows

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.rows.epoch = int(state.epoch or 0)


class TiesInTurn(Sampler[int]):
    """Each whole pair once a pass, and each tie once, its two directions in turn: a trainer that
    averages a batch without weights then gives a tie as much as any other pair. The order is drawn
    from the seed and the number of the pass."""

    def __init__(self, whole: Sequence[int], ties: Sequence[Tie], seed: int) -> None:
        self.whole, self.ties, self.seed = whole, ties, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.whole) + len(self.ties)

    def __iter__(self) -> Iterator[int]:
        turns = (tie[(self.epoch + number) % 2] for number, tie in enumerate(self.ties))
        rows = [*self.whole, *turns]
        draw(self.seed, self.epoch, "order").shuffle(rows)
        return iter(rows)


def whole_and_tied(pairs: Sequence[PreferencePair]) -> tuple[list[int], list[Tie]]:
    """Rows of whole pairs, and of ties. Raises ConfigError where a half lacks its other half."""
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    whole, ties = [], []
    for row, pair in enumerate(pairs):
        if pair.weight == 1:
            whole.append(row)
        elif others := waiting[_key(pair, pair.rejected, pair.chosen)]:
            ties.append((others.pop(), row))
        else:
            waiting[_key(pair, pair.chosen, pair.rejected)].append(row)
    for row in (row for rows in waiting.values() for row in rows):
        raise ConfigError(
            f"dataset: pair {pairs[row].pair_id} is half of a tie (weight 0.5), and the other "
            "half, with the two replies the other way round, is not there. Release the study again."
        )
    return whole, ties


def without_ties(pairs: Sequence[PreferencePair]) -> list[PreferencePair]:
    """Those to measure on: a tie's two halves have a margin of 0 together, whatever was learned.
    All of them where nothing but ties is there."""
    return [pair for pair in pairs if pair.weight == 1] or list(pairs)


def _key(pair: PreferencePair, chosen: ReplyFields, rejected: ReplyFields) -> Hashable:
    said_by = pair.meta.get("rater_kind"), pair.meta.get("rater")
    return pair.stimulus, pair.source, *said_by, chosen, rejected

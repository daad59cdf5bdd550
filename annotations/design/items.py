"""What a design is made of, and which stimuli a study draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from inference.errors import DomainError

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class DesignItem:
    """An item as the design sees it: what it answers, and which sources wrote its candidates."""

    key: int
    stimulus: int
    sources: tuple[int, ...]


class DesignError(DomainError, ValueError):
    """What was asked for cannot be balanced."""


def draw_stimuli(dialogues: Mapping[int, int], count: int, seed: int) -> list[int]:
    """`dialogues`: stimulus -> its dialogue. A second stimulus of a dialogue is drawn only once
    every dialogue has given one: a later turn shows what the therapist answered to an earlier one,
    which gives a human reply away, and turns of one conversation are no independent sample.
    """
    random = Random(f"{seed}:stimuli")  # noqa: S311
    taken: Counter[int] = Counter()
    turn: dict[int, int] = {}
    for stimulus in shuffled(sorted(dialogues), random):
        turn[stimulus] = taken[dialogues[stimulus]]
        taken[dialogues[stimulus]] += 1
    return sorted(turn, key=turn.__getitem__)[:count]


def shuffled(values: Iterable[T], random: Random) -> list[T]:
    order = list(values)
    random.shuffle(order)
    return order

"""What scores answers while a model learns from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from inference.contracts import ReplyFields, StimulusInput


@dataclass(frozen=True)
class Asked:
    stimulus: StimulusInput
    reference: ReplyFields | None = None
    """What the therapist said, where the data know."""


@dataclass(frozen=True)
class Said:
    """One sampled answer."""

    raw: str
    reply: ReplyFields
    """What could be read of it; the text is empty where no response was found."""
    ended: bool = True
    """With the end of sequence, within max_new_tokens."""


class Reward(Protocol):
    """One term. Called by every process for its own answers."""

    name: str
    """For the curves, such as `model` or `similarity`."""

    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[float | None]:
        """In [0, 1], one an answer; None where this term cannot tell, which is never a 0: the
        answer then has the mean of the terms that can, and none at all leaves it out of the
        update."""
        ...


@dataclass(frozen=True)
class Scored:
    total: list[float | None]
    """Weighted mean of the terms, in [0, 1]."""
    terms: Mapping[str, list[float | None]]

"""What there is to answer in a dialogue."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from inference.corpora.records import DialogueRecord


@dataclass(frozen=True)
class Stimulus:
    """A run of consecutive client turns; everything before it is its history."""

    first: int
    last: int
    """Turn indices, both within the run."""
    followed: bool
    """A therapist turn directly follows: turn `last + 1` is the human reply."""


def stimuli(dialogue: DialogueRecord) -> tuple[Stimulus, ...]:
    ends = len(dialogue.turns) - 1
    runs = [
        [turn.index for turn in run]
        for speaker, run in groupby(dialogue.turns, key=lambda turn: turn.speaker)
        if speaker == "client"
    ]
    return tuple(Stimulus(run[0], run[-1], followed=run[-1] < ends) for run in runs)

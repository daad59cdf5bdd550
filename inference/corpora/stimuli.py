"""What there is to answer in a dialogue."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from inference.contracts import StimulusInput, TurnText
from inference.corpora.records import DialogueRecord, TurnRecord


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
    asked = [run for run in runs if run[-1] == ends - 1] if dialogue.only_last else runs
    return tuple(Stimulus(run[0], run[-1], followed=run[-1] < ends) for run in asked)


def stimulus_input(dialogue: DialogueRecord, stimulus: Stimulus) -> StimulusInput:
    asked = dialogue.turns[stimulus.first : stimulus.last + 1]
    return StimulusInput(
        key=f"{dialogue.external_id}:{stimulus.first}",
        situation=dialogue.situation,
        history=tuple(map(_turn_text, dialogue.turns[: stimulus.first])),
        client_turns=tuple(map(_turn_text, asked)),
        clip_paths=tuple(turn.clip_path for turn in asked if turn.clip_path is not None),
    )


def _turn_text(turn: TurnRecord) -> TurnText:
    return TurnText(turn.speaker, turn.text)

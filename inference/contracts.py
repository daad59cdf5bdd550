"""Plain data that crosses floors: the database side hands these to models and trainers.

Standard library only, so that a training process needs no Django and the web process no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Speaker = Literal["client", "therapist"]
Modality = Literal["av", "a", "v", "text"]


@dataclass(frozen=True)
class TurnText:
    speaker: Speaker
    text: str


@dataclass(frozen=True)
class StimulusInput:
    """What a model answers: consecutive client turns with everything said before them."""

    key: str
    situation: str
    history: tuple[TurnText, ...]
    client_turns: tuple[TurnText, ...]
    clip_paths: tuple[Path, ...] = ()
    """Clips of the client turns, in the order of the turns; a turn without media has none."""


@dataclass(frozen=True)
class GenerationOptions:
    modality: Modality = "av"
    max_new_tokens: int = 128
    temperature: float = 0.0
    """0 decodes greedily."""
    top_p: float = 1.0
    batch_size: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """One generated reply. A field that could not be read from the raw output is None."""

    client_emotion: str | None
    therapist_emotion: str | None
    strategy: str | None
    text: str
    raw: str
    seconds: float
    prompt_tokens: int
    new_tokens: int


@dataclass(frozen=True)
class ReplyFields:
    """The four lines of a MultiMood reply, as shown to raters and as trained on."""

    client_emotion: str | None
    therapist_emotion: str | None
    strategy: str | None
    text: str


@dataclass(frozen=True)
class PreferencePair:
    """One row of a released dataset: the prompt as data, and two replies to it."""

    pair_id: str
    stimulus: StimulusInput
    chosen: ReplyFields
    rejected: ReplyFields
    source: str
    """`preference:CRITERION` for a direct choice, `rating:CRITERION` for a score difference."""
    strength: float
    meta: dict[str, str] = field(default_factory=dict)

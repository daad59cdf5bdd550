"""Plain data that crosses floors: the database side hands these to models and trainers.

Standard library only, so that a training process needs no Django and the web process no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

Speaker = Literal["client", "therapist"]
Modality = Literal["av", "a", "v", "text"]
HistoryForm = Literal["compressed", "text", "none"]
Task = Literal["reply", "emotion"]
ClipScope = Literal["turns", "dialogue"]


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
    earlier_clip_paths: tuple[Path, ...] = ()
    """Clips of the client's turns before, in their order."""


@dataclass(frozen=True)
class GenerationOptions:
    modality: Modality = "av"
    max_new_tokens: int = 128
    temperature: float = 0.0
    """0 decodes greedily."""
    top_p: float = 1.0
    batch_size: int = 8
    """Stimuli answered together; it changes no answer."""
    seed: int = 0
    samples: int = 1
    """Answers a stimulus; several need a temperature above 0."""
    clips: ClipScope = "turns"
    """The newest clips (as many as the model takes) of the client turns that are answered, or of
    the client in the whole dialogue up to there."""
    history: HistoryForm = "compressed"
    """`compressed` through the model's compressor where it has one; `text` as chat text."""
    constrain_labels: bool = True
    """The label lines are chosen among the canonical labels; off: decoded like any text."""
    as_published: bool = False
    """Media and prompt treated as the published code does where that changes answers."""
    task: Task = "reply"
    """`emotion`: only the client's emotion, from the clip alone."""
    emotions: tuple[str, ...] = ()
    """Labels of the task `emotion`; none: the canonical ones."""


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
    label_probabilities: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By field (`client_emotion`, `therapist_emotion`, `strategy`) and label; each sums to 1.
    Only where labels were constrained."""
    chain: Mapping[str, str] = field(default_factory=dict)
    """How the response was reasoned, where its writer says so; as `Response.chain`."""
    error: str = ""
    """Why there is no answer, for the researcher; the other fields are then empty."""

    @classmethod
    def failed(cls, reason: str) -> Self:
        return cls(
            client_emotion=None,
            therapist_emotion=None,
            strategy=None,
            text="",
            raw="",
            seconds=0.0,
            prompt_tokens=0,
            new_tokens=0,
            error=reason,
        )


@dataclass(frozen=True)
class ReplyFields:
    """The four lines of a MultiMood reply, as shown to raters and as trained on."""

    client_emotion: str | None
    therapist_emotion: str | None
    strategy: str | None
    text: str


@dataclass(frozen=True)
class HumanReply(ReplyFields):
    """What a person answered, as the corpus holds it."""

    chain: Mapping[str, str] = field(default_factory=dict, hash=False)
    """As `Response.chain`."""


@dataclass(frozen=True)
class PreferencePair:
    """One row of a released dataset: the prompt as data, and two replies to it."""

    pair_id: str
    stimulus: StimulusInput
    chosen: ReplyFields
    rejected: ReplyFields
    source: str
    """`preference:CRITERION` for a direct choice, `rating:CRITERION` for a score difference,
    `adjudicated:CRITERION` where adjudication settled it."""
    strength: float
    meta: dict[str, str] = field(default_factory=dict)
    split: str = ""
    """Empty where the dataset has no splits."""
    group: str = ""
    """Session or client: what splits never divide and clusters are made of."""
    weight: float = 1.0
    """0.5 for each of the two rows of a tie."""

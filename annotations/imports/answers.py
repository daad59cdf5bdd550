"""What the readers of other tools' files leave: prompts, responses, and evidence to derive from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from annotations.derivation.evidence import Evidence
from inference.contracts import ReplyFields, TurnText

IMPORTED = "imported"
"""Stands where a rater's pseudonym stands: a row says who was preferred, not by whom."""
IMPORTED_JUDGE = "imported-judge"


@dataclass(frozen=True)
class ReadOptions:
    """What the researcher says where a file does not; empty: guessed from names."""

    context: str = ""
    """Data field with what the client said."""
    first: str = ""
    second: str = ""
    """Data fields with the two responses."""
    ratings: tuple[str, ...] = ()
    """Fields of a flat export whose bare numbers are raters' answers."""
    with_words: bool = False
    """Comments and answers in words are kept."""


@dataclass(frozen=True)
class Prompt:
    situation: str
    history: tuple[TurnText, ...]
    client_turns: tuple[TurnText, ...]

    @property
    def first_client_turn(self) -> str:
        turns = (*self.history, *self.client_turns)
        return next(turn.text for turn in turns if turn.speaker == "client")


@dataclass(frozen=True)
class ImportedStimulus:
    key: str
    """As the file names it, or a hash of the prompt."""
    prompt: Prompt
    group: str
    """What splits never divide: the file's own session or group, or the conversation as its
    first client turn tells it."""
    split: str = ""
    """As the file names it."""
    session: str = ""
    corpus: str = ""


@dataclass(frozen=True)
class ImportedResponse:
    stimulus: int
    key: str
    """A hash of prompt and reply, or the file's own id."""
    reply: ReplyFields
    model: str = ""
    barred: bool = False
    """The file says that it is never to be preferred."""
    truncated: bool = False


@dataclass(frozen=True, order=True)
class ImportedWords:
    stimulus: int
    rater: str
    question: str
    text: str


@dataclass(frozen=True)
class ImportedAnswers:
    stimuli: Mapping[int, ImportedStimulus]
    responses: Mapping[int, ImportedResponse]
    evidence: Evidence
    display_orders: Mapping[tuple[int, int], tuple[tuple[int, int], ...]]
    """Pair of responses, the lower number first -> the orders in which raters saw it."""
    words: tuple[ImportedWords, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    """In words -> how many."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """What was read with care: in words -> how many."""
    origin: Mapping[str, object] = field(default_factory=dict)
    """What the files say about themselves."""

    @property
    def counts(self) -> dict[str, int]:
        return {
            "prompts": len(self.stimuli),
            "responses": len(self.responses),
            "choices": len(self.evidence.choices),
            "scores": len(self.evidence.scores),
            "raters": len(self.evidence.raters),
        }

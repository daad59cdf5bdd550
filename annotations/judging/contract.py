"""What a judge is asked, what it is shown, and what it said: plain values, no database, no network.

    instruction(questions, design, options, unit="response") -> str       wording.py
    in_order(shown, order) -> Shown                                       messages.py
    messages(instruction, shown, options) -> list[Message]                messages.py
    schema(questions, design, letters) -> JSON schema                     schema.py
    read(text, questions, shown) -> Judgement                             reading.py
    reversed_back(judgement, questions, design, letters) -> Judgement     combining.py
    combine(tellings, questions, design, letters, options) -> Combined    combining.py
    consistency(items, questions, design) -> {question: Consistency}      consistency.py

`shown` of `read` is what the judge was shown, in the order in which it was shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Protocol

from annotations.answers import OVERALL, OVERALL_QUESTION, Asked

Evidence = Literal["context", "as_published"]
COMPARISONS = ("pairwise", "best_of_n", "ranking")
MAX_REPEATS = 20
REASONS: Mapping[str, str] = {
    "not_applicable": "does not apply",
    "cannot_tell": "cannot be told from what is shown",
    "outside_competence": "outside your competence",
}
"""Why a question may stay without an answer, as for people."""
TIE_KINDS = ("both_acceptable", "neither_acceptable")
ORDER_ASKED = (
    "Taken together, in which order would you rather see the responses in this conversation?"
)


class JudgeOptionsError(ValueError):
    """The message names the option and the remedy."""


@dataclass(frozen=True)
class JudgeOptions:
    """Kept as `JudgeRun.options`."""

    temperature: float = 0.0
    repeats: int = 1
    """Times that every item is asked in each order; the first is the answer, the others say how
    steady the judge is."""
    evidence: Evidence = "context"
    """as_published: the response alone, as MultiMood's published judge saw it."""
    swap: bool = True
    """Comparisons are asked a second time with the responses in reverse; without meaning for
    scores."""
    seed: int = 0
    max_tokens: int = 1500

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 2:
            raise JudgeOptionsError("temperature: has to be from 0 to 2.")
        if not 1 <= self.repeats <= MAX_REPEATS:
            raise JudgeOptionsError(f"repeats: has to be from 1 to {MAX_REPEATS}.")
        if self.evidence not in ("context", "as_published"):
            raise JudgeOptionsError("evidence: has to be context or as_published.")
        if self.seed < 0:
            raise JudgeOptionsError("seed: has to be 0 or more.")
        if self.max_tokens < 1:
            raise JudgeOptionsError("max_tokens: has to be 1 or more.")

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> JudgeOptions:
        known = {each.name for each in fields(cls)}
        if unknown := sorted(stored.keys() - known):
            raise JudgeOptionsError(
                f"{unknown[0]}: there is no such option. Known: {', '.join(sorted(known))}."
            )
        return cls(**stored)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def orders(self, design: str) -> tuple[int, ...]:
        """0: as the assignment shows the candidates; 1: in reverse."""
        return (0, 1) if self.swap and design in COMPARISONS else (0,)

    def seed_of(self, repetition: int) -> int:
        """Of the question to the model: another one in each repetition, the same in both orders."""
        return self.seed + repetition


class CriterionWords(Protocol):
    """A criterion in the database or in a file."""

    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def definition(self) -> str: ...
    @property
    def guiding_question(self) -> str: ...
    @property
    def good_example(self) -> str: ...
    @property
    def poor_example(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def scale_min(self) -> int: ...
    @property
    def scale_max(self) -> int: ...
    @property
    def anchor_low(self) -> str: ...
    @property
    def anchor_high(self) -> str: ...
    @property
    def anchors(self) -> dict[str, str]: ...
    @property
    def options(self) -> list[dict[str, Any]]: ...
    @property
    def required(self) -> bool: ...
    @property
    def about_labels(self) -> bool: ...
    @property
    def about_chain(self) -> str: ...
    @property
    def only_if(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Question:
    """A criterion as it is asked in one design, or the overall question of a comparison."""

    slug: str
    name: str
    guiding_question: str
    definition: str = ""
    good_example: str = ""
    poor_example: str = ""
    kind: str = "score"
    low: int = 1
    high: int = 10
    anchors: Mapping[int, str] = field(default_factory=dict)
    """Score -> what it means, the ends included."""
    options: tuple[tuple[int, str], ...] = ()
    """Value and label."""
    required: bool = True
    only_if: Mapping[str, Any] = field(default_factory=dict)
    about_labels: bool = False
    about_chain: str = ""
    ties: bool = False
    strength: bool = False
    tie_kinds: tuple[str, ...] = ()
    reasons: tuple[str, ...] = tuple(REASONS)

    def asked(self, design: str, letters: str, marked: str = "") -> Asked:
        """marked: the text in which passages are marked."""
        return Asked(
            design=design,
            kind=self.kind,
            low=self.low,
            high=self.high,
            values=tuple(value for value, _ in self.options),
            letters=letters,
            ties=self.ties,
            strength=self.strength,
            tie_kinds=self.tie_kinds,
            reasons=self.reasons,
            shown=marked,
        )


@dataclass(frozen=True)
class Line:
    speaker: str
    """client or therapist."""
    text: str


@dataclass(frozen=True)
class Reply:
    letter: str
    text: str
    """The whole text as raters see it, in which passages are marked; of a dialogue its lines, one
    below the other."""
    lines: tuple[Line, ...] = ()
    """Of a whole dialogue."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Name -> value, where the study shows them."""
    chain: Mapping[str, str] = field(default_factory=dict)
    """Part of the reasoning -> text, where the study shows it."""


@dataclass(frozen=True)
class Shown:
    design: str
    replies: tuple[Reply, ...]
    """In the order shown, lettered from A."""
    situation: str = ""
    history: tuple[Line, ...] = ()
    client: tuple[str, ...] = ()
    """The client's turns that are answered."""

    @property
    def letters(self) -> str:
        return "".join(reply.letter for reply in self.replies)


@dataclass(frozen=True)
class Judgement:
    """Of one time that a judge was asked, for the order in which it was shown."""

    values: Mapping[str, str] = field(default_factory=dict)
    """Question -> answer as written in annotations/answers.py."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Question -> why nothing could be read: missing, never a number. A question that is not
    asked, because an earlier answer says so, or that is optional and was left out, is in neither.
    """
    rationale: str = ""


@dataclass(frozen=True)
class Telling:
    """A judgement with its place among the times that an item was asked, not yet turned back."""

    repetition: int
    order: int
    judgement: Judgement


@dataclass(frozen=True)
class Combined:
    """Of an assignment: what counts as the judge's answer, in the letters of order 0."""

    values: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    inconsistent: tuple[str, ...] = ()
    """Questions on which the two orders did not agree."""


def questions_of(
    criteria: Iterable[CriterionWords],
    design: str,
    *,
    ties: bool = True,
    strength: bool = True,
    overall: bool = True,
) -> tuple[Question, ...]:
    """In the instrument's order; ties, strength and overall are those of the part of the study."""
    pairwise, compared = design == "pairwise", design in COMPARISONS
    asked = [_question(c, ties=ties and compared, strength=strength and pairwise) for c in criteria]
    if overall and compared and OVERALL not in {question.slug for question in asked}:
        asked.append(
            Question(
                OVERALL,
                "Overall",
                ORDER_ASKED if design == "ranking" else OVERALL_QUESTION,
                ties=ties,
                strength=strength and pairwise,
                tie_kinds=TIE_KINDS if ties and pairwise else (),
            )
        )
    return tuple(asked)


def _question(criterion: CriterionWords, *, ties: bool, strength: bool) -> Question:
    ends = {criterion.scale_min: criterion.anchor_low, criterion.scale_max: criterion.anchor_high}
    anchors = ends | {int(score): words for score, words in criterion.anchors.items()}
    return Question(
        slug=criterion.slug,
        name=criterion.name,
        guiding_question=criterion.guiding_question,
        definition=criterion.definition,
        good_example=criterion.good_example,
        poor_example=criterion.poor_example,
        kind=str(criterion.kind),
        low=criterion.scale_min,
        high=criterion.scale_max,
        anchors={score: words for score, words in sorted(anchors.items()) if words},
        options=tuple((option["value"], option["label"]) for option in criterion.options),
        required=criterion.required,
        only_if=criterion.only_if,
        about_labels=criterion.about_labels,
        about_chain=criterion.about_chain,
        ties=ties,
        strength=strength,
    )

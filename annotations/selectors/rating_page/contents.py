"""Everything the rating page is given, and nothing else.

Blinding is structural: these dataclasses hold text and letters. No model, run, response, item or
file is reachable from them, so that no template can show one.
"""

from __future__ import annotations

from dataclasses import dataclass

LINE_SCALE = 21
"""Positions that still fit on a line; a longer scale is answered by typing the number."""
PLACES_IN_A_ROW = 5


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    key: str = ""
    """The key that chooses it."""
    checked: bool = False
    anchor: str = ""
    """What this score means, where more than the ends are anchored."""


@dataclass(frozen=True)
class Place:
    """Of one response in an order."""

    letter: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Passage:
    start: int
    end: int
    text: str
    note: str


@dataclass(frozen=True)
class Reasoned:
    """A part of the reasoning behind one response."""

    letter: str
    name: str
    text: str


@dataclass(frozen=True)
class Question:
    key: str
    name: str
    guiding_question: str
    definition: str
    good_example: str
    poor_example: str
    anchor_low: str
    anchor_high: str
    form: str
    """buttons, line, number, choice, multiple, text, spans, pairwise, best_of_n or ranking."""
    options: tuple[Option, ...]
    reasons: tuple[Option, ...]
    ties: tuple[Option, ...] = ()
    """What kind of tie it is; only for the overall question."""
    places: tuple[Place, ...] = ()
    shares_places: bool = False
    """Whether two responses may stand in one place of an order."""
    letters: str = ""
    low: int = 0
    high: int = 0
    required: bool = True
    is_late: bool = False
    """About labels or reasoning: where labels come after the text, it is asked in that step."""
    about_chain: str = ""
    """The part of the reasoning that it asks about."""
    reasoned: tuple[Reasoned, ...] = ()
    """That part, of each response shown."""
    depends_on: str = ""
    """The question whose answer decides whether this one is asked."""
    depends_on_values: str = ""
    """Separated by blanks."""
    asked: bool = True
    locked: bool = False
    cannot: bool = False
    """Whether "Can't rate" was chosen."""
    nothing: bool = False
    """Whether it was said that no option applies or no passage is to be marked."""
    words: str = ""
    passages: tuple[Passage, ...] = ()
    answer: str = ""
    """As written; empty where there is none."""

    @property
    def is_overall(self) -> bool:
        return not self.definition and self.form in ("pairwise", "best_of_n", "ranking")

    @property
    def is_scale(self) -> bool:
        return self.form in ("buttons", "line", "number")

    @property
    def has_long_labels(self) -> bool:
        labels = [option.label for option in self.options]
        return sum(map(len, labels)) + 4 * len(labels) > 60

    @property
    def is_tall(self) -> bool:
        """More than one row of buttons."""
        if self.form == "ranking":
            return len(self.places) > PLACES_IN_A_ROW
        if self.form == "choice":
            return self.has_long_labels
        return self.form in ("multiple", "text", "spans")

    @property
    def anchored(self) -> tuple[Option, ...]:
        return tuple(option for option in self.options if option.anchor)

    @property
    def ends(self) -> str:
        """What the lowest and the highest score mean."""
        if not self.is_scale:
            return ""
        named = {int(option.value): option.anchor for option in self.anchored}
        low = self.anchor_low or named.get(self.low, "")
        high = self.anchor_high or named.get(self.high, "")
        ends = ((self.low, low), (self.high, high))
        return " … ".join(f"{score} = {meaning}" for score, meaning in ends if meaning)


@dataclass(frozen=True)
class PageClip:
    number: int
    """On this page, from 1."""
    has_picture: bool
    """False where there is only sound."""
    address: str = ""
    """Only in a researcher's preview; a rater's clips are reached through the assignment."""


@dataclass(frozen=True)
class Line:
    speaker: str
    text: str
    clip: PageClip | None = None
    role: str = ""
    """client or therapist, whatever the language of the page."""
    start: int = 0
    """Code points before it in the whole text, where passages are marked in it."""


@dataclass(frozen=True)
class Label:
    name: str
    value: str


@dataclass(frozen=True)
class Candidate:
    letter: str
    text: str
    """The whole text: of a dialogue its lines, one below the other."""
    lines: tuple[Line, ...] = ()
    """Of a dialogue."""
    labels: tuple[Label, ...] = ()
    chain: tuple[Label, ...] = ()
    """How it was reasoned, part by part."""


@dataclass(frozen=True)
class RatingPage:
    assignment: str
    rater: str
    title: str
    number: int
    total: int
    track: str
    """training, gate or work."""
    design: str
    unit: str
    with_strength: bool
    state: str
    saved_at: str
    sequence: int
    """The highest sequence taken so far."""
    active_ms: int
    clip_ms: int
    content_note: str
    situation: str
    before: tuple[Line, ...]
    client: tuple[Line, ...]
    clips: tuple[PageClip, ...]
    candidates: tuple[Candidate, ...]
    questions: tuple[Question, ...]
    step: str
    """Where labels are shown after the text: "text", then "labels"; otherwise empty."""
    comment: str
    flag_kinds: tuple[Option, ...]
    contacts: str
    previous: str
    is_preview: bool = False
    later_reasoned: bool = False
    """Where labels are shown after the text, the reasoning comes with them."""

    @property
    def pairwise(self) -> bool:
        return self.design == "pairwise"

    @property
    def compares(self) -> bool:
        return self.design != "absolute"

    @property
    def is_dialogue(self) -> bool:
        return self.unit == "dialogue"

    @property
    def only_heard(self) -> bool:
        return bool(self.clips) and not any(clip.has_picture for clip in self.clips)

    @property
    def has_labels(self) -> bool:
        return any(candidate.labels for candidate in self.candidates)

    @property
    def marks_passages(self) -> bool:
        return any(question.form == "spans" for question in self.questions)

    @property
    def is_tall(self) -> bool:
        """Then the criteria scroll in their box."""
        rows = sum(1 for question in self.questions if question.asked)
        return rows > 8 or any(q.is_tall or q.reasoned for q in self.questions)

    @property
    def has_columns(self) -> bool:
        """All questions have the same few answers, which stand in columns under shared heads."""
        return bool(self.questions) and all(
            q.form in ("pairwise", "best_of_n") for q in self.questions
        )

    @property
    def anchors(self) -> str:
        """The ends of the scale, where all scales are the same; otherwise each tells its own."""
        ends = {question.ends for question in self.questions if question.is_scale}
        return ends.pop() if len(ends) == 1 else ""

    @property
    def longest_scale(self) -> int:
        return max((len(q.options) for q in self.questions if q.form == "buttons"), default=0)

"""What a rater can answer to one question, as the page writes it and as it is understood.

Written answers know letters, never candidates:

    7                        a score, or the value of the chosen option
    opts:1,3                 any of several options; "opts:" says that none applies
    text:...                 words
    spans:[{"start": 0, "end": 4, "note": ""}]   passages, counted in code points of the text shown
    a2 a1 tie b1 b2          A clearly, A slightly, no difference, B slightly, B clearly
    a tie b                  the same without strength; tie:both_acceptable says what kind of tie
    c                        the best of several
    rank:b>a=c               all of them from the best; "=" where two share a place
    cannot:cannot_tell       the reason why there is no answer
    (nothing)                an answer taken back
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

from django.utils.translation import gettext, gettext_noop

OVERALL = "overall"
OVERALL_QUESTION = gettext_noop(
    "Taken together, which response would you rather see in this conversation?"
)
COMMENT = "comment"
LETTERS = "ABCDEFGH"
MAX_WORDS = 5000
MAX_NOTE = 1000
MAX_SPANS = 100
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,4}")


class UnreadableAnswerError(ValueError):
    pass


@dataclass(frozen=True)
class Written:
    """An answer as it came in; a higher sequence was given later."""

    question: str
    value: str
    sequence: int


@dataclass(frozen=True)
class Score:
    value: int


@dataclass(frozen=True)
class Options:
    """Those that apply, in the order of the question; none of them is an answer, too."""

    values: tuple[int, ...]


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Span:
    start: int
    end: int
    text: str
    note: str = ""


@dataclass(frozen=True)
class Spans:
    """From the beginning of the text to its end; none is an answer, too."""

    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Choice:
    """`letter` is empty for a tie; strength 0 tie, 1 slightly or simply chosen, 2 clearly."""

    letter: str
    strength: int
    tie_kind: str = ""


@dataclass(frozen=True)
class Ranks:
    """Letters from the best to the last; those in one place share it: ("B", "AC")."""

    places: tuple[str, ...]

    def by_letter(self) -> dict[str, int]:
        """Ranks from 1, the best, without gaps after shared ones."""
        return {letter: rank for rank, tied in enumerate(self.places, start=1) for letter in tied}


@dataclass(frozen=True)
class NoAnswer:
    reason: str


Answer: TypeAlias = Score | Options | Words | Spans | Choice | Ranks | NoAnswer


@dataclass(frozen=True)
class Asked:
    """What can be answered to one question. A design other than absolute decides alone; in an
    absolute one the kind does."""

    design: str = "absolute"
    kind: str = "score"
    low: int = 1
    high: int = 10
    values: tuple[int, ...] = ()
    """Of the options."""
    letters: str = ""
    """Of the candidates shown, as "ABC"."""
    ties: bool = False
    strength: bool = False
    tie_kinds: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    shown: str = ""
    """The text in which passages are marked."""

    @property
    def form(self) -> str:
        return self.kind if self.design == "absolute" else self.design


def read_answer(asked: Asked, value: str) -> Answer | None:
    """None: taken back. Anything that is not an answer to this question is refused."""
    if not value:
        return None
    if value.startswith("cannot:"):
        return reason_in(value, asked.reasons)
    return READERS[asked.form](asked, value)


def write_answer(asked: Asked, answer: Answer | None) -> str:
    match answer:
        case None:
            return ""
        case Score(value):
            return str(value)
        case Options(values):
            return "opts:" + ",".join(map(str, values))
        case Words(text):
            return f"text:{text}"
        case Spans(spans):
            marks = [{"start": s.start, "end": s.end, "note": s.note} for s in spans]
            return "spans:" + json.dumps(marks, ensure_ascii=False)
        case Choice(letter, strength, tie_kind):
            return write_choice(letter, strength, tie_kind, with_strength=asked.strength)
        case Ranks(places):
            return "rank:" + ">".join("=".join(tied.lower()) for tied in places)
        case NoAnswer(reason):
            return f"cannot:{reason}"


def write_choice(letter: str, strength: int, tie_kind: str, *, with_strength: bool) -> str:
    if not letter:
        return f"tie:{tie_kind}" if tie_kind else "tie"
    return f"{letter.lower()}{strength}" if with_strength else letter.lower()


def reason_in(value: str, reasons: tuple[str, ...]) -> NoAnswer:
    reason = value.removeprefix("cannot:")
    if reason not in reasons:
        raise UnreadableAnswerError(f"“{reason}” is not one of the reasons")
    return NoAnswer(reason)


def score_in(asked: Asked, value: str) -> Score:
    if not INTEGER.fullmatch(value) or not asked.low <= int(value) <= asked.high:
        raise UnreadableAnswerError(
            gettext("“%(value)s” is not a score from %(low)d to %(high)d")
            % {"value": value, "low": asked.low, "high": asked.high}
        )
    return Score(int(value))


def option_in(asked: Asked, value: str) -> Score:
    if not INTEGER.fullmatch(value) or int(value) not in asked.values:
        raise UnreadableAnswerError(
            gettext("“%(value)s” is not one of the answers to choose from") % {"value": value}
        )
    return Score(int(value))


def options_in(asked: Asked, value: str) -> Options:
    written = after_prefix(value, "opts:")
    given = written.split(",") if written else []
    chosen = [option_in(asked, one).value for one in given]
    if len(set(chosen)) < len(chosen):
        raise UnreadableAnswerError(gettext("one answer is given twice"))
    return Options(tuple(option for option in asked.values if option in chosen))


def words_in(_: Asked, value: str) -> Words | None:
    """None where nothing but white space is left."""
    text = clean(after_prefix(value, "text:"))
    if len(text) > MAX_WORDS:
        raise UnreadableAnswerError(
            gettext("the text is longer than %(most)d characters; shorten it") % {"most": MAX_WORDS}
        )
    return Words(text) if text.strip() else None


def spans_in(asked: Asked, value: str) -> Spans:
    try:
        marks = json.loads(after_prefix(value, "spans:"))
        if not isinstance(marks, list):
            raise TypeError("a list was expected")
        spans = sorted((span_in(asked.shown, mark) for mark in marks), key=place_of)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableAnswerError(
            gettext("the marked passages do not lie in the text shown")
        ) from error
    if len(spans) > MAX_SPANS:
        raise UnreadableAnswerError(
            gettext("more than %(most)d passages are marked; remove some") % {"most": MAX_SPANS}
        )
    if any(place_of(one) == place_of(other) for one, other in pairwise(spans)):
        raise UnreadableAnswerError(gettext("one passage is marked twice"))
    return Spans(tuple(spans))


def place_of(span: Span) -> tuple[int, int]:
    return span.start, span.end


def span_in(shown: str, mark: Any) -> Span:
    start, end, note = mark["start"], mark["end"], mark.get("note", "")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(shown):
        raise ValueError("not in the text")
    if not isinstance(note, str):
        raise TypeError("a note is a text")
    return Span(start, end, shown[start:end], clean(note)[:MAX_NOTE])


def choice_in(asked: Asked, value: str) -> Choice:
    """Between two."""
    if tie := tie_in(asked, value):
        return tie
    options = ("a2", "a1", "b1", "b2") if asked.strength else ("a", "b")
    if value not in options:
        raise UnreadableAnswerError(f"“{value}” is not a choice of this question")
    return Choice(value[0].upper(), int(value[1:] or 1))


def best_in(asked: Asked, value: str) -> Choice:
    if tie := tie_in(asked, value):
        return tie
    if value not in tuple(asked.letters.lower()):
        raise UnreadableAnswerError(f"“{value}” is not one of the responses shown")
    return Choice(value.upper(), 1)


def tie_in(asked: Asked, value: str) -> Choice | None:
    head, colon, kind = value.partition(":")
    if head == "tie" and asked.ties and (kind in asked.tie_kinds or not colon):
        return Choice("", 0, kind)
    return None


def ranks_in(asked: Asked, value: str) -> Ranks:
    places = [place.split("=") for place in after_prefix(value, "rank:").split(">")]
    named = sorted(letter for place in places for letter in place)
    if named != sorted(asked.letters.lower()):
        raise UnreadableAnswerError(gettext("each response needs one place in the order"))
    if not asked.ties and any(len(place) > 1 for place in places):
        raise UnreadableAnswerError(gettext("two responses share a place; give each its own"))
    return Ranks(tuple("".join(sorted(place)).upper() for place in places))


def after_prefix(value: str, prefix: str) -> str:
    if not value.startswith(prefix):
        raise UnreadableAnswerError(f"“{value[:40]}” is not an answer to this kind of question")
    return value.removeprefix(prefix)


def clean(text: str) -> str:
    """As PostgreSQL takes it, without NUL and halves of surrogate pairs; one kind of line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode(errors="replace").decode()


READERS: dict[str, Callable[[Asked, str], Answer | None]] = {
    "score": score_in,
    "choice": option_in,
    "multiple": options_in,
    "text": words_in,
    "spans": spans_in,
    "pairwise": choice_in,
    "best_of_n": best_in,
    "ranking": ranks_in,
}


def said(answer: Answer | None) -> Iterator[int | str]:
    """What conditions are compared with: scores, values of options, and the letter chosen."""
    match answer:
        case Score(value):
            yield value
        case Options(values):
            yield from values
        case Choice(letter):
            yield letter.lower() or "tie"

"""The text a MultiMood model reads and the four lines it is to write (arXiv 2511.10011).

Places of media are written as `<video>`, `<audio>`, `<history>`; `<MEM>` closes each utterance of
the history that goes to the compressor. The wording is a template's, see `prompt_file`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from inference.contracts import ReplyFields, Speaker, StimulusInput, TurnText
from inference.labels import EMOTIONS

VIDEO, AUDIO, HISTORY, MEMORY = "<video>", "<audio>", "<history>", "<MEM>"
MARKERS = (VIDEO, AUDIO, HISTORY, MEMORY)
# While a prompt is put together its markers are noncharacters of Unicode, which nobody's text
# keeps: so pieces of text that only together read like a marker are not one.
_INNER = {marker: chr(0xFDD0 + i) for i, marker in enumerate(MARKERS)}
_TO_OUTER = {ord(inner): marker for marker, inner in _INNER.items()}
_DROPPED = dict.fromkeys(_TO_OUTER)
INNER_MARKERS = frozenset(_INNER.values())


@dataclass(frozen=True)
class Pattern:
    """Literal text, each piece followed by a field's name or None."""

    parts: tuple[tuple[str, str | None], ...]

    @property
    def fields(self) -> list[str]:
        return [field for _, field in self.parts if field is not None]

    def fill(self, values: Mapping[str, str]) -> str:
        return "".join(
            literal + ("" if field is None else values[field]) for literal, field in self.parts
        )


@dataclass(frozen=True)
class PromptTemplate:
    """Made by `prompt_file.parse_template`, which explains what each part may hold."""

    text: str
    """The file as it was read."""
    name: str
    version: int
    system: str
    format: str
    user_lines: tuple[Pattern, ...]
    situation: Pattern
    turn: Pattern
    clip: Pattern
    masked: str
    speakers: Mapping[Speaker, str]
    answer: tuple[tuple[str, str], ...]
    """(field of ReplyFields, name of its line), in the order in which a model writes them."""
    emotion_lines: tuple[Pattern, ...]
    emotion_format: Pattern
    empty: Mapping[str, str]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def names(self) -> dict[str, str]:
        return dict(self.answer)

    @property
    def scaffold(self) -> tuple[tuple[str, str], ...]:
        """(field of ReplyFields, what an answer holds between the value before and this one's)."""
        return tuple(
            (field, ("\n" if i else "") + f"{name}: ")
            for i, (field, name) in enumerate(self.answer)
        )

    def user(
        self,
        stimulus: StimulusInput,
        clips: Sequence[str],
        *,
        memory: bool,
        reserved: Iterable[str] = MARKERS,
    ) -> str:
        """`clips` are the markers of the clips; `memory` says that the history is compressed;
        `reserved` is what nobody's words may hold."""
        values = {
            "history": "\n".join(map(self._turn, stimulus.history)),
            "situation": "",
            "clips": self._clips(clips),
            "client_turns": "\n".join(map(self._turn, stimulus.client_turns)),
            "format": self.format,
        }
        if stimulus.history and memory:
            values["history"] = _INNER[HISTORY]
        if stimulus.situation:
            values["situation"] = self.situation.fill({"text": said(stimulus.situation)})
        return self._rendered(self.user_lines, values, reserved)

    def emotion_user(
        self,
        clips: Sequence[str],
        emotions: Sequence[str] = EMOTIONS,
        reserved: Iterable[str] = MARKERS,
    ) -> str:
        """For the task `emotion`: the clips alone. The answer is the first line's value."""
        fields = {"emotions": said(", ".join(emotions)), **self.names}
        values = {
            "clips": self._clips(clips),
            "masked": self.masked,
            "format": self.emotion_format.fill(fields),
        }
        return self._rendered(self.emotion_lines, values, reserved)

    def history(self, history: Sequence[TurnText], reserved: Iterable[str] = MARKERS) -> str:
        """What the compressor reads, `<MEM>` after each utterance."""
        text = "".join(f"{self._turn(turn)} {_INNER[MEMORY]} " for turn in history)
        return neutral(text, reserved).translate(_TO_OUTER)

    def reply_lines(self, reply: ReplyFields) -> str:
        """The four lines; a field that is None leaves its line out."""
        values = ((name, getattr(reply, field)) for field, name in self.answer)
        return "\n".join(f"{name}: {value}" for name, value in values if value is not None)

    def emotion_line(self, emotion: str) -> str:
        """The first line of an answer alone."""
        return f"{self.answer[0][1]}: {emotion}\n"

    def without_words(self, stimulus: StimulusInput) -> StimulusInput:
        """The same stimulus with the client's words masked: what is left is the clip."""
        masked = tuple(replace(turn, text=self.masked) for turn in stimulus.client_turns)
        return replace(stimulus, situation="", history=(), client_turns=masked)

    def _turn(self, turn: TurnText) -> str:
        return self.turn.fill({"speaker": self.speakers[turn.speaker], "text": said(turn.text)})

    def _clips(self, markers: Sequence[str]) -> str:
        return "\n".join(self.clip.fill({"clip": _INNER[marker]}) for marker in markers)

    def _rendered(
        self, lines: Sequence[Pattern], values: Mapping[str, str], reserved: Iterable[str]
    ) -> str:
        shown = {field: text or self.empty.get(field, "") for field, text in values.items()}
        text = "\n".join(_kept_lines(lines, shown))
        return neutral(text, reserved).translate(_TO_OUTER)


def _kept_lines(lines: Sequence[Pattern], values: Mapping[str, str]) -> Iterator[str]:
    """Without the lines that have fields, all of them empty."""
    for line in lines:
        if not line.fields or any(values[field] for field in line.fields):
            yield line.fill(values)


def said(text: str) -> str:
    return text.translate(_DROPPED)


def neutral(text: str, reserved: Iterable[str] = MARKERS) -> str:
    """What somebody said must not be able to place media or to end a turn."""
    for token in reserved:
        if token in text:
            text = text.replace(token, _harmless(token))
    return text


def _harmless(token: str) -> str:
    words = f"({token.strip('<|>[]')})"
    return words if token not in words else f"{token[0]} {token[1:]}"


def with_texts(stimulus: StimulusInput, change: Callable[[str], str]) -> StimulusInput:
    """The same stimulus with every text changed."""
    return replace(
        stimulus,
        situation=change(stimulus.situation),
        history=tuple(replace(turn, text=change(turn.text)) for turn in stimulus.history),
        client_turns=tuple(replace(turn, text=change(turn.text)) for turn in stimulus.client_turns),
    )

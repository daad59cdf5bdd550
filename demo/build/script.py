"""The written dialogues: one text file a session, read into the project's corpus format.

A session file opens with `session:`, `split:` and `face:` (woman or man; young, adult or older;
perhaps the number of another look), then come its dialogues: `dialogue:`, `problem:`, `situation:`
and one turn a line, `client [emotion] words` or `therapist [emotion, strategy] words`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from demo.build.people import Person, cast
from inference.labels import EMOTIONS, STRATEGIES

SCRIPTS = Path(__file__).parent / "scripts"
_FIELD = re.compile(r"(session|split|face|dialogue|problem|situation): (.+)")
_TURN = re.compile(r"(client|therapist) \[([a-z]+)(?:, ([a-z -]+))?\] (.+)")


class ScriptError(ValueError):
    """A line of a script that cannot be read."""


@dataclass(frozen=True)
class Line:
    speaker: Literal["client", "therapist"]
    text: str
    emotion: str
    strategy: str | None


@dataclass(frozen=True)
class Script:
    session: str
    split: str
    face: str
    name: str
    problem: str
    situation: str
    lines: tuple[Line, ...]

    @property
    def id(self) -> str:
        return f"{self.session}{self.name}"

    def client(self) -> Person:
        """The face and voice of the session's client, the same in all its dialogues."""
        kind, age, *look = self.face.split(", ")
        seed = " ".join(["corpus", self.session, *look])
        return cast(seed, feminine=kind == "woman", age=age)

    def clip_name(self, turn: int) -> str:
        return f"{self.id}-t{turn:02d}.mp4"


def read_scripts(folder: Path = SCRIPTS) -> list[Script]:
    return [script for path in sorted(folder.glob("s*.txt")) for script in _read(path)]


def _read(path: Path) -> Iterator[Script]:
    head, *dialogues = path.read_text(encoding="utf-8").split("\n\n")
    session = _fields(head.splitlines(), path)
    for block in dialogues:
        rows = block.splitlines()
        about = _fields(rows[:3], path)
        yield Script(
            session=session["session"],
            split=session["split"],
            face=session["face"],
            name=about["dialogue"],
            problem=about["problem"],
            situation=about["situation"],
            lines=tuple(_line(row, path) for row in rows[3:]),
        )


def _fields(rows: list[str], path: Path) -> dict[str, str]:
    found = {}
    for row in rows:
        match = _FIELD.fullmatch(row)
        if match is None:
            raise ScriptError(f"{path.name}: not a heading: {row!r}")
        found[match[1]] = match[2]
    return found


def _line(row: str, path: Path) -> Line:
    match = _TURN.fullmatch(row)
    if match is None:
        raise ScriptError(f"{path.name}: not a turn: {row!r}")
    emotion, strategy = match[2], match[3]
    if emotion not in EMOTIONS:
        raise ScriptError(f"{path.name}: unknown emotion {emotion!r}: {row!r}")
    if match[1] == "therapist":
        if strategy not in STRATEGIES:
            raise ScriptError(f"{path.name}: unknown strategy {strategy!r}: {row!r}")
        return Line("therapist", match[4], emotion, strategy)
    if strategy is not None:
        raise ScriptError(f"{path.name}: a client turn has no strategy: {row!r}")
    return Line("client", match[4], emotion, None)

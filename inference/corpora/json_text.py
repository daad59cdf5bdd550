"""JSON read one object at a time, with the line of every fault and no way to exhaust memory."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from inference.corpora.errors import CorpusError, Place
from inference.corpora.files import (
    CHUNK_BYTES,
    MAX_RECORD_BYTES,
    not_utf8,
    open_corpus_file,
    text_lines,
    too_long,
    without_nul,
)
from inference.corpora.records import Json

MAX_DEPTH = 32
DIALOGUE = "dialogue"
_OUTSIDE_STRING = re.compile(r'["\[\]{}]')
_INSIDE_STRING = re.compile(r'["\\]')
_UNSTORABLE = re.compile("[\\0\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\r\n]*")


def json_lines(path: Path, what: str = DIALOGUE) -> Iterator[tuple[Place, dict[str, Json]]]:
    """One object a line; blank lines are passed over. `what` an object is, for refusals."""
    for line in text_lines(path):
        if not line.text.strip():
            continue
        place = Place(path, line.number)
        if line.number == 1 and line.text.lstrip().startswith("["):
            raise place.error(
                None,
                "the file is one JSON array, not JSON Lines",
                f"Write one {what} a line, without the surrounding brackets and commas",
            )
        yield place, parse_object(line.text, place, what)


def json_array(path: Path, what: str = DIALOGUE) -> Iterator[tuple[Place, dict[str, Json]]]:
    """The objects of one array; the place of each is the line on which it starts."""
    with _Window(path, what) as window:
        if window.next_mark() != "[":
            raise window.place().error(
                None,
                f"a JSON array of {what}s was expected",
                "Check that this is the file as it was exported; it must start with [",
            )
        window.skip(1)
        number = 0
        if window.next_mark() == "]":
            raise window.place().error(None, f"the array holds no {what}", "Export it again")
        while True:
            number += 1
            place = window.place(f"{what} {number}")
            if window.next_mark() != "{":
                raise place.error(None, "an object { was expected here", "Repair the JSON")
            yield place, parse_object(window.take_object(place), place, what)
            mark = window.next_mark()
            window.skip(1)
            if mark == "]":
                break
            if mark != ",":
                raise window.place().error(
                    f"after {what} {number}",
                    "a comma or the closing ] was expected" if mark else "the file ends too early",
                    "Repair the JSON, or download the file again",
                )
            window.next_mark()
        if window.next_mark():
            raise window.place().error(
                None, "there is text after the end of the array", "Remove it"
            )


def json_objects(path: Path, what: str = DIALOGUE) -> Iterator[tuple[Place, dict[str, Json]]]:
    """Of a file that is one array, or one object a line."""
    with open_corpus_file(path) as file:
        start = b""
        while not start and (chunk := file.read(CHUNK_BYTES)):
            start = chunk.lstrip()
    return json_array(path, what) if start[:1] == b"[" else json_lines(path, what)


def parse_object(text: str, place: Place, what: str = DIALOGUE) -> dict[str, Json]:
    if depth(text) > MAX_DEPTH:
        _refuse_depth(place)
    try:
        value = json.loads(
            text, object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        line = None if place.line is None else place.line + error.lineno - 1
        raise Place(place.file, line, place.part).error(
            f"column {error.colno}", f"the JSON is broken: {error.msg}", "Repair the JSON"
        ) from error
    except ValueError as error:
        raise place.error(None, str(error), "Repair the JSON") from error
    if not isinstance(value, dict):
        raise place.error(
            None, "a JSON object {...} was expected", f"Write one {what} as one object"
        )
    _refuse_unstorable(text, value, place)
    return value


def depth(text: str) -> int:
    deepest = level = position = 0
    inside = False
    while match := (_INSIDE_STRING if inside else _OUTSIDE_STRING).search(text, position):
        mark, position = match.group(), match.end()
        if mark == '"':
            inside = not inside
        elif mark == "\\":
            position += 1
        else:
            level += 1 if mark in "[{" else -1
            deepest = max(deepest, level)
    return deepest


def _unique_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _refuse_unstorable(text: str, value: dict[str, Json], place: Place) -> None:
    """Escapes can spell characters that no database text can hold."""
    if "\\u" in text and unstorable(value):
        raise place.error(
            None,
            "an escape such as \\u0000 or half of a surrogate pair stands for no character",
            "Remove the escape or write the character itself",
        )


def unstorable(value: Json) -> bool:
    """Whether a text within it has a NUL or half of a surrogate pair."""
    return any(_UNSTORABLE.search(part) for part in _strings(value))


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _strings(entry)
    elif isinstance(value, dict):
        yield from value
        for entry in value.values():
            yield from _strings(entry)


def _refuse_depth(place: Place) -> NoReturn:
    raise place.error(
        None,
        f"the JSON is nested deeper than {MAX_DEPTH} levels",
        "Check that it is the file as it was exported",
    )


class _Window:
    """A moving view of a text file: only the object being read is held in memory."""

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._file = open_corpus_file(path)
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._text = ""
        self._at = 0
        self._line = 1

    def __enter__(self) -> _Window:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def place(self, part: str = "") -> Place:
        return Place(self._path, self._line, part)

    def next_mark(self) -> str:
        """The next character that is not white space, not yet taken; empty at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self.skip(found.end() - self._at if found else 0)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def skip(self, count: int) -> None:
        end = self._at + count
        self._line += self._text.count("\n", self._at, end)
        self._at = min(end, len(self._text))

    def take_object(self, place: Place) -> str:
        self._text, self._at = self._text[self._at :], 0
        position = level = 0
        inside = False
        while True:
            match = (_INSIDE_STRING if inside else _OUTSIDE_STRING).search(self._text, position)
            if match is None:
                position = self._fill_within_bound(place)
                continue
            mark, position = match.group(), match.end()
            if mark == '"':
                inside = not inside
            elif mark == "\\":
                if position == len(self._text):
                    self._fill_within_bound(place)
                position += 1
            else:
                level += 1 if mark in "[{" else -1
                if level > MAX_DEPTH:
                    _refuse_depth(place)
                if level == 0:
                    taken = self._text[:position]
                    self.skip(position)
                    return taken

    def _fill_within_bound(self, place: Place) -> int:
        """Reads on and returns where the new text starts; an object without end is refused."""
        end = len(self._text)
        if end > MAX_RECORD_BYTES:
            fault = self._precise_fault(place)
            # A fault on the last line may only be the cut made here.
            cut = self._line + self._text.count("\n")
            raise fault if fault and fault.line != cut else too_long(place, self._what)
        if not self._fill():
            raise self._precise_fault(place) or place.error(
                None, f"the file ends in the middle of the {self._what}", "Download the file again"
            )
        return end

    def _precise_fault(self, place: Place) -> CorpusError | None:
        """An unclosed quotation mark is noticed only at the end; the parser knows its line."""
        try:
            parse_object(self._text, place)
        except CorpusError as error:
            return error
        return None

    def _fill(self) -> bool:
        data = self._file.read(CHUNK_BYTES)
        self._text, self._at = self._text[self._at :], 0
        line = self._line + self._text.count("\n")
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            line += error.object.count(b"\n", 0, error.start)
            raise not_utf8(error, Place(self._path, line)) from error
        self._text += without_nul(text, Place(self._path, line))
        return bool(data)

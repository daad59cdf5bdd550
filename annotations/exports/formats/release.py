"""A release folder, read line by line."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from annotations.exports.formats.options import ExportOptions, ExportRefusedError, Row
from annotations.exports.formats.quick import (
    PairFacts,
    ResponseFacts,
    pair_facts,
    response_facts,
    stimulus_facts,
)
from inference.preference_files import (
    MANIFEST_FILE,
    PAIRS_FILE,
    RESPONSES_FILE,
    STIMULI_FILE,
    fields_shown,
)

Turn = tuple[str, str]
"""A client turn by group and key: two corpora may use one key."""
HIDDEN = "hidden"
T = TypeVar("T")


class ReleaseFolder:
    """Nothing of it is kept in memory but where its lines begin.

    Whether the files are those that were released is the caller's to check before
    (`inference.preference_files.verify_release`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = self._manifest()

    def _manifest(self) -> dict[str, Any]:
        path = self.folder / MANIFEST_FILE
        if not path.is_file() or not (self.folder / PAIRS_FILE).is_file():
            raise ExportRefusedError(
                f"{self.folder} holds no release: {MANIFEST_FILE} or {PAIRS_FILE} is missing."
            )
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return manifest

    @property
    def title(self) -> str:
        study = self.manifest.get("study") or {}
        return str(study.get("name") or self.manifest.get("title") or "preferences")

    @property
    def sha256(self) -> str:
        """Of the pairs: what a release is cited by."""
        files: dict[str, str] = self.manifest.get("files", {})
        return files.get(PAIRS_FILE, "")

    @property
    def fields_shown(self) -> str:
        return fields_shown(self.manifest) or HIDDEN

    def media_right(self, corpus: str, options: ExportOptions) -> str:
        if corpus in options.media_rights:
            return options.media_rights[corpus]
        for entry in self.manifest.get("corpora", []):
            if entry.get("name") == corpus:
                return str(entry.get("media_rights") or "")
        return ""

    def splits(self) -> list[str]:
        found = {pair.split for _, _, pair in self.facts(PAIRS_FILE, pair_facts)}
        return sorted(found - {""})

    def path(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise ExportRefusedError(
                f"The release has no {name}, which this format is made from: an earlier version "
                "of this software made it. Make a new release of the study."
            )
        return path

    def lines(self, name: str) -> Iterator[tuple[int, bytes]]:
        """Where each line begins, in bytes, and the line."""
        offset = 0
        with self.path(name).open("rb") as file:
            for line in file:
                yield offset, line
                offset += len(line)

    def rows(self, name: str) -> Iterator[tuple[int, Row]]:
        for number, (offset, line) in enumerate(self.lines(name), start=1):
            yield offset, self.parsed(name, line, f"line {number}")

    def facts(self, name: str, read: Callable[[bytes], T]) -> Iterator[tuple[int, bytes, T]]:
        """Where each line begins, the line, and what `read` finds in it."""
        for number, (offset, line) in enumerate(self.lines(name), start=1):
            try:
                found = read(line)
            except (ValueError, KeyError, TypeError) as error:
                self.parsed(name, line, f"line {number}")
                raise ExportRefusedError(
                    f"{self.folder / name}, line {number}: not as a release has it ({error!r})."
                ) from error
            yield offset, line, found

    def parsed(self, name: str, line: bytes, place: str = "a line") -> Row:
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ExportRefusedError(
                f"{self.folder / name}, {place}: not JSON ({error}). Release again."
            ) from error
        if not isinstance(row, dict):
            raise ExportRefusedError(f"{self.folder / name}, {place}: not a JSON object.")
        return row

    def lines_at(self, name: str) -> Callable[[int], bytes]:
        """Reads single lines by where they begin."""
        path = self.path(name)

        def line(offset: int) -> bytes:
            with path.open("rb") as file:
                file.seek(offset)
                return file.readline()

        return line

    def rows_at(self, name: str) -> Callable[[int], Row]:
        line_at = self.lines_at(name)
        return lambda offset: self.parsed(name, line_at(offset), f"byte {offset}")

    def stimuli(self) -> Stimuli:
        return Stimuli(self)

    def barred(self) -> Barred:
        ids: set[str] = set()
        words: dict[Turn, set[str]] = {}
        if not (self.folder / RESPONSES_FILE).is_file():
            return Barred(ids, words)
        for _, line, response in self.facts(RESPONSES_FILE, response_facts):
            if response.barred:
                ids.add(response.response)
                text = json.loads(line)["reply"]["text"]
                words.setdefault(response.turn, set()).add(text)
        return Barred(ids, words)


@dataclass(frozen=True)
class Barred:
    """Responses that are never preferred, and what they say to which client turn: whoever says
    it, it is not preferred."""

    ids: Set[str]
    words: Mapping[Turn, Set[str]]

    def preferred_in(self, pair: PairFacts, line: bytes) -> bool:
        if pair.chosen in self.ids:
            return True
        words = self.words.get(pair.turn, ())
        return bool(words) and json.loads(line)["chosen"]["text"] in words

    def holds(self, response: ResponseFacts, line: bytes) -> bool:
        if response.response in self.ids:
            return True
        words = self.words.get(response.turn, ())
        return bool(words) and json.loads(line)["reply"]["text"] in words


class Stimuli:
    """Stimuli of responses; kept in memory is where each begins, and which have clips."""

    def __init__(self, release: ReleaseFolder) -> None:
        self._offsets: dict[Turn, int] = {}
        self._with_clips: set[Turn] = set()
        for offset, _, stimulus in release.facts(STIMULI_FILE, stimulus_facts):
            self._offsets[stimulus.turn] = offset
            if stimulus.clips:
                self._with_clips.add(stimulus.turn)
        self._row_at = release.rows_at(STIMULI_FILE)

    def of(self, turn: Turn) -> Row:
        if turn not in self._offsets:
            raise ExportRefusedError(
                f"{STIMULI_FILE}: has no stimulus {turn[1]!r}, which a reply in {RESPONSES_FILE} "
                "answers. Make a new release of the study."
            )
        return self._row_at(self._offsets[turn])

    def have_clips(self, turn: Turn) -> bool:
        return turn in self._with_clips


def by_turn(index: dict[Turn, array[int]], turn: Turn, offset: int) -> None:
    """Eight bytes a row, under the client turn that it belongs to."""
    index.setdefault(turn, array("Q")).append(offset)

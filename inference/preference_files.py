"""The files of a release of preferences: one JSON object a line, read and written here only.

Standard library only: a trainer reads releases without Django. docs/datasets.md describes every
file and field. Releases of the first format hold pairs alone, without splits; both are read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast, get_args

from inference.contracts import PreferencePair, ReplyFields, Speaker, StimulusInput, TurnText

FORMAT = "moodeval-preferences/2"
PAIRS_FILE = "pairs.jsonl"
COMPARISONS_FILE = "comparisons.jsonl"
RESPONSES_FILE = "responses.jsonl"
STIMULI_FILE = "stimuli.jsonl"
ANSWERS_FILE = "answers.jsonl"
CODEBOOK_FILE = "codebook.csv"
CARD_FILE = "README.md"
MANIFEST_FILE = "manifest.json"
RELEASE_FILES = (
    *(PAIRS_FILE, COMPARISONS_FILE, RESPONSES_FILE, STIMULI_FILE, ANSWERS_FILE),
    *(CODEBOOK_FILE, CARD_FILE, MANIFEST_FILE),
)
LINE_LIMIT_BYTES = 4_000_000
SPEAKERS = get_args(Speaker)


class PreferenceFileError(ValueError):
    """A file that is not a release; the message names file, line and field."""


@dataclass(frozen=True)
class ReleasedStimulus:
    stimulus: StimulusInput
    split: str
    """Empty where the dataset has no splits."""
    clip_sha256: Mapping[str, str]
    """By the clip's path below the media root."""


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_text(value: object) -> str:
    """The one spelling of a value: sorted keys, no spaces, no escapes beyond JSON's own."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes the rows as they come, in the order they come, and returns how many there were."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json_text(row) + "\n")
            count += 1
    return count


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """One row at a time, in the order of the file."""
    for _, row in _rows(path):
        yield row


def write_pairs(path: Path, pairs: Iterable[PreferencePair], clip_sha256: Mapping[str, str]) -> int:
    """Writes rows ordered by pair_id and returns how many.

    Clip paths of the pairs are relative to the media root; `clip_sha256` maps them to hashes.
    """
    ordered = sorted(pairs, key=lambda pair: pair.pair_id)
    return write_rows(path, (pair_row(pair, clip_sha256) for pair in ordered))


def pair_row(pair: PreferencePair, clip_sha256: Mapping[str, str]) -> dict[str, object]:
    return {
        "pair_id": pair.pair_id,
        "stimulus": stimulus_row(pair.stimulus, clip_sha256),
        "chosen": reply_row(pair.chosen),
        "rejected": reply_row(pair.rejected),
        "source": pair.source,
        "strength": pair.strength,
        "meta": dict(pair.meta),
        "split": pair.split,
        "group": pair.group,
        "weight": pair.weight,
    }


def stimulus_row(stimulus: StimulusInput, clip_sha256: Mapping[str, str]) -> dict[str, object]:
    """What was answered, as pairs and stimuli hold it."""
    return {
        "key": stimulus.key,
        "situation": stimulus.situation,
        "history": [turn_row(turn) for turn in stimulus.history],
        "client_turns": [turn_row(turn) for turn in stimulus.client_turns],
        "clips": [
            {"path": path.as_posix(), "sha256": clip_sha256[path.as_posix()]}
            for path in stimulus.clip_paths
        ],
    }


def read_pairs(path: Path, media_root: Path | None = None) -> Iterator[PreferencePair]:
    """With `media_root`, clip paths come out below it; without, relative as stored."""
    seen: set[str] = set()
    for number, row in _rows(path):
        record = _Record(path, number, row)
        pair = _pair(record, media_root)
        if pair.pair_id in seen:
            record.fail("pair_id", f"{pair.pair_id!r} stands on an earlier line too")
        seen.add(pair.pair_id)
        yield pair


def read_stimuli(path: Path, media_root: Path | None = None) -> Iterator[ReleasedStimulus]:
    """What a release was rated on. Clip paths as `read_pairs` gives them."""
    for number, row in _rows(path):
        record = _Record(path, number, row)
        hashes = {clip.text("path"): clip.text("sha256") for clip in record.records("clips")}
        yield ReleasedStimulus(_stimulus(record, media_root), record.text("split"), hashes)


def clip_hashes(path: Path) -> dict[str, str]:
    """Clip path relative to the media root -> sha256, over all rows."""
    hashes: dict[str, str] = {}
    for number, row in _rows(path):
        for clip in _Record(path, number, row).record("stimulus").records("clips"):
            hashes[clip.text("path")] = clip.text("sha256")
    return hashes


def fields_shown(manifest: Mapping[str, Any]) -> str:
    """When raters saw a reply's labels: hidden, after or beside; empty where it is not known. The
    first format says it among the facts of the study."""
    study = manifest.get("study") or {}
    return str(manifest.get("fields_shown") or study.get("response_fields") or "")


def verify_release(folder: Path) -> dict[str, Any]:
    """The manifest of a release folder, once every file in it has the hash the manifest states."""
    manifest_path = folder / MANIFEST_FILE
    if not manifest_path.is_file():
        raise PreferenceFileError(f"{folder} is not a released dataset: it has no {MANIFEST_FILE}.")
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        files = cast(dict[str, str], manifest["files"])
        listed = files[PAIRS_FILE]
    except (ValueError, KeyError, TypeError) as error:
        raise PreferenceFileError(
            f"{manifest_path} does not list {PAIRS_FILE}: {error!r}"
        ) from error
    if not listed:
        raise PreferenceFileError(f"{manifest_path} gives no hash for {PAIRS_FILE}.")
    for name, expected in files.items():
        _verify_file(folder, name, expected)
    return cast(dict[str, Any], manifest)


def _verify_file(folder: Path, name: str, expected: str) -> None:
    path = folder / name
    if path.parent != folder:
        raise PreferenceFileError(f"{folder / MANIFEST_FILE} names a file elsewhere: {name}")
    if not path.is_file():
        raise PreferenceFileError(f"{path} is missing; the manifest lists it.")
    found = sha256_file(path)
    if found != expected:
        raise PreferenceFileError(
            f"{path} was changed after its release: its sha256 is {found}, "
            f"the manifest says {expected}."
        )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not path.is_file():
        raise PreferenceFileError(f"{path} does not exist.")
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE_LIMIT_BYTES + 1):
            number += 1
            yield number, _row(path, number, line)


def _row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    if len(line) > LINE_LIMIT_BYTES:
        raise PreferenceFileError(
            f"{path}, line {number}: longer than {LINE_LIMIT_BYTES} bytes, so no row of a release."
        )
    try:
        row = json.loads(line.decode("utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise PreferenceFileError(f"{path}, line {number}: not JSON in UTF-8 ({error}).") from error
    if not isinstance(row, dict):
        raise PreferenceFileError(f"{path}, line {number}: not a JSON object.")
    return row


class _Record:
    """Fields of one object, checked as they are read; knows where it stands in the file."""

    def __init__(self, path: Path, line: int, values: dict[str, Any], prefix: str = "") -> None:
        self.path, self.line, self.values, self.prefix = path, line, values, prefix

    def fail(self, name: str, problem: str) -> NoReturn:
        raise PreferenceFileError(
            f"{self.path}, line {self.line}, field {self.prefix}{name}: {problem}."
        )

    def get(self, name: str) -> Any:
        if name not in self.values:
            self.fail(name, "missing")
        return self.values[name]

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str):
            self.fail(name, f"expected text, found {json.dumps(value)[:80]}")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self.get(name) is None else self.text(name)

    def number(self, name: str) -> float:
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(name, f"expected a number, found {json.dumps(value)[:80]}")
        return float(value)

    def record(self, name: str) -> _Record:
        value = self.get(name)
        if not isinstance(value, dict):
            self.fail(name, "expected an object")
        return _Record(self.path, self.line, value, f"{self.prefix}{name}.")

    def records(self, name: str) -> list[_Record]:
        values = self.get(name)
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            self.fail(name, "expected a list of objects")
        return [
            _Record(self.path, self.line, value, f"{self.prefix}{name}[{index}].")
            for index, value in enumerate(values)
        ]


def _pair(record: _Record, media_root: Path | None) -> PreferencePair:
    meta = record.record("meta")
    chosen, rejected = _reply(record.record("chosen")), _reply(record.record("rejected"))
    if chosen == rejected:
        record.fail("rejected", "the same reply as chosen: there is nothing to prefer")
    return PreferencePair(
        pair_id=record.text("pair_id"),
        stimulus=_stimulus(record.record("stimulus"), media_root),
        chosen=chosen,
        rejected=rejected,
        source=record.text("source"),
        strength=record.number("strength"),
        meta={name: meta.text(name) for name in meta.values},
        **_of_second_format(record),
    )


def _of_second_format(record: _Record) -> dict[str, Any]:
    """Rows of the first format lack them."""
    readers = {"split": record.text, "group": record.text, "weight": record.number}
    return {name: read(name) for name, read in readers.items() if name in record.values}


def _stimulus(record: _Record, media_root: Path | None) -> StimulusInput:
    return StimulusInput(
        key=record.text("key"),
        situation=record.text("situation"),
        history=tuple(_turn(turn) for turn in record.records("history")),
        client_turns=tuple(_turn(turn) for turn in record.records("client_turns")),
        clip_paths=tuple(_clip_path(clip, media_root) for clip in record.records("clips")),
    )


def _clip_path(clip: _Record, media_root: Path | None) -> Path:
    path = Path(clip.text("path"))
    if path.is_absolute() or ".." in path.parts:
        clip.fail("path", "must lead below the media root")
    return path if media_root is None else media_root / path


def _turn(record: _Record) -> TurnText:
    speaker = record.text("speaker")
    if speaker not in SPEAKERS:
        record.fail("speaker", f"{speaker!r} is neither of {', '.join(SPEAKERS)}")
    return TurnText(speaker=cast(Speaker, speaker), text=record.text("text"))


def _reply(record: _Record) -> ReplyFields:
    return ReplyFields(
        client_emotion=record.optional_text("client_emotion"),
        therapist_emotion=record.optional_text("therapist_emotion"),
        strategy=record.optional_text("strategy"),
        text=record.text("text"),
    )


def turn_row(turn: TurnText) -> dict[str, str]:
    return {"speaker": turn.speaker, "text": turn.text}


def reply_row(reply: ReplyFields) -> dict[str, str | None]:
    return {
        "client_emotion": reply.client_emotion,
        "therapist_emotion": reply.therapist_emotion,
        "strategy": reply.strategy,
        "text": reply.text,
    }

"""Responses that models gave elsewhere: CSV or JSON Lines, a row or an object for each response.

docs/importing_responses.md describes the columns. What a run's own download holds beside them is
passed over, so that such a file can be imported again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inference.corpora.csv_text import CsvFile
from inference.corpora.errors import Place
from inference.corpora.fields import collapsed, object_of, optional_text, text_of
from inference.corpora.files import CHUNK_BYTES, open_corpus_file
from inference.corpora.json_text import json_lines
from inference.corpora.records import Json
from inference.labels import CHAIN, EMOTIONS, STRATEGIES
from inference.recognition.tables import unmarked

RESPONSE = "response"
KEY, DIALOGUE, SAMPLE, ERROR = "stimulus_key", "dialogue", "sample", "error"
TURNS = ("turn", "first_turn")
"""The second is what a run's download calls it."""
LABELS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "client_emotion": (EMOTIONS, 60),
    "therapist_emotion": (EMOTIONS, 60),
    "strategy": (STRATEGIES, 80),
}
"""Known labels, and how long others may be."""
COLUMNS = ("model", KEY, DIALOGUE, *TURNS, SAMPLE, *LABELS, "text", "raw", *CHAIN, "chain", ERROR)
PASSED_OVER = (
    *("response", "run", "corpus", "split", "last_turn", "seconds", "prompt_tokens"),
    *("new_tokens", "created_at", "label_probabilities"),
)
PASSED_OVER_PREFIX = "p_"
LONGEST_NAME = 120
LONGEST_TEXT = 20_000
LONGEST_RAW = 200_000
MOST_SAMPLES = 64
WHERE = (
    "Name the client turn by stimulus_key (DIALOGUE:POSITION), or by dialogue and turn (counted "
    "from 1)"
)


@dataclass(frozen=True)
class ResponseRecord:
    model: str
    dialogue: str
    """As the corpus names it."""
    position: int
    """Of a client turn that is answered, from 0."""
    sample: int
    text: str
    client_emotion: str = ""
    therapist_emotion: str = ""
    strategy: str = ""
    raw: str = ""
    chain: Mapping[str, str] = field(default_factory=dict)
    failed: bool = False
    """The row says that there is no response, and why."""
    blank: bool = False
    """The row has neither words nor a reason."""
    place: Place = field(default_factory=lambda: Place(Path()), compare=False)


def read_responses(path: Path) -> Iterator[ResponseRecord]:
    rows = json_lines(path, RESPONSE) if _is_json(path) else _csv_rows(path)
    for place, values in rows:
        yield _record(values, place)


def _is_json(path: Path) -> bool:
    with open_corpus_file(path) as file:
        return file.read(CHUNK_BYTES).lstrip()[:1] in (b"{", b"[")


def _csv_rows(path: Path) -> Iterator[tuple[Place, Mapping[str, Json]]]:
    file = CsvFile(path, ["model", "text"])
    _refuse_unknown(file.header, Place(path, 1))
    for row in file.rows():
        yield row.place, {name: unmarked(value) for name, value in row.values.items()}


def _record(values: Mapping[str, Json], place: Place) -> ResponseRecord:
    _refuse_unknown(values, place)
    dialogue, position = _where(values, place)
    failed = optional_text(values, ERROR, place) is not None
    said = values.get("text")
    blank = not failed and isinstance(said, str) and not said.strip()
    return ResponseRecord(
        model=collapsed(text_of(values, "model", place, longest=LONGEST_NAME)),
        dialogue=dialogue,
        position=position,
        sample=_sample(values, place),
        text="" if failed or blank else text_of(values, "text", place, longest=LONGEST_TEXT),
        **{name: _label(values, name, place) for name in LABELS},
        raw=optional_text(values, "raw", place, longest=LONGEST_RAW) or "",
        chain=_chain(values, place),
        failed=failed,
        blank=blank,
        place=place,
    )


def _refuse_unknown(names: Iterable[str], place: Place) -> None:
    for name in names:
        known = name in COLUMNS or name in PASSED_OVER or name.startswith(PASSED_OVER_PREFIX)
        if not known:
            raise place.error(
                name,
                "this column is not known here",
                f"Known columns: {', '.join(COLUMNS)}. Rename it, or take it out",
            )


def _where(values: Mapping[str, Json], place: Place) -> tuple[str, int]:
    key = optional_text(values, KEY, place)
    if key is not None:
        dialogue, _, position = key.rpartition(":")
        if not dialogue or not position.isdecimal():
            raise place.error(KEY, f"{key!r} does not read DIALOGUE:POSITION", WHERE)
        return dialogue, int(position)
    if values.get(DIALOGUE) in (None, ""):
        raise place.error(DIALOGUE, "nothing says which client turn is answered", WHERE)
    name = next((name for name in TURNS if values.get(name) not in (None, "")), None)
    if name is None:
        raise place.error(TURNS[0], "nothing says which turn is answered", WHERE)
    named = values[DIALOGUE]
    if isinstance(named, int) and not isinstance(named, bool):
        values = {**values, DIALOGUE: str(named)}
    return text_of(values, DIALOGUE, place), _whole(values, name, place, 1, 10**6) - 1


def _sample(values: Mapping[str, Json], place: Place) -> int:
    if values.get(SAMPLE) in (None, ""):
        return 0
    return _whole(values, SAMPLE, place, 0, MOST_SAMPLES - 1)


def _whole(values: Mapping[str, Json], name: str, place: Place, least: int, most: int) -> int:
    value = values[name]
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or not least <= int(text) <= most:
        raise place.error(
            name,
            f"a whole number from {least} to {most} was expected, not {text[:40]!r}",
            "Write digits only",
        )
    return int(text)


def _label(values: Mapping[str, Json], name: str, place: Place) -> str:
    """A known label in its own spelling; any other as it was written."""
    known, longest = LABELS[name]
    value = collapsed(optional_text(values, name, place, longest=longest) or "")
    return next((label for label in known if label.casefold() == value.casefold()), value)


def _chain(values: Mapping[str, Json], place: Place) -> dict[str, str]:
    """From columns of their own or, in JSON, from an object `chain`."""
    given = object_of(values, "chain", place) if values.get("chain") != "" else {}
    for name in given:
        if name not in CHAIN:
            raise place.error(
                f"chain.{name}", "this part is not known here", f"Known parts: {', '.join(CHAIN)}"
            )
    found = {
        name: optional_text(values, name, place, longest=LONGEST_TEXT)
        or optional_text(given, name, place, longest=LONGEST_TEXT)
        for name in CHAIN
    }
    return {name: text for name, text in found.items() if text}

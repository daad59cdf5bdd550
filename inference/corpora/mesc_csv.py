"""MESC.csv: one utterance a row, the dialogues one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from inference.corpora.csv_text import CsvFile, Row
from inference.corpora.errors import Place
from inference.corpora.fields import MAX_TURNS, Once, label_of
from inference.corpora.files import Line
from inference.corpora.records import Json, Speaker, TurnRecord
from inference.labels import EMOTIONS, STRATEGIES

COLUMNS = (
    "Utterance",
    "Speaker",
    "Emotion",
    "Strategy",
    "Dialogue_ID",
    "Utterance_ID",
    "Season",
    "Episode",
    "StartTime",
    "EndTime",
)
NO_STRATEGY = "undefined"
_SPEAKERS: dict[str, Speaker] = {"Client": "client", "Therapist": "therapist"}
_TAG = re.compile(r"</?[biu]>", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)[,.](\d{3})")


@dataclass(frozen=True)
class CsvDialogue:
    place: Place
    start: Line
    external_id: str
    session: str
    turns: tuple[TurnRecord, ...]

    @property
    def utterances(self) -> list[str]:
        """As written in the file, tags included: what a split file repeats."""
        return [str(turn.extra.get("text_original", turn.text)).strip() for turn in self.turns]


def open_csv(path: Path) -> CsvFile:
    return CsvFile(path, COLUMNS)


def csv_dialogues(file: CsvFile, since: Line | None = None) -> Iterator[CsvDialogue]:
    once = Once("Dialogue_ID")
    block: list[Row] = []
    for row in file.rows(since):
        if block and row.values["Dialogue_ID"] != block[0].values["Dialogue_ID"]:
            yield _dialogue(block, once)
            block = []
        block.append(row)
        if len(block) > MAX_TURNS:
            raise row.place.error("Dialogue_ID", f"more than {MAX_TURNS} turns", "Divide it")
    if block:
        yield _dialogue(block, once)
    elif since is None:
        raise Place(file.path).error(None, "the file has a header and no rows", "Download it again")


def _dialogue(block: list[Row], once: Once) -> CsvDialogue:
    first = block[0]
    external_id = str(_number(first, "Dialogue_ID"))
    once.check(external_id, first.place)
    session = _session(first)
    turns: list[TurnRecord] = []
    for row in block:
        if _session(row) != session:
            raise row.place.error(
                "Episode",
                f"dialogue {external_id} runs over two sessions, {session} and {_session(row)}",
                "Give each session's part its own Dialogue_ID",
            )
        turns.append(_turn(row, turns[-1] if turns else None))
    return CsvDialogue(first.place, first.start, external_id, session, tuple(turns))


def _session(row: Row) -> str:
    return f"S{_number(row, 'Season'):02d}E{_number(row, 'Episode'):02d}"


def _turn(row: Row, before: TurnRecord | None) -> TurnRecord:
    written = row.values["Utterance"]
    text = _TAG.sub("", written).strip()
    if not text:
        raise row.place.error("Utterance", "the utterance is blank", "Write it, or remove the row")
    number = _number(row, "Utterance_ID")
    if before is not None and number <= int(before.external_id):
        raise row.place.error(
            "Utterance_ID",
            f"{number} does not come after {before.external_id}",
            "Number the utterances of a dialogue upwards, each once",
        )
    speaker = _speaker(row)
    turn = TurnRecord(
        index=0 if before is None else before.index + 1,
        external_id=str(number),
        speaker=speaker,
        text=text,
        emotion=label_of(row.values["Emotion"], EMOTIONS, "Emotion", row.place),
        emotion_original=row.values["Emotion"],
        strategy=_strategy(row, speaker),
        strategy_original=None if speaker == "client" else row.values["Strategy"],
        start_ms=_milliseconds(row, "StartTime"),
        end_ms=_milliseconds(row, "EndTime"),
    )
    if turn.end_ms is not None and turn.start_ms is not None and turn.end_ms < turn.start_ms:
        raise row.place.error("EndTime", "it lies before StartTime", "Correct one of the two")
    return replace(turn, extra=_notes(turn, written, before))


def _notes(turn: TurnRecord, written: str, before: TurnRecord | None) -> dict[str, Json]:
    notes: dict[str, Json] = {}
    if written != turn.text:
        notes["text_original"] = written
    if before is None or turn.start_ms is None or before.start_ms is None or before.end_ms is None:
        return notes
    # The subtitles the corpus was cut from are not clean: such times stay, with a warning.
    if turn.start_ms < before.start_ms:
        notes["timing"] = "runs backwards"
    elif turn.start_ms < before.end_ms:
        notes["timing"] = "overlaps the turn before"
    return notes


def _speaker(row: Row) -> Speaker:
    name = label_of(row.values["Speaker"], tuple(_SPEAKERS), "Speaker", row.place)
    return _SPEAKERS[name]


def _strategy(row: Row, speaker: Speaker) -> str | None:
    written = row.values["Strategy"]
    if speaker == "therapist":
        return label_of(written, STRATEGIES, "Strategy", row.place)
    label_of(written, (NO_STRATEGY,), "Strategy", row.place)
    return None


def _number(row: Row, column: str) -> int:
    value = row.values[column].strip()
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise row.place.error(column, f"{value[:60]!r} is not a whole number", "Write 0, 1, 2, ...")
    return int(value)


def _milliseconds(row: Row, column: str) -> int:
    found = _TIME.fullmatch(row.values[column].strip())
    if not found:
        raise row.place.error(
            column,
            f"{row.values[column][:60]!r} is not a time",
            "Write hours:minutes:seconds,milliseconds, as in 00:00:54,097",
        )
    hours, minutes, seconds, rest = (int(part) for part in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest

"""The long table of answers as our own export writes it, beside the files it refers to.

Answers name responses by id: what they say stands in responses.jsonl, what was answered in
stimuli.jsonl, and how far scales reach in codebook.csv, where that is there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from annotations.derivation.evidence import Choice, Score
from annotations.derivation.rules import RaterKind
from annotations.imports.answers import Prompt, ReadOptions
from annotations.imports.cells import json_cell
from annotations.imports.collecting import About, Collector
from annotations.imports.rows import (
    Row,
    number_of,
    optional_text,
    rows_of,
    shown,
    text_field,
    truth_of,
)
from annotations.imports.scales import Scales, read_scales
from inference.contracts import ReplyFields, TurnText
from inference.corpora.errors import Place
from inference.preference_files import CODEBOOK_FILE, RESPONSES_FILE, STIMULI_FILE

TABLES = ("answers", "long")
"""Names of the table, before the ending."""
NEEDED = {"rater", "question", "response", "score", "preferred", "display_order"}
NO_ANSWER = "rows without an answer"
OTHER_ROLES = "answers that were not given independently (adjudication, practice, repeats)"
UNKNOWN = "answers on responses that are not among the files (their raters may not allow training)"
IN_WORDS = "answers in words, options and passages"
COMMENTS = "comments"
NO_ORDER = "answers that have no order, such as yes, no and unsure"


@dataclass
class _Known:
    """Responses by their id in the files -> (stimulus, response) of the collector."""

    responses: dict[str, tuple[int, int]] = field(default_factory=dict)
    scales: Scales = field(default_factory=Scales)


def tables_of(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if path.stem in TABLES]


def read(paths: Sequence[Path], collector: Collector, options: ReadOptions) -> None:
    tables = tables_of(paths) or [path for path in paths if path.suffix == ".csv"]
    stimuli, responses = _named(paths, STIMULI_FILE), _named(paths, RESPONSES_FILE)
    known = _known(stimuli, responses, collector)
    codebook = next((path for path in paths if path.name == CODEBOOK_FILE), None)
    known.scales = read_scales(codebook)
    for table in tables:
        if table == codebook:
            continue
        for place, row in rows_of(table):
            _answer(row, place, known, collector, options)


def _named(paths: Sequence[Path], name: str) -> Path:
    found = next((path for path in paths if path.name == name), None)
    if found is None:
        raise Place(paths[0]).error(
            None,
            f"the table names responses by id, and {name}, which says what they are, is missing",
            f"Hand in {STIMULI_FILE} and {RESPONSES_FILE} of the same release as well",
        )
    return found


def _known(stimuli: Path, responses: Path, collector: Collector) -> _Known:
    known, numbers = _Known(), {}
    for place, row in rows_of(stimuli):
        numbers[text_field(row, "key", place)] = collector.stimulus(
            _prompt(row, place), _about(row)
        )
    for place, row in rows_of(responses):
        key = text_field(row, "stimulus", place)
        if key not in numbers:
            raise place.error(
                "stimulus", f"{shown(key)} is not in {STIMULI_FILE}", "Hand in files of one release"
            )
        number = collector.response(
            numbers[key],
            _reply(row, place),
            model=optional_text(row, "model"),
            barred=bool(row.get("barred_by")),
            truncated=bool(truth_of(row, "truncated", place)),
        )
        known.responses[str(row.get("response_id"))] = (numbers[key], number)
    return known


def _about(row: Row) -> About:
    names = ("key", "group", "split", "session", "corpus")
    return About(**{name: optional_text(row, name) for name in names})


def _prompt(row: Row, place: Place) -> Prompt:
    history, turns = (_turns(row, name, place) for name in ("history", "client_turns"))
    if not any(turn.speaker == "client" for turn in (*history, *turns)):
        raise place.error("client_turns", "the client says nothing in it", "Release again")
    return Prompt(optional_text(row, "situation"), history, turns)


def _turns(row: Row, name: str, place: Place) -> tuple[TurnText, ...]:
    turns = row.get(name)
    if not isinstance(turns, list):
        raise place.error(name, f"a list of turns was expected, not {shown(turns)}", "Write [...]")
    found = []
    for number, turn in enumerate(turns):
        speaker = turn.get("speaker") if isinstance(turn, dict) else None
        if speaker not in ("client", "therapist") or not isinstance(turn.get("text"), str):
            raise place.error(
                f"{name}[{number}]",
                f"a turn was expected, not {shown(turn)}",
                "Write {speaker: client or therapist, text}",
            )
        found.append(TurnText(speaker, turn["text"]))
    return tuple(found)


def _reply(row: Row, place: Place) -> ReplyFields:
    reply = row.get("reply")
    if not isinstance(reply, dict):
        raise place.error("reply", f"a reply was expected, not {shown(reply)}", "Write {text, ...}")
    return ReplyFields(
        client_emotion=optional_text(reply, "client_emotion") or None,
        therapist_emotion=optional_text(reply, "therapist_emotion") or None,
        strategy=optional_text(reply, "strategy") or None,
        text=text_field(reply, "text", place),
    )


def _answer(
    row: Row, place: Place, known: _Known, collector: Collector, options: ReadOptions
) -> None:
    for name in ("rater", "question"):
        if not optional_text(row, name):
            raise place.error(name, "it is missing", "Export the table again")
    if not _counts(row, collector):
        return
    kind: RaterKind = "llm" if optional_text(row, "rater_kind") == "llm" else "person"
    rater = collector.rater(optional_text(row, "rater"), kind)
    said = _Said(row, place, rater, optional_text(row, "question"), _seconds(row, place))
    if optional_text(row, "response"):
        _score(said, known, collector, options)
    else:
        _choices(said, known, collector)


def _counts(row: Row, collector: Collector) -> bool:
    collector.leave_out(COMMENTS, bool(optional_text(row, "comment")))
    if optional_text(row, "missing"):
        collector.leave_out(NO_ANSWER)
        return False
    if optional_text(row, "role") not in ("", "independent"):
        collector.leave_out(OTHER_ROLES)
        return False
    return True


def _seconds(row: Row, place: Place) -> float | None:
    value = row.get("active_seconds")
    return None if value in (None, "") else number_of(value, "active_seconds", place)


@dataclass(frozen=True)
class _Said:
    row: Row
    place: Place
    rater: str
    question: str
    seconds: float | None


def _score(said: _Said, known: _Known, collector: Collector, options: ReadOptions) -> None:
    found = known.responses.get(optional_text(said.row, "response"))
    if found is None:
        collector.leave_out(UNKNOWN)
        return
    if said.question in known.scales.without_order:
        collector.leave_out(NO_ORDER)
        return
    value = said.row.get("score")
    if value in (None, ""):
        text = said.row.get("content")
        if options.with_words and isinstance(text, str) and text:
            collector.words(found[0], said.rater, said.question, text)
        else:
            collector.leave_out(IN_WORDS)
        return
    number = number_of(value, "score", said.place)
    low, high = known.scales.ends.get(said.question, (math.nan, math.nan))
    if said.question in known.scales.reversed:
        if math.isnan(low):
            raise said.place.error(
                "score",
                f"{said.question} is reverse-scored, and the codebook does not say its scale",
                "Hand in the codebook as it was exported",
            )
        number = low + high - number
    collector.score(Score(*found, said.question, said.rater, number, low, high, said.seconds))


def _choices(said: _Said, known: _Known, collector: Collector) -> None:
    order = [str(one) for one in _list(said, "display_order")]
    if not all(one in known.responses for one in order) or len(order) < 2:
        collector.leave_out(UNKNOWN)
        return
    numbers = {one: known.responses[one][1] for one in order}
    neither = optional_text(said.row, "tie_kind") == "neither_acceptable"
    for first, second in combinations(order, 2):
        collector.shown(numbers[first], numbers[second])
        value = _value(said, first, second)
        if value is not None:
            collector.choose(
                Choice(
                    numbers[first],
                    numbers[second],
                    said.question,
                    said.rater,
                    value,
                    neither,
                    said.seconds,
                )
            )


def _value(said: _Said, first: str, second: str) -> int | None:
    """Below 0 for the first; None where the answer says nothing of the two."""
    ranks = _object(said, "ranks")
    if ranks:
        one, two = (
            number_of(ranks[name], "ranks", said.place) if name in ranks else None
            for name in (first, second)
        )
        return None if one is None or two is None else (one > two) - (one < two)
    preferred = optional_text(said.row, "preferred")
    if not preferred:
        return 0
    if preferred not in (first, second):
        return None
    strength = said.row.get("strength")
    amount = 1 if strength in (None, "") else int(number_of(strength, "strength", said.place))
    amount = min(max(abs(amount), 1), 2)
    return -amount if preferred == first else amount


def _list(said: _Said, name: str) -> list[Any]:
    value = _parsed(said, name)
    return value if isinstance(value, list) else []


def _object(said: _Said, name: str) -> Mapping[str, Any]:
    value = _parsed(said, name)
    return value if isinstance(value, dict) else {}


def _parsed(said: _Said, name: str) -> Any:
    """Parquet and CSV hold lists and objects as JSON."""
    value = said.row.get(name)
    return json_cell(value.strip(), name, said.place) if isinstance(value, str) else value

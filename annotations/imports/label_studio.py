"""Label Studio's exports JSON, JSON_MIN and CSV of projects with comparisons and ratings.

JSON says which part of the page an answer is about (to_name); JSON_MIN and CSV do not, so that a
rating of one of two responses can be told from them only by its control's own name.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotations.derivation.evidence import OVERALL, Choice, Score
from annotations.imports.answers import ReadOptions
from annotations.imports.collecting import Collector
from annotations.imports.label_studio_fields import (
    SIDES,
    Fields,
    Side,
    choice_value,
    fields_of,
    sides_of,
)
from annotations.imports.messages import read_prompt, reply_fields
from annotations.imports.pairs import MOST_NAME, about_of, slug_of
from annotations.imports.rows import Row, is_number, number_of, optional_text, rows_of, shown
from inference.corpora.errors import Place

CANCELLED = "answers that raters cancelled or skipped"
DRAFTS = "drafts"
PREDICTIONS = "predictions of models"
EMPTY_TASKS = "tasks that nobody answered"
IN_WORDS = "answers in words"
OVERALL_NAMES = ("overall", "pref", "preference", "pairwise", "pw", "comparison", "better")
OTHER = "answers of other kinds (choices that compare nothing, marks on the text)"
LEFT_UNKNOWN = (
    "comparisons of which the file does not say which response stood left: the first was taken"
)
BARE = "numbers in the field “{}”, which may be the task's own: name it if raters gave them"
ABOUT_WHICH = "ratings of which the file does not say which response they are about"
NUMBERS = ("rating", "number")
OWN_COLUMNS = frozenset(
    ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement")
)


@dataclass(frozen=True)
class _Task:
    place: Place
    stimulus: int
    responses: tuple[int, ...]
    """As the data's fields name them."""
    fields: Fields


@dataclass(frozen=True)
class _Sitting:
    """Somebody's annotation of a task."""

    task: _Task
    rater: str
    seconds: float | None
    place: Place


@dataclass(frozen=True)
class _Compared:
    sitting: _Sitting
    control: str
    words: tuple[str, ...]
    """Left, right, or what the project's options say."""
    kind: str
    """pairwise, choices, or words where the export does not tell options from words."""
    left: int = 0
    """Of a pairwise control: which response stood left."""


@dataclass
class _Reading:
    collector: Collector
    options: ReadOptions
    once: dict[str, Place] = field(default_factory=dict)
    compared: list[_Compared] = field(default_factory=list)


def read(paths: Sequence[Path], collector: Collector, options: ReadOptions) -> None:
    reading = _Reading(collector, options)
    for path in paths:
        for place, row in rows_of(path):
            if isinstance(row.get("annotations"), list):
                _read_task(row, place, reading)
            elif "annotator" in row or "annotation_id" in row:
                _read_flat(row, place, reading)
            else:
                raise place.error(
                    "annotations",
                    "it is missing, and so are annotator and annotation_id",
                    "Export the project as JSON, JSON_MIN or CSV",
                )
    _decide(reading)


def _read_task(row: Row, place: Place, reading: _Reading) -> None:
    collector = reading.collector
    data = row.get("data")
    if not isinstance(data, dict):
        raise place.error(
            "data", f"the task's data was expected, not {shown(data)}", "Export as JSON"
        )
    _once(f"task {row.get('id')}", "id", place, reading)
    for name, reason in (("drafts", DRAFTS), ("predictions", PREDICTIONS)):
        found = row.get(name)
        collector.leave_out(reason, len(found) if isinstance(found, list) else 0)
    task = _task(data, place, reading)
    given = 0
    for number, annotation in enumerate(row["annotations"]):
        at = Place(place.file, place.line, f"{place.part}, annotation {number + 1}".lstrip(", "))
        if not isinstance(annotation, dict):
            raise at.error(None, "an object was expected", "Export the project again")
        if annotation.get("was_cancelled"):
            collector.leave_out(CANCELLED)
            continue
        results = annotation.get("result")
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            raise at.error("result", "a list of answers was expected", "Export the project again")
        given += bool(results)
        sitting = _sitting(task, annotation, "completed_by", at, collector)
        for result in results:
            value = result.get("value")
            said = value if isinstance(value, dict) else {}
            control, about = (optional_text(result, name) for name in ("from_name", "to_name"))
            _result(_Given(control, about, said), sitting, reading)
    collector.leave_out(EMPTY_TASKS, not given)


def _read_flat(row: Row, place: Place, reading: _Reading) -> None:
    """A row is an annotation, with the task's data beside the answers."""
    _once(f"annotation {row.get('annotation_id')}", "annotation_id", place, reading)
    if str(row.get("was_cancelled", "")).lower() in ("true", "1"):
        reading.collector.leave_out(CANCELLED)
        return
    data = {name: value for name, value in row.items() if name not in OWN_COLUMNS}
    task = _task(data, place, reading)
    sitting = _sitting(task, row, "annotator", place, reading.collector)
    used = {*task.fields.responses, task.fields.context, *task.fields.about}
    for name, value in data.items():
        if name in used or value in (None, "", []):
            continue
        for one in _flat_values(value):
            if isinstance(one, dict):
                _result(_Given(name, "", one), sitting, reading)
            elif is_number(one):
                _bare(name, one, sitting, reading)
            elif isinstance(one, str):
                _result(_Given(name, "", {"words": [one]}), sitting, reading)


def _bare(name: str, value: Any, sitting: _Sitting, reading: _Reading) -> None:
    """A number without the word rating may as well be the task's own, such as its length."""
    if name in reading.options.ratings:
        _rating(_Given(name, "", {}), number_of(value, name, sitting.place), sitting, reading)
    else:
        reading.collector.leave_out(BARE.format(name[:MOST_NAME]))


def _sitting(
    task: _Task, row: Mapping[str, Any], by: str, place: Place, collector: Collector
) -> _Sitting:
    """`by` names who answered: an account's number, its address, or an object with them."""
    who = row.get(by)
    if isinstance(who, dict):
        who = who.get("id", who.get("email"))
    known = optional_text({by: who}, by)
    if not known:
        raise place.error(by, "it does not say who answered", "Export the project again")
    seconds = row.get("lead_time")
    return _Sitting(
        task,
        collector.rater(known),
        None if seconds in (None, "") else number_of(seconds, "lead_time", place),
        place,
    )


@dataclass(frozen=True)
class _Given:
    control: str
    about: str
    """Name of the part of the page, where the file says it."""
    value: Mapping[str, Any]


def _flat_values(value: Any) -> list[Any]:
    """A rating is [{"rating": n}]; an object alone may be the task's own, and so may its number."""
    if isinstance(value, dict):
        numbers = [value[name] for name in NUMBERS if is_number(value.get(name))]
        value = value.get("choices", numbers or value)
    return value if isinstance(value, list) else [value]


def _task(data: Mapping[str, Any], place: Place, reading: _Reading) -> _Task:
    fields = fields_of(data, reading.options, place)
    collector = reading.collector
    prompt = read_prompt(data[fields.context], fields.context, place)
    stimulus = collector.stimulus(prompt, about_of(data))
    replies = tuple(
        collector.response(
            stimulus,
            reply_fields(fields.reply(data, name, place)),
            model=optional_text(data, f"{name}_model", name.replace("response", "model")),
        )
        for name in fields.responses
    )
    return _Task(place, stimulus, replies, fields)


def _result(given: _Given, sitting: _Sitting, reading: _Reading) -> None:
    value = given.value
    number = next((value[n] for n in NUMBERS if value.get(n) is not None), None)
    if number is not None:
        _rating(given, number_of(number, given.control, sitting.place), sitting, reading)
    elif isinstance(value.get("selected"), str):
        left = _left(given, sitting, reading)
        said = (value["selected"],)
        reading.compared.append(_Compared(sitting, given.control, said, "pairwise", left))
    elif found := [kind for kind in ("choices", "words") if isinstance(value.get(kind), list)]:
        words = tuple(str(word) for word in value[found[0]])
        reading.compared.append(_Compared(sitting, given.control, words, found[0]))
    elif value.get("text"):
        texts = value["text"] if isinstance(value["text"], list) else [value["text"]]
        _in_words(given.control, texts, sitting, reading)
    else:
        reading.collector.leave_out(OTHER)


def _left(given: _Given, sitting: _Sitting, reading: _Reading) -> int:
    """A pairwise control names what it compares, the left one first; or the left one alone."""
    if given.value["selected"].strip().lower() not in SIDES:
        return 0  # it names the response itself
    named = given.about.partition(",")[0].strip()
    side, _ = sides_of("", named, sitting.task.fields)
    if side is None:
        reading.collector.note(LEFT_UNKNOWN)
    return side or 0


def _in_words(control: str, texts: Sequence[object], sitting: _Sitting, reading: _Reading) -> None:
    if not reading.options.with_words:
        reading.collector.leave_out(IN_WORDS, len(texts))
        return
    for text in texts:
        reading.collector.words(sitting.task.stimulus, sitting.rater, slug_of(control), str(text))


def _rating(given: _Given, value: float, sitting: _Sitting, reading: _Reading) -> None:
    """Stars begin at 1; how many there are the file does not say."""
    task = sitting.task
    side, criterion = sides_of(given.control, given.about, task.fields)
    if side is None:
        reading.collector.leave_out(ABOUT_WHICH)
        return
    ends = (min(1.0, value), math.nan)
    reading.collector.score(
        Score(
            *(task.stimulus, task.responses[side], criterion, sitting.rater, value, *ends),
            seconds=sitting.seconds,
        )
    )


def _decide(reading: _Reading) -> None:
    """A control compares if everything that was ever said with it names a side or a tie."""
    by_control: dict[str, list[_Compared]] = defaultdict(list)
    for one in reading.compared:
        by_control[one.control].append(one)
    comparing = {
        control: values
        for control, found in by_control.items()
        if (values := _sides(control, found, reading)) is not None
    }
    only = len(comparing) == 1
    for control, sides in comparing.items():
        criterion = OVERALL if only or slug_of(control) in OVERALL_NAMES else slug_of(control)
        for one, side in zip(by_control[control], sides, strict=True):
            _choose(one, side, criterion, reading.collector)


def _sides(control: str, found: list[_Compared], reading: _Reading) -> list[Side] | None:
    sides: list[Side] = []
    for one in found:
        task = one.sitting.task
        side = choice_value(one.words, task.fields)
        if side is not None and len(task.responses) == 2:
            sides.append(side)
        elif one.kind == "pairwise":
            raise one.sitting.place.error(
                control,
                f"{shown(' '.join(one.words))} names no response of two",
                "Expected left or right",
            )
        else:
            _set_aside(control, found, reading)
            return None
    return sides


def _set_aside(control: str, found: list[_Compared], reading: _Reading) -> None:
    """JSON_MIN and CSV write words and single options alike."""
    for one in found:
        if one.kind == "words":
            _in_words(control, one.words, one.sitting, reading)
        else:
            reading.collector.leave_out(OTHER)


def _choose(one: _Compared, side: Side, criterion: str, collector: Collector) -> None:
    sitting = one.sitting
    responses = sitting.task.responses
    left, right = reversed(responses) if one.left else responses
    collector.shown(left, right)
    value = {"left": -1, "right": 1}.get(side, 0)
    neither = side == "neither"
    collector.choose(Choice(left, right, criterion, sitting.rater, value, neither, sitting.seconds))


def _once(name: str, field: str, place: Place, reading: _Reading) -> None:
    first = reading.once.setdefault(name, place)
    if first is not place and not name.endswith(" None"):
        stood = first.part or f"line {first.line}"
        raise place.error(
            field,
            f"{name} stands twice, first in {first.file.name}, {stood}",
            "Remove the repetition, or hand in one export of the project",
        )

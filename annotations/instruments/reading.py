"""From the text of an instrument file to the dataclass; whatever is wrong is said at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from annotations.instruments.checking import LENGTHS, check_instrument
from annotations.instruments.problems import InstrumentFileError, Problem, raise_any
from annotations.instruments.schema import CriterionText, InstrumentText
from annotations.instruments.shapes import check_shape, fitting, is_tables, is_whole

SCALE = ("scale_min", "scale_max")
ANCHORS = ("anchor_low", "anchor_high", "anchors")
FOR_ALL = (*SCALE, *ANCHORS, "widget", "level")
"""Fields that may stand above the criteria, for all those that are scored."""
OF_KIND: Mapping[str, tuple[str, ...]] = {
    "score": (*FOR_ALL, "reverse_scored"),
    "choice": ("options", "level", "reverse_scored"),
    "multiple": ("options",),
    "text": (),
    "spans": (),
}
OF_SOME_KINDS = frozenset(name for names in OF_KIND.values() for name in names)
KIND_IN_WORDS = {
    "score": "a score",
    "choice": "a choice",
    "multiple": "a choice of several",
    "text": "an answer in words",
    "spans": "a marking of passages",
}


def instrument_from_toml(content: str, *, file: str = "") -> InstrumentText:
    """Raises InstrumentFileError with every problem."""
    raw = parse_toml(content, file)
    problems = list(
        check_shape(raw, InstrumentText, apart=("criteria", *FOR_ALL), thing="an instrument")
    )
    rows = raw.get("criteria", [])
    if not is_tables(rows):
        problems.append(Problem("criteria", "begin each criterion with a line [[criteria]]."))
        rows = []
    shared = {name: raw[name] for name in FOR_ALL if name in raw}
    problems += check_shape(shared | COMPLETE, CriterionText, thing="an instrument")
    problems += [
        problem for place, row in enumerate(rows) for problem in _shape(row, place, shared)
    ]
    text = InstrumentText(
        **BLANK | fitting(raw, InstrumentText),
        criteria=tuple(criterion_of(row, shared) for row in rows),
    )
    raise_any(in_file(file, [*problems, *check_instrument(text)]))
    return text


BLANK: dict[str, Any] = {"slug": "", "version": 1, "name": "", "citation": "", "note": ""}
COMPLETE: dict[str, Any] = dict.fromkeys(("slug", "name", "definition", "guiding_question"), "")


def parse_toml(content: str, file: str = "") -> dict[str, Any]:
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        words = f"{error}. Correct it there; texts stand in quotation marks."
        raise InstrumentFileError([Problem("", words, file=file)]) from error


def in_file(file: str, problems: Iterable[Problem]) -> list[Problem]:
    return [replace(problem, file=file) for problem in problems]


def criterion_of(row: Mapping[str, Any], shared: Mapping[str, Any] | None = None) -> CriterionText:
    """From the fields that are given, right or wrong; those that follow from others are filled in.

    shared: of the whole instrument, for a score that says nothing else.
    """
    given = COMPLETE | fitting(row, CriterionText)
    kind = given.get("kind", "score")
    if kind == "score":
        given = inherited(fitting(shared or {}, CriterionText), row) | given
        given = _ends(given)
    else:
        given.setdefault("level", "nominal")
        given |= _range(given.get("options", []))
    return CriterionText(**given)


def inherited(shared: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """A criterion with a scale of its own takes over no words of another one."""
    own_scale = any(name in row for name in SCALE)
    own_words = own_scale or any(name in row for name in ANCHORS)
    left = (ANCHORS if own_words else ()) + (SCALE if own_scale else ())
    return {name: value for name, value in shared.items() if name not in left}


def _ends(given: dict[str, Any]) -> dict[str, Any]:
    """Ends that are anchored point by point need not be named twice."""
    anchors = given.get("anchors", {})
    for field, end in (("anchor_low", "scale_min"), ("anchor_high", "scale_max")):
        words = anchors.get(str(given.get(end)), "")
        if not given.get(field) and len(words) <= LENGTHS[field]:
            given[field] = words
    return given


def _range(options: list[dict[str, Any]]) -> dict[str, int]:
    values = [option["value"] for option in options if is_whole(option.get("value"))]
    if len(set(values)) < 2:
        return {}
    return {"scale_min": min(values), "scale_max": max(values)}


def _shape(row: dict[str, Any], place: int, shared: Mapping[str, Any]) -> Iterator[Problem]:
    called = next((row[name] for name in ("slug", "name") if isinstance(row.get(name), str)), "")
    where = f"criterion “{called.strip()}”" if called.strip() else f"criterion {place + 1}"
    for problem in check_shape(row, CriterionText, thing="a criterion"):
        yield replace(problem, where=where, place=place)
    kind = row.get("kind", "score")
    if kind not in OF_KIND:
        return
    for name in sorted(OF_SOME_KINDS.intersection(row).difference(OF_KIND[kind])):
        words = f"{KIND_IN_WORDS[kind]} has none. Remove it, or change the kind."
        yield Problem(name, words, where, place)
    for name in SCALE if kind == "score" else ():
        if name not in row and (name not in shared or any(other in row for other in SCALE)):
            words = f"is missing. Add {name} = 1 here, or above all criteria."
            yield Problem(name, words, where, place)

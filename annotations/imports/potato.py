"""Potato's output: what a rater's state file says, the items, and the configuration.

The letter chosen in a comparison is that of a place on the page. Which response stood there is
read from the state's own record of the order in which this rater saw it, and never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from annotations.derivation.evidence import OVERALL, Choice, Score
from annotations.imports.answers import ReadOptions
from annotations.imports.collecting import Collector
from annotations.imports.messages import read_prompt, reply_fields
from annotations.imports.pairs import about_of, slug_of
from annotations.imports.rows import (
    Row,
    first_mark,
    is_number,
    number_of,
    optional_text,
    rows_of,
    shown,
    whole_object,
    whole_text,
)
from inference.corpora.errors import CorpusError, Place

LABELS = "instance_id_to_label_to_value"
ORDERS = "instance_id_to_presentation_order"
CONFIGURATION = (".yaml", ".yml")
LETTERS = {"a": 0, "b": 1}
IN_WORDS = "answers in words and reasons"
OTHER_KINDS = "answers to schemes of other kinds than pairwise and likert"
ABOUT_WHICH = "ratings of which the file does not say which of two responses they are about"
UNKNOWN_ITEMS = "answers on items that are not in the item files"
WRONG_TAGS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What YAML's reader raises where a tag does not fit its value, as in `!!timestamp "soon"`."""
RATINGS = ("likert", "slider", "number")
WORDS = ("text", "textbox")


@dataclass(frozen=True)
class _Scheme:
    name: str
    kind: str
    items_key: str
    mode: str
    low: float
    high: float
    reach: float
    """Of a comparison on a scale: its value at either end, without sign."""


@dataclass(frozen=True)
class _Item:
    stimulus: int
    responses: tuple[int, ...]
    """In the order of the item's list."""


@dataclass
class _Project:
    schemes: dict[str, _Scheme]
    id_key: str
    text_key: str
    items: dict[str, _Item] = field(default_factory=dict)


def is_state(path: Path) -> bool:
    """A file with what one rater answered."""
    if path.suffix.lower() != ".json" or first_mark(path) != "{":
        return False
    try:
        return LABELS in whole_object(path)
    except CorpusError:
        return False


def read(paths: Sequence[Path], collector: Collector, options: ReadOptions) -> None:
    states = [path for path in paths if is_state(path)]
    configurations = [path for path in paths if path.suffix.lower() in CONFIGURATION]
    others = [path for path in paths if path not in (*states, *configurations)]
    for what, found in (("state of a rater", states), ("file of items", others)):
        if not found:
            raise Place(paths[0]).error(
                None, f"a {what} is missing", "Hand in user_state.json, items and configuration"
            )
    if len(configurations) != 1:
        raise Place(paths[0]).error(
            None,
            f"one configuration is needed, {len(configurations)} are there",
            "Hand in the project's YAML file beside states and items",
        )
    project = _project(configurations[0])
    for path in others:
        _read_items(path, project, collector, options)
    known: dict[str, Path] = {}
    for path in states:
        _read_state(path, project, known, collector, options)


def _project(path: Path) -> _Project:
    place = Place(path)
    import yaml

    try:
        found = yaml.safe_load(whole_text(path))
    except (yaml.YAMLError, *WRONG_TAGS, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise Place(path, mark.line + 1 if mark else None).error(
            None, "the configuration is no readable YAML", "Hand in the project's own file"
        ) from error
    schemes = found.get("annotation_schemes") if isinstance(found, dict) else None
    if not isinstance(schemes, list) or not schemes:
        raise place.error(
            "annotation_schemes", "it is missing or empty", "Hand in the project's configuration"
        )
    keys = found.get("item_properties")
    keys = keys if isinstance(keys, dict) else {}
    read = [_scheme(one, place, number) for number, one in enumerate(schemes)]
    return _Project(
        schemes={scheme.name: scheme for scheme in read},
        id_key=optional_text(keys, "id_key") or "id",
        text_key=optional_text(keys, "text_key") or "text",
    )


def _scheme(value: Any, place: Place, number: int) -> _Scheme:
    where = f"annotation_schemes[{number}]"
    if not isinstance(value, dict) or not optional_text(value, "name"):
        raise place.error(where, "a scheme with a name was expected", "Correct the configuration")
    scale = value.get("scale")
    scale = scale if isinstance(scale, dict) else {}
    number_in = partial(_number, place=replace(place, part=where))
    size = number_in(value, ("size", "max_value", "max"), math.nan)
    return _Scheme(
        name=optional_text(value, "name"),
        kind=optional_text(value, "annotation_type"),
        items_key=optional_text(value, "items_key"),
        mode=optional_text(value, "mode") or "binary",
        low=number_in(value, ("min_value", "min"), 1),
        high=size,
        reach=max(abs(number_in(scale, (end,), 3)) for end in ("min", "max")),
    )


def _number(
    value: Mapping[str, Any], names: Sequence[str], otherwise: float, place: Place
) -> float:
    found = (number_of(value[name], name, place) for name in names if is_number(value.get(name)))
    return next(found, otherwise)


def _read_items(path: Path, project: _Project, collector: Collector, options: ReadOptions) -> None:
    keys = {scheme.items_key for scheme in project.schemes.values() if scheme.items_key}
    for place, row in rows_of(path):
        name = optional_text(row, project.id_key)
        if not name:
            raise place.error(project.id_key, "the item has no id", "Hand in the project's items")
        if name in project.items:
            raise place.error(
                project.id_key, f"the item {name!r} stands twice", "Remove the repetition"
            )
        context = options.context or project.text_key
        stimulus = collector.stimulus(read_prompt(row.get(context), context, place), about_of(row))
        replies = _replies(row, keys, options, place)
        project.items[name] = _Item(
            stimulus,
            tuple(collector.response(stimulus, reply_fields(reply)) for reply in replies),
        )


def _replies(row: Row, keys: set[str], options: ReadOptions, place: Place) -> list[str]:
    named = [name for name in (options.first, options.second) if name]
    if named:
        found: Any = [row.get(name) for name in named]
    else:
        key = next((key for key in sorted(keys) if key in row), "")
        key = key or next((k for k in ("responses", "response") if k in row), "responses")
        found, named = row.get(key), [key]
        found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not found or not all(isinstance(r, str) for r in found):
        raise place.error(
            ", ".join(named),
            f"a list of responses was expected, not {shown(found)}",
            "Say which fields hold the responses",
        )
    return found


@dataclass(frozen=True)
class _Sitting:
    item: _Item
    rater: str
    orders: Mapping[str, Any]
    place: Place


def _read_state(
    path: Path,
    project: _Project,
    known: dict[str, Path],
    collector: Collector,
    options: ReadOptions,
) -> None:
    state = whole_object(path)
    user = optional_text(state, "user_id")
    if not user:
        raise Place(path).error("user_id", "it is missing", "Hand in the file as Potato wrote it")
    if user in known:
        raise Place(path).error(
            "user_id",
            "another file holds answers of the same rater",
            "Hand in one state of each rater",
        )
    known[user] = path
    labels, orders = (_mapping(state, name, path) for name in (LABELS, ORDERS))
    for name, answers in labels.items():
        place = Place(path, None, f"item {name}")
        item = project.items.get(name)
        if item is None:
            collector.leave_out(UNKNOWN_ITEMS)
            continue
        order = orders.get(name)
        sitting = _Sitting(
            item, collector.rater(user), order if isinstance(order, dict) else {}, place
        )
        for scheme, label, value in _answers(answers, place):
            if scheme not in project.schemes:
                raise place.error(
                    scheme,
                    "the configuration has no scheme of this name",
                    "Hand in the configuration that the answers were given with",
                )
            _answer(project.schemes[scheme], label, value, sitting, collector, options)


def _mapping(state: Row, name: str, path: Path) -> Mapping[str, Any]:
    value = state.get(name, {})
    if not isinstance(value, dict):
        raise Place(path).error(name, f"an object was expected, not {shown(value)}", "Export again")
    return value


def _answers(values: Any, place: Place) -> Iterator[tuple[str, str, Any]]:
    """(scheme, label, value) of every answer to an item."""
    if not isinstance(values, list):
        raise place.error(LABELS, f"a list was expected, not {shown(values)}", "Export again")
    for number, entry in enumerate(values):
        label = entry[0] if isinstance(entry, list) and len(entry) == 2 else None
        if not isinstance(label, dict) or not optional_text(label, "schema"):
            raise place.error(
                f"{LABELS}[{number}]",
                f"[{{schema, name}}, value] was expected, not {shown(entry)}",
                "Hand in the file as Potato wrote it",
            )
        yield optional_text(label, "schema"), optional_text(label, "name"), entry[1]


def _answer(
    scheme: _Scheme,
    label: str,
    value: Any,
    sitting: _Sitting,
    collector: Collector,
    options: ReadOptions,
) -> None:
    if scheme.kind == "pairwise" and label != "justification":
        if value not in (None, ""):
            _compare(scheme, label, value, sitting, collector)
    elif scheme.kind in RATINGS:
        _rate(scheme, label, value, sitting, collector)
    elif scheme.kind in WORDS or label == "justification":
        if options.with_words and isinstance(value, str):
            collector.words(sitting.item.stimulus, sitting.rater, slug_of(scheme.name), value)
        else:
            collector.leave_out(IN_WORDS)
    else:
        collector.leave_out(OTHER_KINDS)


def _compare(
    scheme: _Scheme, label: str, value: Any, sitting: _Sitting, collector: Collector
) -> None:
    left, right = _as_shown(scheme, sitting)
    collector.shown(left, right)
    criterion = slug_of(label) if scheme.mode == "multi_dimension" else OVERALL
    chosen = _chosen(scheme, value, sitting.place)
    collector.choose(Choice(left, right, criterion, sitting.rater, chosen))


def _as_shown(scheme: _Scheme, sitting: _Sitting) -> tuple[int, int]:
    """The responses that stood at A and B."""
    order = sitting.orders.get(scheme.name)
    responses = sitting.item.responses
    if len(responses) != 2:
        raise sitting.place.error(
            scheme.name,
            f"the item has {len(responses)} responses, so there are no two to compare",
            "Hand in the items that were compared",
        )
    if not isinstance(order, list) or sorted(map(str, order)) != ["0", "1"]:
        raise sitting.place.error(
            f"{ORDERS}.{scheme.name}",
            "the order in which this rater saw the two is not recorded, so nobody can tell which "
            "response the letter stands for",
            "Hand in a state with the order, or leave this rater out",
        )
    return responses[int(order[0])], responses[int(order[1])]


def _chosen(scheme: _Scheme, value: Any, place: Place) -> int:
    """Below 0 for A. A scale counts as clear from two thirds of its length."""
    if scheme.mode == "scale":
        number = number_of(value, scheme.name, place)
        amount = 2 if abs(number) * 3 >= 2 * scheme.reach else 1
        return 0 if number == 0 else amount if number > 0 else -amount
    said = str(value).strip().lower()
    if said == "tie":
        return 0
    if said not in LETTERS:
        raise place.error(
            scheme.name, f"{shown(value)} is none of A, B and tie", "Check the state file"
        )
    return -1 if LETTERS[said] == 0 else 1


def _rate(scheme: _Scheme, label: str, value: Any, sitting: _Sitting, collector: Collector) -> None:
    """A rating of an item with two responses is not told to be of one of them."""
    if len(sitting.item.responses) != 1:
        collector.leave_out(ABOUT_WHICH)
        return
    number = number_of(value if is_number(value) else label, scheme.name, sitting.place)
    collector.score(
        Score(
            sitting.item.stimulus,
            sitting.item.responses[0],
            slug_of(scheme.name),
            sitting.rater,
            number,
            scheme.low,
            scheme.high,
        )
    )

"""Values of a record, taken with their checks; every refusal names the place and the remedy."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from inference.corpora.errors import Place
from inference.corpora.records import Json

MAX_TURNS = 5_000


def collapsed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def text_of(
    record: Mapping[str, Json], key: str, place: Place, *, longest: int | None = None
) -> str:
    """A text that must be there, without outer white space."""
    if key not in record:
        raise place.error(key, "it is missing", f"Add the key {key!r}")
    value = record[key]
    if not isinstance(value, str) or not value.strip():
        raise place.error(key, f"a text was expected, not {_shown(value)}", "Write a text")
    if longest is not None and len(value.strip()) > longest:
        raise place.error(key, f"the text is longer than {longest} characters", "Shorten it")
    return value.strip()


def optional_text(
    record: Mapping[str, Json], key: str, place: Place, *, longest: int | None = None
) -> str | None:
    """None where the key is absent, null or blank."""
    value = record.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return text_of(record, key, place, longest=longest)


def object_of(record: Mapping[str, Json], key: str, place: Place) -> dict[str, Json]:
    value = record.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise place.error(key, f"an object was expected, not {_shown(value)}", "Write {...}")
    return value


def needed_object(record: Mapping[str, Json], key: str, place: Place) -> dict[str, Json]:
    if record.get(key) is None:
        raise place.error(key, "it is missing", f"Add the key {key!r} with an object {{...}}")
    return object_of(record, key, place)


def objects_of(record: Mapping[str, Json], key: str, place: Place) -> list[dict[str, Json]]:
    """The turns of a dialogue: at least one, each an object."""
    value = record.get(key)
    if not isinstance(value, list) or not value:
        raise place.error(
            key, f"a list of turns was expected, not {_shown(value)}", "Write the turns as [{...}]"
        )
    if len(value) > MAX_TURNS:
        raise place.error(key, f"more than {MAX_TURNS} turns", "Divide the dialogue")
    turns = [entry for entry in value if isinstance(entry, dict)]
    if len(turns) < len(value):
        wrong = next(n for n, entry in enumerate(value, 1) if not isinstance(entry, dict))
        raise place.turn(wrong).error(None, "an object was expected", "Write the turn as {...}")
    return turns


def label_of(value: str, allowed: Sequence[str], field: str, place: Place) -> str:
    """The canonical spelling of a label, whatever its capitals and white space."""
    key = collapsed(value).casefold()
    for label in allowed:
        if label.casefold() == key:
            return label
    raise place.error(
        field, f"{_shown(value)} is not a known label", f"Use one of: {', '.join(allowed)}"
    )


def refuse_unknown_keys(record: Mapping[str, Json], known: Collection[str], place: Place) -> None:
    for key in record:
        if key not in known:
            raise place.error(
                key,
                "this key is not known here",
                f"Known keys: {', '.join(known)}; put anything else under 'extra'",
            )


class Once:
    """Refuses an id that was met before, with the place where it stood first."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._first: dict[str, Place] = {}

    def check(self, value: str, place: Place) -> None:
        first = self._first.setdefault(value, place)
        if first is not place:
            stood = ", ".join(
                filter(
                    None, [first.file.name, f"line {first.line}" if first.line else "", first.part]
                )
            )
            raise place.error(
                self._field,
                f"{_shown(value)} stands twice, first in {stood}",
                "Give every one its own, or remove the repetition",
            )


class Spelling:
    """One spelling for names that differ only in capitals and white space."""

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._chosen = {name.casefold(): name for name in known}

    def __call__(self, name: str) -> str:
        clean = collapsed(name)
        return self._chosen.setdefault(clean.casefold(), clean)


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...") if value.strip() else "blank"
    if value is None:
        return "nothing"
    return f"a {type(value).__name__}"

"""An instrument as the text of a file that reads back as the same."""

from __future__ import annotations

import json
import re
from typing import Any

from annotations.instruments.reading import OF_KIND, OF_SOME_KINDS
from annotations.instruments.schema import CriterionText, InstrumentText

WHOLE = ("slug", "version", "name", "citation", "note")
USUAL = CriterionText(slug="", name="", definition="", guiding_question="")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def instrument_to_toml(text: InstrumentText) -> str:
    lines = [f"{name} = {_value(getattr(text, name))}" for name in WHOLE]
    for criterion in text.criteria:
        lines += ["", "[[criteria]]", *_criterion(criterion)]
    return "\n".join(lines) + "\n"


def _criterion(criterion: CriterionText) -> list[str]:
    """Without the fields that its kind has not, what is empty, and the usual yes or no."""
    names = [name for name in CriterionText.__annotations__ if _is_said(criterion, name)]
    return [f"{name} = {_value(getattr(criterion, name))}" for name in names]


def _is_said(criterion: CriterionText, name: str) -> bool:
    if name in OF_SOME_KINDS and name not in OF_KIND.get(criterion.kind, ()):
        return False
    value = getattr(criterion, name)
    if isinstance(value, bool):
        return value is not getattr(USUAL, name)
    return value not in ("", {}, [])


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            # JSON's strings are TOML's, but for this one character, which JSON leaves as it is.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case dict():
            pairs = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
            return f"{{ {pairs} }}"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            return str(value)


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else _value(key)

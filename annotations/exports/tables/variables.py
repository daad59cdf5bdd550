"""Columns of tables for R and SPSS: names that both take, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["number", "decimal", "text"]
LONGEST = 64
"""Of a name in SPSS."""
LONGEST_STEM = 48
"""What is put behind a name fits as well."""
RESERVED = {
    *("all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"),
    *("comment", "if", "else", "for", "in", "next", "while", "repeat", "break", "function"),
    *("true", "false", "null", "na", "nan", "inf"),
}
"""In SPSS or in R, in whatever case."""
OTHER = "other"
CODED = (
    *("not_submitted", "lost", "skipped", "no_answer", "not_asked", "not_applicable"),
    *("cannot_tell", "outside_competence", "withheld", OTHER),
)
HIGHEST_CODE = -90


@dataclass(frozen=True)
class Variable:
    name: str
    label: str
    kind: Kind = "text"
    width: int = 120
    """Of a text, in bytes."""
    values: Mapping[str, str] = field(default_factory=dict)
    level: str = ""
    """Of measurement: nominal, ordinal, interval, or not said."""
    reverse_scored: bool = False
    instrument: str = ""
    question: str = ""
    missing: str = ""
    """The variable that says, as a number, why there is no value."""
    is_reason: bool = False
    """It is such a variable itself."""


def named(slugs: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Slug -> a name: letters, digits and underscores, beginning with a letter, at most
    LONGEST_STEM long, and no two alike, whatever their case."""
    kept = RESERVED | {name.lower() for name in taken}
    used = set(kept)
    names: dict[str, str] = {}
    for slug in slugs:
        stem = re.sub(r"\W+", "_", slug, flags=re.ASCII).strip("_") or "question"
        if not stem[0].isalpha() or stem.lower() in kept:
            stem = f"q_{stem}"
        name = stem = stem[:LONGEST_STEM].rstrip("_")
        number = 2
        while name.lower() in used:
            name, number = f"{stem}_{number}", number + 1
        used.add(name.lower())
        names[slug] = name
    return names


def missing_codes(lowest: int) -> dict[str, int]:
    """Reason -> its number, all of them below any value. lowest: value that a scale has."""
    first = min(HIGHEST_CODE, lowest - 1)
    return {reason: first - place for place, reason in enumerate(CODED)}

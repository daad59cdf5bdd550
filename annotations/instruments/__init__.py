"""The instruments and study templates that ship with the project, read from their data files."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class CriterionText:
    slug: str
    name: str
    definition: str
    guiding_question: str
    good_example: str
    poor_example: str


@dataclass(frozen=True)
class InstrumentText:
    slug: str
    version: int
    name: str
    citation: str
    note: str
    scale_min: int
    scale_max: int
    anchor_low: str
    anchor_high: str
    criteria: tuple[CriterionText, ...]


@dataclass(frozen=True)
class PartTemplate:
    design: str
    instrument: str
    tie_allowed: bool = True
    with_strength: bool = True
    with_overall: bool = True


@dataclass(frozen=True)
class StudyTemplate:
    slug: str
    name: str
    description: str
    citation: str
    min_runs: int
    overlap: int
    block_size: int
    response_fields: str
    consent_text: str
    content_note: str
    contacts: str
    parts: tuple[PartTemplate, ...]


def read_instrument(slug: str) -> InstrumentText | None:
    content = _read(FOLDER / f"{slug}.toml")
    if content is None:
        return None
    criteria = tuple(CriterionText(**criterion) for criterion in content.pop("criteria"))
    return InstrumentText(**content, criteria=criteria)


def read_template(slug: str) -> StudyTemplate | None:
    content = _read(FOLDER / "templates" / f"{slug}.toml")
    if content is None:
        return None
    parts = tuple(PartTemplate(**part) for part in content.pop("parts"))
    for text in ("consent_text", "content_note", "contacts"):
        content[text] = content[text].strip()
    return StudyTemplate(**content, parts=parts)


def study_templates() -> list[StudyTemplate]:
    slugs = [path.stem for path in (FOLDER / "templates").glob("*.toml")]
    templates = [template for slug in slugs if (template := read_template(slug))]
    return sorted(templates, key=lambda template: (len(template.parts), template.min_runs))


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return tomllib.load(file)

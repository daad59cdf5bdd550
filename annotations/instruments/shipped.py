"""The data files beside this module: read once, because they change with the program only."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from annotations.instruments.problems import InstrumentFileError, Problem
from annotations.instruments.reading import instrument_from_toml
from annotations.instruments.schema import InstrumentText, StudyTemplate
from annotations.instruments.template_reading import template_from_toml

FOLDER = Path(__file__).resolve().parent
TEXTS = FOLDER / "texts" / "raters.toml"


def read_instrument(slug: str) -> InstrumentText | None:
    return _instruments().get(slug)


def read_template(slug: str) -> StudyTemplate | None:
    return _templates().get(slug)


def shipped_instruments() -> list[InstrumentText]:
    return sorted(_instruments().values(), key=lambda instrument: instrument.name)


def study_templates() -> list[StudyTemplate]:
    """The simplest first."""
    return sorted(
        _templates().values(), key=lambda found: (len(found.parts), found.min_runs, found.slug)
    )


@cache
def _instruments() -> dict[str, InstrumentText]:
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        text = instrument_from_toml(path.read_text(), file=path.name)
        _check_name(path, text.slug)
        found[text.slug] = text
    return found


@cache
def _templates() -> dict[str, StudyTemplate]:
    texts = tomllib.loads(TEXTS.read_text())
    found = {}
    for path in sorted((FOLDER / "templates").glob("*.toml")):
        text = template_from_toml(path.read_text(), texts, read_instrument, file=path.name)
        _check_name(path, text.slug)
        found[text.slug] = text
    return found


def _check_name(path: Path, slug: str) -> None:
    if path.stem != slug:
        words = f"“{slug}” has to be the name of the file, or the file be named {slug}.toml."
        raise InstrumentFileError([Problem("slug", words, file=path.name)])

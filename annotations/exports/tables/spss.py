"""SPSS syntax that reads the tables, with labels and missing values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from annotations.exports.tables.variables import Variable

LABEL_BYTES, VALUE_LABEL_BYTES = 255, 120
FACTORS = ("rater", "model", "question")
"""Texts that procedures want as numbers."""
LEVELS = {"nominal": "NOMINAL", "ordinal": "ORDINAL", "interval": "SCALE"}
ABOUT = """\
* Encoding: UTF-8.
* Reads the tables of this folder into long.sav and the like. In SPSS, name the folder with
  CD 'folder'. first.
SET DECIMAL=DOT.
"""


def spss_syntax(
    tables: Iterable[tuple[str, Sequence[Variable]]], codes: Mapping[str, str]
) -> Iterator[str]:
    """tables: file, and its columns. codes: number of a reason for a missing answer -> label."""
    yield ABOUT
    for file, variables in tables:
        yield from _table(file, variables, codes)


def _table(file: str, variables: Sequence[Variable], codes: Mapping[str, str]) -> Iterator[str]:
    yield f"\n* {file}.\n"
    yield f"GET DATA /TYPE=TXT /FILE='{file}' /ENCODING='UTF8' /ARRANGEMENT=DELIMITED\n"
    yield "  /DELIMITERS=',' /QUALIFIER='\"' /FIRSTCASE=2\n  /VARIABLES=\n"
    yield "".join(f"    {one.name} {_format(one)}\n" for one in variables).rstrip("\n") + ".\n"
    coded = [one for one in variables if one.missing]
    for one in coded:
        yield f"IF (MISSING({one.name}) AND {one.missing} < 0) {one.name} = {one.missing}.\n"
    yield "EXECUTE.\n"
    for one in coded:
        yield f"MISSING VALUES {one.name} ({min(map(int, codes))} THRU {max(map(int, codes))}).\n"
    for one in variables:
        yield f"VARIABLE LABELS {one.name} {quoted(one.label, LABEL_BYTES)}.\n"
        yield from _value_labels(one, codes)
        if one.level:
            yield f"VARIABLE LEVEL {one.name} ({LEVELS[one.level]}).\n"
    names = {one.name for one in variables}
    for name in FACTORS:
        if name in names:
            yield f"AUTORECODE VARIABLES={name} /INTO {name}_number.\n"
    yield f"SAVE OUTFILE='{file.removesuffix('.csv')}.sav'.\n"


def _value_labels(one: Variable, codes: Mapping[str, str]) -> Iterator[str]:
    values = {**one.values, **(codes if one.missing or one.is_reason else {})}
    if one.kind == "text" or not values:
        return
    yield f"VALUE LABELS {one.name}"
    yield "".join(
        f"\n  {value} {quoted(label, VALUE_LABEL_BYTES)}" for value, label in values.items()
    )
    yield ".\n"


def _format(one: Variable) -> str:
    if one.kind == "text":
        return f"A{one.width}"
    return "F12.3" if one.kind == "decimal" else "F8.0"


def quoted(text: str, most: int) -> str:
    """In one line, and at most so many bytes of it."""
    short = " ".join(text.split()).encode()[:most].decode(errors="ignore")
    return "'" + short.replace("'", "''") + "'"

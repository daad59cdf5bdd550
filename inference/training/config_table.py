"""The keys of a training configuration as a table in Markdown, told from config.py itself.

`python -m inference.training.config_table` prints it; docs/training.md holds it.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from itertools import pairwise
from typing import Any

from inference.training import config as module
from inference.training.config import METHODS, READ_BY, RewardTerm, TrainingConfig


def tables() -> str:
    """Of the configuration, and of an entry of `rewards`."""
    return (
        "| key | type | default | methods | |\n|---|---|---|---|---|\n"
        + "".join(f"| {' | '.join(row)} |\n" for row in rows(TrainingConfig, methods=True))
        + "\nAn entry of `rewards`:\n\n| key | type | default | |\n|---|---|---|---|\n"
        + "".join(f"| {' | '.join(row)} |\n" for row in rows(RewardTerm, methods=False))
    )


def rows(kind: type[Any], methods: bool) -> Iterator[list[str]]:
    told = docstrings(kind.__name__)
    for field in fields(kind):
        row = [f"`{field.name}`", type_text(field.type), default_text(field)]
        if methods:
            read_by = field.metadata.get(READ_BY, METHODS)
            row.append("all" if read_by == METHODS else ", ".join(read_by))
        yield [*row, " ".join(told.get(field.name, "").split())]


def docstrings(name: str) -> dict[str, str]:
    """Key -> the text that stands below it in the class."""
    tree = ast.parse(inspect.getsource(module))
    body = next(n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    found = {}
    for above, below in pairwise(body):
        if not (isinstance(above, ast.AnnAssign) and isinstance(above.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[above.target.id] = str(below.value.value)
    return found


def type_text(annotation: Any) -> str:
    """`Path | None` -> path or null; a choice -> its values."""
    name = str(annotation)
    choices = getattr(getattr(module, name, None), "__args__", None)
    if choices:
        return ", ".join(choices)
    plain = {
        "Path": "path",
        "str": "text",
        "int": "number",
        "float": "number",
        "bool": "true, false",
    }
    plain |= {"Path | None": "path or null", "tuple[str, ...]": "list of texts"}
    return plain.get(name, "list of objects")


def default_text(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "needed"
    if field.default is None:
        return "null"
    if field.default in ("", ()):
        return "empty"
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


if __name__ == "__main__":
    sys.stdout.write(tables())

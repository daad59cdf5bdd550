"""The versions a figure was computed with, as a methods section names them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent


@cache
def software_words() -> str:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return (
        f"MoodEval {project['version']} (NumPy {version('numpy')}, SciPy {version('scipy')}; alpha "
        f"checked against krippendorff {version('krippendorff')})"
    )

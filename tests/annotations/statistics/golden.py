"""Published tables with their expected values, where they lie beside the checkout."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

PATH = Path(__file__).resolve().parents[4] / "shared" / "golden" / "agreement.json"
needs_golden = pytest.mark.skipif(not PATH.exists(), reason="the published tables are not here")


@cache
def entries() -> dict[str, dict[str, Any]]:
    """By id. Empty where the file is not there: tests that need it carry `needs_golden`."""
    if not PATH.exists():
        return {}
    return {entry["id"]: entry for entry in json.loads(PATH.read_text())["entries"]}


def raters_by_items(entry_id: str) -> NDArray[np.float64]:
    data = entries()[entry_id]["data"]
    table = np.array(data["ratings"], dtype=float)
    return table.T if data["layout"] == "item x rater" else table


def expected(entry_id: str, name: str) -> tuple[Any, float]:
    """Value and absolute tolerance."""
    found = entries()[entry_id]["expected"][name]
    return found["value"], found["tol"]

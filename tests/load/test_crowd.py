"""Many raters at once, over real HTTP: nothing is lost, doubled or given one answer too many."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent


def crowd(trouble: str, folder: Path, raters: int, items: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.load.world", trouble, str(folder)]
    done = subprocess.run(
        [*command, str(raters), str(items)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def whole(found: dict[str, Any], items: int) -> None:
    assert found["errors"] == []
    assert (found["lost"], found["doubled"], found["misassigned"]) == (0, 0, 0)
    assert found["over_assigned"] == 0
    assert found["exact"], "every item has exactly its three answers"
    assert found["submitted"] == 3 * items


def test_five_hundred_raters_at_once(tmp_path: Path) -> None:
    whole(crowd("calm", tmp_path, 500, 170), 170)


@pytest.mark.parametrize("trouble", ["killed", "crashed"])
def test_a_crowd_survives(tmp_path: Path, trouble: str) -> None:
    """A web server's process killed in the middle of its requests; PostgreSQL recovering after
    one of its own was. The page sends again what got no answer."""
    found = crowd(trouble, tmp_path, 60, 200)
    assert found["killed"] >= 2, "something did happen while they worked"
    whole(found, 200)

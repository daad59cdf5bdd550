from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from inference.models import Dialogue
from tests.factories import make_team, make_user

FIXTURES = Path(settings.BASE_DIR) / "tests" / "fixtures" / "corpora"


def command(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "import_dialogues", *map(str, words)],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_command_imports_reports_and_refuses(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    make_team(owner=make_user())
    csv = FIXTURES / "mesc" / "MESC.csv"
    done = command(child_environment, "--format", "mesc", csv)
    assert (done.returncode, Dialogue.objects.count()) == (0, 3)
    assert "Imported 3 dialogues of 2 new sessions into “MESC”: 19 turns" in done.stdout
    again = command(child_environment, "--format", "mesc", csv, "--json")
    assert again.returncode == 0
    report = json.loads(again.stdout)
    assert (report["changed"], report["counts"]["unchanged_dialogues"]) == (False, 3)
    broken = tmp_path / "MESC.csv"
    broken.write_text(csv.read_text().replace("Open question", "Riddle", 1))
    refused = command(child_environment, "--format", "mesc", broken, "--corpus", "Other")
    assert refused.returncode == 1
    assert "MESC.csv, line 4, Strategy: 'Riddle' is not a known label" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert Dialogue.objects.count() == 3


@pytest.mark.parametrize("words", [[], ["--format", "mesc"], ["--format", "word", "x.doc"]])
def test_wrong_usage_exits_with_2(child_environment: dict[str, str], words: list[str]) -> None:
    assert command(child_environment, *words).returncode == 2

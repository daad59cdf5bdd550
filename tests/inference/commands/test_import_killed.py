"""An import that is killed in the middle, as a real process, and the one that comes after it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage

from inference.models import Clip, Corpus
from inference.services.imports import import_dialogues
from tests.clip_files import write_clip
from tests.factories import make_team, make_user
from tests.processes import PROJECT, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def write_corpus(folder: Path, clips: int) -> Path:
    turns = []
    for number in range(clips):
        name = f"{number}.mkv"
        write_clip(folder / name, video="mpeg4", audio="ac3", seconds=1 + number / 10)
        turns.append({"speaker": "client", "text": "Words.", "clip": name})
    file = folder / "dialogues.jsonl"
    file.write_text(json.dumps({"id": "d", "session": "s", "turns": turns}))
    return file


def stored() -> set[str]:
    root = Path(default_storage.path("clips"))
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def left_in_staging() -> list[Path]:
    folder = settings.VAR / "staging"
    return [path for path in folder.glob("*") if path.name != ".lock"]


def test_the_next_import_removes_what_a_killed_one_left(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    team = make_team(owner=make_user())
    before = stored()
    file = write_corpus(tmp_path, clips=40)
    command = [sys.executable, "manage.py", "import_dialogues", "--team", team.name]
    process = subprocess.Popen(
        [*command, "--format", "jsonl", str(file)], cwd=PROJECT, env=child_environment
    )
    try:
        assert wait_until(lambda: len(stored() - before) > 2, 60)
    finally:
        process.kill()
        process.wait()
    assert not Corpus.objects.exists()
    assert stored() - before, "what is left"
    assert left_in_staging()
    (tmp_path / "small").mkdir()
    small = write_corpus(tmp_path / "small", clips=1)
    import_dialogues(team=team, format="jsonl", paths=[small], corpus_name="Small")
    clip = Clip.objects.get()
    assert {f"clips/{name}" for name in stored() - before} == {
        clip.file.name,
        clip.playback.name,
    }
    assert left_in_staging() == []

"""The whole path with a real model: set files, import, the task emotion, figures.

DFEW is given out by its authors only, so drawn clips of the demo corpus stand in for its clips.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from inference.corpora import dfew
from inference.models import Clip, Response
from mood_eval.models import Team
from tests.dfew_files import all_files, write_dfew
from tests.factories import make_team

DEMO = Path(settings.BASE_DIR) / "demo"
CLIPS_AN_EMOTION = 2


@pytest.fixture
def team(transactional_db: None) -> Team:
    return make_team()


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Held-out demo clips, one of each of six emotions in fold 1 and one in fold 2."""
    chosen: Counter[str] = Counter()
    clips: dict[int, tuple[int, int]] = {}
    videos: dict[int, bytes] = {}
    for line in (DEMO / "corpus" / "dialogues.jsonl").open():
        dialogue = json.loads(line)
        for turn in dialogue["turns"]:
            emotion = turn["emotion"]
            if dialogue["split"] == "train" or "clip" not in turn or emotion not in dfew.EMOTIONS:
                continue
            if chosen[emotion] < CLIPS_AN_EMOTION:
                chosen[emotion] += 1
                number = len(clips) + 1
                clips[number] = (1 + dfew.EMOTIONS.index(emotion), chosen[emotion])
                videos[number] = (DEMO / "corpus" / turn["clip"]).read_bytes()
    assert len(clips) == 12
    return write_dfew(tmp_path / "DFEW", clips, videos)


def report(*arguments: str) -> Any:
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def test_dfews_files_become_figures_by_fold(team: Team, labels: Path, tmp_path: Path) -> None:
    taken = report("import_dialogues", "--format", "dfew", *map(str, all_files(labels)))
    assert (taken["corpus"], taken["counts"]["clips"], taken["counts"]["stimuli"]) == (
        "DFEW",
        12,
        12,
    )
    assert "non-commercial research" in taken["licence"]
    report("register_model", "tiny", "--path", str(DEMO / "models" / "multimood-tiny"))
    runs = [
        report(
            *("generate", "--model", "tiny", "--corpus", "DFEW", "--wait", *split),
            *("--task", "emotion", "--emotions", *dfew.EMOTIONS),
        )["run"]
        for split in (["--split", "fold-1"], [])
    ]
    for response in Response.objects.all():
        shares = response.label_probabilities["client_emotion"]
        assert set(shares) == set(dfew.EMOTIONS)
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
        assert response.client_emotion == max(shares, key=shares.__getitem__)
    one, both = (report("recognition", "--run", str(run)) for run in runs)
    assert (one["n"], [fold["fold"] for fold in one["folds"]]) == (6, ["fold-1"])
    assert both["n"] == both["calibration"]["n"] == 12
    assert [(fold["fold"], fold["n"]) for fold in both["folds"]] == [("fold-1", 6), ("fold-2", 6)]
    # The model tells drawn faces and voices nearly always; chance is one in seven.
    assert both["war"]["value"] >= 9 / 12
    assert both["published"][0]["system"] == "MultiMood"
    assert both["published_note"] == ""


def test_the_same_files_again_change_nothing(team: Team, labels: Path) -> None:
    files = [str(path) for path in all_files(labels)]
    report("import_dialogues", "--format", "dfew", *files)
    again = report("import_dialogues", "--format", "dfew", *files)
    assert (again["changed"], again["counts"]["unchanged_dialogues"]) == (False, 12)
    assert Clip.objects.count() == 12

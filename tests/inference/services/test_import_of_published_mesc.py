from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from inference.models import Stimulus, Turn
from inference.services.imports import import_dialogues
from tests.factories import make_team, make_user

DATA = Path(settings.BASE_DIR).parent / "shared" / "data" / "mesc"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not DATA.is_dir(), reason="the published corpora are not on this machine (../shared/data)"
    ),
]


def test_published_test_split_has_its_known_counts() -> None:
    team = make_team(owner=make_user())
    paths = [DATA / "MESC.csv", DATA / "test.json"]
    report = import_dialogues(team=team, format="mesc", paths=paths)
    assert {name: n for name, n in report.counts.items() if n} == {
        "dialogues": 102,
        "sessions": 59,
        "turns": 2_922,
        "client_turns": 1_849,
        "therapist_turns": 1_073,
        "stimuli": 534,
        "followed_stimuli": 454,
    }
    assert Stimulus.objects.filter(followed=True).count() == 454
    assert not Turn.objects.filter(cue="").exists()


def test_whole_csv_is_imported() -> None:
    team = make_team(owner=make_user())
    report = import_dialogues(team=team, format="mesc", paths=[DATA / "MESC.csv"])
    assert (report.counts["dialogues"], report.counts["turns"]) == (1_019, 28_762)
    assert Turn.objects.count() == 28_762

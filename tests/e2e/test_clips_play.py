"""Imported clips of many kinds play and seek in Chromium, for raters and for members."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from annotations.models import Assignment
from inference.models import Clip, Corpus
from inference.services.imports import import_dialogues
from mood_eval.models import Team, User
from tests import factories
from tests.clip_files import write_clip
from tests.e2e.conftest import SignIn
from tests.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

SECONDS = 6
CLIPS = {
    "h264.mp4": {"video": "libx264", "audio": "aac"},
    "sound.m4a": {"audio": "aac"},
    "sound.wav": {"audio": "pcm_s16le"},
    "mpeg4.mkv": {"video": "mpeg4", "audio": "ac3"},
    "hevc.mov": {"video": "libx265", "audio": "aac"},
    "opus.ogg": {"audio": "libopus"},
}


@pytest.fixture
def ada(transactional_db: None) -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return factories.make_team(owner=ada)


@pytest.fixture
def corpus(team: Team, tmp_path: Path) -> Corpus:
    """One client turn a clip, in one dialogue."""
    for name, options in CLIPS.items():
        write_clip(tmp_path / name, seconds=SECONDS, **options)  # type: ignore[arg-type]
    turns = [
        {"id": name, "speaker": speaker, "text": f"About {name}.", **clip}
        for name in CLIPS
        for speaker, clip in (("client", {"clip": name}), ("therapist", {}))
    ]
    for number, turn in enumerate(turns):
        turn["id"] = str(number)
    file = tmp_path / "dialogues.jsonl"
    file.write_text(json.dumps({"id": "d", "session": "s", "turns": turns}))
    return import_dialogues(team=team, format="jsonl", paths=[file]).corpus


def expect_to_play_and_seek(player: Locator, name: str) -> None:
    player.evaluate("p => { p.muted = true; p.load(); p.play() }")
    assert wait_until(lambda: player.evaluate("p => p.currentTime > 0.2"), 20), f"{name} plays"
    length = player.evaluate("p => p.duration")
    assert abs(length - SECONDS) < 0.2, name
    player.evaluate("p => { p.currentTime = 4 }")
    sought = "p => !p.seeking && p.currentTime > 4.2"
    assert wait_until(lambda: player.evaluate(sought), 20), f"{name} plays on after a seek"
    player.evaluate("p => p.pause()")
    assert player.evaluate("p => p.error") is None, name


def test_a_rater_hears_and_sees_clips_of_every_kind(
    team: Team, corpus: Corpus, sign_in: SignIn
) -> None:
    rui = factories.make_user("rui@example.org")
    run = factories.make_run_with_responses(team, corpus)
    study = factories.make_study(team, [run], [rui])
    page = sign_in(rui)
    for number, name in enumerate(CLIPS):
        item = Assignment.objects.get(rater__study=study, item__stimulus__first_position=2 * number)
        page.goto(f"/rate/item/{item.pk}/")
        seen = "video" in CLIPS[name]
        expect(page.locator("audio" if seen else "video")).to_have_count(0)
        player = page.locator("video" if seen else "audio")
        expect(player).to_be_visible()
        expect_to_play_and_seek(player, name)
    page.locator("label:has(input[name=safety][value='6'])").click()
    page.keyboard.press("p")
    assert wait_until(lambda: player.evaluate("p => !p.paused"), 10), "the key P reaches a sound"
    assert wait_until(lambda: played_ms(page, item) > 0, 40), "and what is heard is counted"


def played_ms(page: object, item: Assignment) -> int:
    item.refresh_from_db()
    return item.clip_ms_played


def test_a_member_hears_and_sees_them_and_downloads_the_original(
    ada: User, corpus: Corpus, sign_in: SignIn, tmp_path: Path
) -> None:
    page = sign_in(ada)
    page.goto(f"/dialogues/{corpus.dialogues.get().pk}/")
    for number, (name, options) in enumerate(CLIPS.items()):
        turn = page.locator(f"#turn-{2 * number}")
        expect_to_play_and_seek(turn.locator("video" if "video" in options else "audio"), name)
    with page.expect_download() as download:
        page.locator("#turn-6").get_by_role("link", name="Download the original").click()
    clip = Clip.objects.get(video_codec="mpeg4")
    assert download.value.suggested_filename == f"clip-{clip.pk}.mkv"
    assert Path(download.value.path()).read_bytes() == (tmp_path / "mpeg4.mkv").read_bytes()

"""Clips as people have them, through an import: what is stored, what is copied, what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.test import override_settings

from inference.corpora import CorpusError
from inference.media import MediaLimits, probe
from inference.models import Clip, Corpus, Dialogue, Turn
from inference.services.clips import (
    WHOLLY_DECODED_MS,
    ClipStore,
    UnusableClipError,
    copy_limits,
)
from inference.services.imports import BATCH, import_dialogues
from mood_eval.models import Team, User
from tests.clip_files import write_clip
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return make_team(owner=make_user("ada@example.org"))


@pytest.fixture(autouse=True)
def empty_media() -> None:
    shutil.rmtree(default_storage.path("clips"), ignore_errors=True)


@dataclass
class Corpora:
    """One dialogue a clip, in a folder of its own."""

    team: Team
    folder: Path
    user: User | None = None

    def import_(self, *clips: Path, name: str = "C") -> dict[str, Clip]:
        file = self.folder / "dialogues.jsonl"
        turns = [
            {"speaker": "client", "text": f"Words {n}.", "clip": clip.name}
            for n, clip in enumerate(clips)
        ]
        file.write_text(json.dumps({"id": "d", "session": "s", "turns": turns}) + "\n")
        import_dialogues(
            team=self.team, format="jsonl", paths=[file], corpus_name=name, user=self.user
        )
        rows = Turn.objects.filter(dialogue__corpus__name=name).select_related("clip")
        return {clip.name: row.clip for clip, row in zip(clips, rows, strict=True) if row.clip}


@pytest.fixture
def corpora(team: Team, tmp_path: Path) -> Corpora:
    return Corpora(team, tmp_path)


def stored() -> list[str]:
    root = Path(default_storage.path("clips"))
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def staged() -> list[Path]:
    return [path for path in (settings.VAR / "staging").iterdir() if path.name != ".lock"]


PLAYED_AS_THEY_ARE = {
    "talk.mp4": ({"video": "libx264", "audio": "aac"}, "video/mp4"),
    "mute.mp4": ({"video": "libx264"}, "video/mp4"),
    "talk.webm": ({"video": "libvpx", "audio": "libopus"}, "video/webm"),
    "talk.wav": ({"audio": "pcm_s16le"}, "audio/wav"),
    "talk.mp3": ({"audio": "libmp3lame"}, "audio/mpeg"),
    "talk.m4a": ({"audio": "aac"}, "audio/mp4"),
}
COPIED = {
    "talk.mkv": ({"video": "mpeg4", "audio": "ac3"}, "video/x-matroska"),
    "talk.mov": ({"video": "libx264", "audio": "aac"}, "video/quicktime"),
    "hevc.mp4": ({"video": "libx265", "audio": "aac"}, "video/mp4"),
    "pixels.mp4": ({"video": "libx264", "pixels": "yuv444p"}, "video/mp4"),
    "two-sounds.mp4": ({"video": "libx264", "audio": "aac", "sounds": 2}, "video/mp4"),
    "talk.ogg": ({"audio": "libopus"}, "audio/ogg"),
    "lossless.m4a": ({"audio": "alac"}, "audio/mp4"),
    "deep.wav": ({"audio": "pcm_s24le"}, "audio/wav"),
}


def test_what_browsers_play_is_kept_as_it_came(corpora: Corpora) -> None:
    files = [
        write_clip(corpora.folder / name, **options)  # type: ignore[arg-type]
        for name, (options, _) in PLAYED_AS_THEY_ARE.items()
    ]
    found = corpora.import_(*files)
    for file in files:
        clip, content = found[file.name], file.read_bytes()
        assert not clip.playback, file.name
        assert clip.shown == (clip.file, PLAYED_AS_THEY_ARE[file.name][1]), file.name
        assert clip.sha256 == hashlib.sha256(content).hexdigest()
        assert clip.file.name == f"clips/{clip.corpus_id}/{clip.sha256}{file.suffix}"
        assert Path(clip.file.path).read_bytes() == content
        assert Path(clip.file.path).stat().st_mode & 0o777 == 0o600
        assert clip.size_bytes == len(content)
        assert 1_950 <= clip.duration_ms <= 2_100
    assert len(stored()) == len(files)
    assert staged() == []


def test_for_what_they_do_not_play_a_copy_is_made_once(corpora: Corpora) -> None:
    files = [
        write_clip(corpora.folder / name, **options)  # type: ignore[arg-type]
        for name, (options, _) in COPIED.items()
    ]
    found = corpora.import_(*files)
    for file in files:
        clip = found[file.name]
        assert clip.content_type == COPIED[file.name][1], file.name
        assert Path(clip.file.path).read_bytes() == file.read_bytes()
        copy = probe(Path(clip.playback.path), decode=True)
        assert (copy.container_format, copy.pixel_format) in (("mp4", "yuv420p"), ("mp4", ""))
        assert copy.video_codec == ("h264" if clip.has_picture else ""), file.name
        assert copy.audio_codec == ("aac" if clip.audio_codec else ""), file.name
        assert max(copy.video_streams, copy.audio_streams) == 1
        assert abs(copy.duration_ms - clip.duration_ms) < 150
        kind = "video/mp4" if clip.has_picture else "audio/mp4"
        assert clip.shown == (clip.playback, kind)
    names = stored()
    assert len(names) == 2 * len(files)
    written = {
        name: (Path(default_storage.path("clips")) / name).stat().st_mtime_ns for name in names
    }
    corpora.import_(*files)
    again = {
        name: (Path(default_storage.path("clips")) / name).stat().st_mtime_ns for name in names
    }
    assert again == written
    assert stored() == names


def test_a_clip_tells_what_is_in_it(corpora: Corpora) -> None:
    film = write_clip(corpora.folder / "film.mkv", video="mpeg4", audio="ac3")
    sound = write_clip(corpora.folder / "sound.wav", audio="pcm_s16le")
    found = corpora.import_(film, sound)
    facts = ("container_format", "width", "height", "video_codec", "audio_codec")
    assert [getattr(found["film.mkv"], name) for name in facts] == ["mkv", 160, 96, "mpeg4", "ac3"]
    assert [getattr(found["sound.wav"], name) for name in facts] == (
        ["wav", None, None, "", "pcm_s16le"]
    )
    assert (found["sound.wav"].audio_channels, found["sound.wav"].audio_rate) == (1, 48_000)
    assert (found["film.mkv"].has_picture, found["sound.wav"].has_picture) == (True, False)


def test_the_content_decides_and_not_the_name(corpora: Corpora) -> None:
    sound = write_clip(corpora.folder / "sound.wav", audio="pcm_s16le")
    clip = corpora.import_(sound.rename(corpora.folder / "film.mp4"))["film.mp4"]
    assert (clip.container_format, clip.content_type) == ("wav", "audio/wav")
    assert str(clip.file.name).endswith(".wav")


def broken_files(folder: Path) -> Iterator[tuple[str, Path]]:
    whole = write_clip(folder / "whole.mp4", video="libx264", audio="aac").read_bytes()
    for name, content in (
        ("text.mp4", b"These are words, and no film at all.\n" * 40),
        ("cut.mp4", whole[: len(whole) * 2 // 3]),
        ("noise.mkv", b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 40),
        ("header.wav", b"RIFF\xff\xff\xff\xffWAVEfmt "),
        ("list.mp4", f"#EXTM3U\n#EXTINF:2,\n{folder / 'whole.mp4'}\n".encode()),
    ):
        (folder / name).write_bytes(content)
        yield name, folder / name


def test_a_bad_clip_names_file_dialogue_turn_and_remedy_and_changes_nothing(
    corpora: Corpora,
) -> None:
    good = write_clip(corpora.folder / "good.mkv", video="mpeg4")
    for name, bad in broken_files(corpora.folder):
        with pytest.raises(CorpusError) as refusal:
            corpora.import_(good, bad)
        error = refusal.value
        assert error.file.name == name
        assert error.field == "dialogue d, turn 2"
        assert error.problem.startswith("the clip cannot be used: "), error
        assert error.remedy
        assert not Corpus.objects.exists()
        assert stored() == []
        assert staged() == []


def test_a_file_that_changes_while_it_is_imported_is_refused(team: Team, tmp_path: Path) -> None:
    sound = write_clip(tmp_path / "sound.wav", audio="pcm_s16le")
    corpus = Corpus.objects.create(team=team, name="C", format="jsonl")
    store = ClipStore(corpus)
    store.sha256(sound)
    with sound.open("ab") as file:
        file.write(bytes(1000))
    with pytest.raises(UnusableClipError, match="it changed while it was imported"), store:
        store.store(sound)
    assert stored() == []
    assert staged() == []


def test_a_file_without_end_is_read_up_to_the_limit(team: Team, tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return bytes(size)

    corpus = Corpus.objects.create(team=team, name="C", format="jsonl")
    with ClipStore(corpus) as store:
        store.limits = type(store.limits)(max_bytes=5 * 2**20)
        with pytest.raises(UnusableClipError, match="larger than"):
            list(store._chunks(Endless()))  # type: ignore[arg-type]


def test_limits_come_from_the_settings(team: Team) -> None:
    corpus = Corpus.objects.create(team=team, name="C", format="jsonl")
    with override_settings(MEDIA_SECONDS=7, MEDIA_MEMORY_MB=1024):
        limits = ClipStore(corpus).limits
    assert (limits.seconds, limits.memory_mb) == (7, 1024)


def test_a_copy_has_more_time_for_a_longer_clip_but_not_for_what_a_header_claims(
    tmp_path: Path,
) -> None:
    facts = probe(write_clip(tmp_path / "film.mkv", video="mpeg4", seconds=3), decode=True)
    limits = MediaLimits(seconds=100)
    assert copy_limits(limits, facts).seconds == 112
    claimed = replace(facts, duration_ms=WHOLLY_DECODED_MS + 1)
    assert copy_limits(limits, claimed).seconds == 100


def test_a_clip_that_takes_too_long_is_refused_and_the_next_import_is_not(
    corpora: Corpora,
) -> None:
    sound = write_clip(corpora.folder / "sound.wav", audio="pcm_s16le")
    with (
        override_settings(MEDIA_SECONDS=1e-6),
        pytest.raises(CorpusError, match="took longer than"),
    ):
        corpora.import_(sound)
    assert stored() == []
    assert corpora.import_(sound)["sound.wav"].duration_ms == 2_000


def test_a_fault_after_the_clips_leaves_no_file(corpora: Corpora) -> None:
    film = write_clip(corpora.folder / "film.mkv", video="mpeg4")
    turn = {"speaker": "client", "text": "Words.", "clip": film.name}
    rows = [{"id": str(n), "session": "s", "turns": [turn]} for n in range(BATCH + 1)]
    file = corpora.folder / "dialogues.jsonl"
    file.write_text("\n".join(map(json.dumps, [*rows, {"id": "last"}])))
    with pytest.raises(CorpusError):
        import_dialogues(team=corpora.team, format="jsonl", paths=[file])
    assert stored() == []
    assert not Dialogue.objects.exists()


def test_what_the_commit_would_refuse_leaves_no_file(corpora: Corpora) -> None:
    """Foreign keys are checked last: here that of a person who is gone."""
    film = write_clip(corpora.folder / "film.mkv", video="mpeg4")
    corpora.user = User(pk=987_654)
    with pytest.raises(IntegrityError), transaction.atomic():
        corpora.import_(film)
    assert stored() == []
    assert not Dialogue.objects.exists()


def test_what_a_killed_import_left_is_replaced(corpora: Corpora) -> None:
    film = write_clip(corpora.folder / "film.mkv", video="mpeg4")
    first = corpora.import_(film)["film.mkv"]
    names = stored()
    copy = probe(Path(first.playback.path))
    Dialogue.objects.all().delete()
    Clip.objects.all().delete()
    for name in names:
        (Path(default_storage.path("clips")) / name).write_bytes(b"half a fi")
    again = corpora.import_(film)["film.mkv"]
    assert stored() == names
    assert Path(again.file.path).read_bytes() == film.read_bytes()
    # An encoder on a busy machine may choose other bytes for the same film.
    assert probe(Path(again.playback.path)) == copy


def test_the_same_clip_twice_in_a_corpus_is_one_and_in_another_corpus_is_its_own(
    corpora: Corpora,
) -> None:
    sound = write_clip(corpora.folder / "sound.mp3", audio="libmp3lame")
    twin = corpora.folder / "twin.mp3"
    shutil.copy(sound, twin)
    both = corpora.import_(sound, twin)
    assert both["sound.mp3"] == both["twin.mp3"]
    other = corpora.import_(sound, name="Other")
    assert other["sound.mp3"].file.name != both["sound.mp3"].file.name
    assert len(stored()) == 2

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.media import (
    MediaError,
    MediaLimits,
    SoundPlan,
    frame_indices,
    make_playback,
    probe,
    read_clip,
)
from tests.inference.media.films import Audio, Video, number_of, tone, write


def top_boxes(path: Path) -> list[bytes]:
    data, boxes, at = path.read_bytes(), [], 0
    while at < len(data):
        boxes.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    return boxes


@pytest.mark.parametrize(
    ("name", "video", "size"),
    [
        ("a.mov", Video("mjpeg", 50, pixels="yuvj420p"), (96, 64)),
        ("b.avi", Video("mpeg4", 50), (96, 64)),
        ("c.mkv", Video("libx265", 50, options={"x265-params": "log-level=none"}), (96, 64)),
        ("d.mkv", Video(frames=50, size=(97, 65), pixels="yuv444p10le"), (96, 64)),
        ("e.mp4", Video(frames=50, rotation=-90), (64, 96)),
        ("f.mp4", Video(frames=2, size=(2560, 1600)), (1728, 1080)),
        ("g.mp4", Video(frames=2, size=(400, 3000)), (256, 1920)),
    ],
)
def test_a_copy_plays_everywhere_and_shows_the_same(
    tmp_path: Path, name: str, video: Video, size: tuple[int, int]
) -> None:
    path = write(tmp_path / name, video, Audio("aac" if name != "b.avi" else "libmp3lame", 2.0))
    copy = tmp_path / "copy.mp4"
    facts = make_playback(path, copy)
    assert facts == probe(copy)
    assert (facts.video_codec, facts.audio_codec, facts.rotation) == ("h264", "aac", 0)
    assert (facts.width, facts.height) == size
    assert facts.frames == video.frames
    assert facts.pixel_format == "yuv420p"
    boxes = top_boxes(copy)
    assert boxes.index(b"moov") < boxes.index(b"mdat")
    shown = read_clip(copy, num_frames=8, sound=SoundPlan()).frames
    there = read_clip(path, num_frames=8, sound=SoundPlan()).frames
    assert shown is not None
    assert there is not None
    assert [number_of(f) for f in shown] == [number_of(f) for f in there]
    if video.frames == 50 and not video.rotation:
        assert [number_of(f) for f in shown] == frame_indices(50, 8)


def test_times_of_a_variable_rate_and_a_late_start_are_kept(tmp_path: Path) -> None:
    times = [3_000 + t for t in (0, 40, 500, 540, 1_500, 1_540)]
    path = write(tmp_path / "x.mkv", Video(frames=6, times=times))
    facts = make_playback(path, tmp_path / "copy.mp4")
    assert facts.frames == 6
    assert 1_540 <= facts.duration_ms <= 1_700


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_a_sound_becomes_m4a(tmp_path: Path, rate: int) -> None:
    sound = Audio("pcm_s16le", 2.0, rate, "5.1" if rate == 96_000 else "mono")
    path = write(tmp_path / "x.wav", sound)
    facts = make_playback(path, tmp_path / "copy.m4a")
    assert (facts.container_format, facts.video_codec, facts.audio_codec) == ("mp4", "", "aac")
    assert abs(facts.duration_ms - 2_000) < 100
    (heard,) = read_clip(tmp_path / "copy.m4a", num_frames=1, sound=SoundPlan()).sound
    there = tone(Audio(seconds=2.0, rate=16_000))[0]
    assert np.abs(heard[2_000:30_000] - there[2_000:30_000]).mean() < 0.03


def test_lips_and_voice_stay_together(tmp_path: Path) -> None:
    """Sound that begins a second after the picture still does so in the copy."""
    late = Audio("flac", 1.0, 16_000, delay=1.0)
    path = write(tmp_path / "x.mkv", Video(frames=50), late)
    make_playback(path, tmp_path / "copy.mp4")
    (heard,) = read_clip(tmp_path / "copy.mp4", num_frames=1, sound=SoundPlan()).sound
    assert abs(heard.size - 32_000) < 2_000
    assert np.abs(heard[:14_000]).max() < 0.05
    assert np.abs(heard[18_000:30_000]).max() > 0.3


def test_a_copy_keeps_to_its_size(tmp_path: Path) -> None:
    path = write(tmp_path / "x.amr", Audio("libopencore_amrnb", 60.0, 8_000))
    small = MediaLimits(max_bytes=path.stat().st_size)
    with pytest.raises(MediaError, match="no room for its copy"):
        make_playback(path, tmp_path / "copy.m4a", limits=small)
    assert [p.name for p in tmp_path.iterdir()] == ["x.amr"]

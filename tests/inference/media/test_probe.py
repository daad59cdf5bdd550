from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from inference.media import MediaError, SoundPlan, probe, read_clip
from tests.inference.media.films import Audio, Video, number_of, picture, write

QUIET = SoundPlan()
KINDS = {
    "film.mp4": ("mp4", "h264", "aac", (Video(), Audio())),
    "film.mov": ("mp4", "mjpeg", "pcm_s16le", (Video("mjpeg", 10, pixels="yuvj420p"),)),
    "film.mkv": ("matroska", "h264", "flac", (Video(), Audio("flac"))),
    "film.webm": ("matroska", "vp9", "opus", (Video("libvpx-vp9"), Audio("libopus", rate=48_000))),
    "sound.wav": ("wav", "", "pcm_s16le", (Audio("pcm_s16le"),)),
    "sound.mp3": ("mp3", "", "mp3", (Audio("libmp3lame"),)),
    "sound.m4a": ("mp4", "", "aac", (Audio(),)),
    "sound.ogg": ("ogg", "", "opus", (Audio("libopus", rate=48_000),)),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_says_what_it_is(tmp_path: Path, name: str) -> None:
    kind, video, audio, streams = KINDS[name]
    if name == "film.mov":
        streams = (*streams, Audio("pcm_s16le", 0.4))
    format = "ipod" if name.endswith("m4a") else None
    path = write(tmp_path / name, *streams, format=format)
    seconds = 0.4 if name == "film.mov" else 4.0
    for decode in (False, True):
        facts = probe(path, decode=decode)
        assert (facts.container_format, facts.video_codec, facts.audio_codec) == (
            kind,
            video,
            audio,
        )
        assert abs(facts.duration_ms - 1000 * seconds) < 80
        assert (facts.width, facts.height) == ((96, 64) if video else (None, None))
        assert (facts.video_streams, facts.audio_streams) == (bool(video), 1)
        assert facts.audio_channels == 1
    if video:
        assert facts.frames == round(25 * seconds)


@pytest.mark.parametrize(
    ("counterclockwise", "clockwise"), [(0, 0), (-90, 90), (180, 180), (90, 270)]
)
def test_turned_films_are_seen_upright(
    tmp_path: Path, counterclockwise: int, clockwise: int
) -> None:
    stored = np.rot90(picture(37, (96, 64)), clockwise // 90)
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.height, stream.width = stored.shape[:2]
        stream.pix_fmt = "yuv420p"
        if counterclockwise:
            stream.set_display_rotation(counterclockwise)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(stored), format="rgb24")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    facts = probe(path)
    assert (facts.rotation, facts.width, facts.height) == (clockwise, 96, 64)
    frames = read_clip(path, num_frames=1, sound=QUIET).frames
    assert frames is not None
    assert number_of(frames[0]) == 37
    assert np.abs(frames[0].astype(int) - picture(37, (96, 64))).mean() < 8


def test_mirrored_films_are_mirrored_back(tmp_path: Path) -> None:
    path = tmp_path / "mirrored.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_rotation(0, hflip=True)
        stored = np.ascontiguousarray(picture(37, (96, 64))[:, ::-1])
        out.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="rgb24")))
        out.mux(stream.encode(None))
    frames = read_clip(path, num_frames=1, sound=QUIET).frames
    assert frames is not None
    assert number_of(frames[0]) == 37


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.mp4", Video(frames=3, pixel_shape=Fraction(4, 3)))
    facts = probe(path)
    assert (facts.width, facts.height) == (128, 64)
    frames = read_clip(path, num_frames=1, sound=QUIET).frames
    assert frames is not None
    assert frames.shape == (1, 64, 128, 3)
    assert number_of(frames[0]) == 1


@pytest.mark.parametrize(
    "kind",
    [
        Video(frames=3, size=(97, 65), pixels="yuv444p"),
        Video(frames=3, pixels="yuv420p10le"),
        Video(frames=3, pixels="gray"),
        Video("ffv1", 3, pixels="bgra"),
        Video("libx265", 3, pixels="yuv420p12le", options={"x265-params": "log-level=none"}),
        Video("rawvideo", 3, size=(2, 2)),
    ],
    ids=lambda kind: f"{kind.codec}-{kind.pixels}",
)
def test_odd_sizes_and_depths(tmp_path: Path, kind: Video) -> None:
    path = write(tmp_path / "odd.mkv", kind)
    frames = read_clip(path, num_frames=2, sound=QUIET).frames
    assert frames is not None
    assert frames.shape == (2, kind.size[1], kind.size[0], 3)
    if kind.size[0] > 8:
        assert [number_of(frame) for frame in frames] == [1, 2]


def test_a_cover_picture_is_no_film(tmp_path: Path) -> None:
    path = write(tmp_path / "song.mp3", Audio("libmp3lame", 1.0))
    cover = b"\0image/png\0\3\0" + png()
    frame = b"APIC" + len(cover).to_bytes(4, "big") + b"\0\0" + cover
    size = len(frame)
    tag = b"ID3\3\0\0" + bytes((size >> shift) & 127 for shift in (21, 14, 7, 0)) + frame
    path.write_bytes(tag + path.read_bytes())
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    facts = probe(path)
    assert (facts.video_codec, facts.video_streams, facts.width) == ("", 0, None)
    clip = read_clip(path, num_frames=8, sound=QUIET)
    assert clip.frames is None
    assert len(clip.sound) == 1


def png() -> bytes:
    context = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 8, 8, "rgb24", Fraction(1)
    frame = av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8), format="rgb24")
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))


def test_silent_films_and_sounds_are_half_clips(tmp_path: Path) -> None:
    film = read_clip(write(tmp_path / "a.mp4", Video(frames=5)), num_frames=4, sound=QUIET)
    assert film.frames is not None
    assert film.sound == ()
    assert film.seconds == pytest.approx(0.2)
    voice = read_clip(write(tmp_path / "b.wav", Audio("pcm_s16le")), num_frames=4, sound=QUIET)
    assert voice.frames is None
    assert voice.seconds == pytest.approx(4.0)


def test_content_decides_and_not_the_name(tmp_path: Path) -> None:
    path = write(tmp_path / "film.webm", Video(frames=5), format="mp4")
    assert probe(path).container_format == "mp4"
    lie = tmp_path / "text.mp4"
    lie.write_text("ftyp is a word in this text, which is long enough for a header\n" * 20)
    with pytest.raises(MediaError, match="not that of a known kind"):
        probe(lie)


def test_a_strict_probe_refuses_a_film_that_stops_in_the_middle(tmp_path: Path) -> None:
    path = write(
        tmp_path / "whole.mp4", Video(options={"g": "10"}), options={"movflags": "faststart"}
    )
    whole = path.read_bytes()
    assert probe(path, decode=True).frames == 100
    path.write_bytes(whole[: len(whole) * 2 // 3])
    assert probe(path).frames == 100
    with pytest.raises(MediaError, match=r"cut short|damaged"):
        probe(path, decode=True)
    frames = read_clip(path, num_frames=8, sound=QUIET).frames
    assert frames is not None
    numbers = [number_of(frame) for frame in frames]
    assert numbers == sorted(numbers)
    assert 40 < numbers[-1] < 80

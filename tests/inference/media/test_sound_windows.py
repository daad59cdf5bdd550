from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from inference.media import (
    Floats,
    MediaLimits,
    SoundPlan,
    make_playback,
    read_clip,
    soundtrack_bounds_as_published,
    window_bounds,
)
from tests.inference.media.films import Audio, Video, heard, tone, write

SHORT_WINDOWS = SoundPlan("windows", 2.0, 3)
KINDS = {
    "a.m4a": Audio("aac", 12.0),
    "b.mp3": Audio("libmp3lame", 12.0),
    "c.ogg": Audio("libopus", 12.0, 48_000),
    "d.wav": Audio("pcm_s16le", 12.0, 22_050),
    "e.flac": Audio("flac", 12.0, 96_000),
    "f.mkv": Audio("libopus", 12.0, 48_000),
    "g.aac": Audio("aac", 12.0, 32_000),
    "h.wav": Audio("pcm_u8", 12.0, 8_000),
}


def test_windows_cover_a_short_sound_and_are_spread_over_a_long_one() -> None:
    assert window_bounds(0, 10, 3) == []
    assert window_bounds(7, 10, 3) == [(0, 7)]
    assert window_bounds(25, 10, 3) == [(0, 10), (10, 20), (20, 25)]
    assert window_bounds(30, 10, 3) == [(0, 10), (10, 20), (20, 30)]
    assert window_bounds(100, 10, 3) == [(0, 10), (45, 55), (90, 100)]
    assert window_bounds(100, 10, 1) == [(0, 10)]


def test_published_cuts_overlap_in_a_short_sound_and_never_reach_the_end() -> None:
    assert soundtrack_bounds_as_published(100)[0] == (0, 32_000)
    bounds = soundtrack_bounds_as_published(32_000 + 8_000)
    assert bounds[1] == (1_000, 33_000)
    assert bounds[-1][1] == 39_000


@pytest.mark.parametrize("name", KINDS)
def test_windows_are_those_of_decoding_everything(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, KINDS[name])
    whole = heard(path)
    windows = read_clip(path, num_frames=1, sound=SHORT_WINDOWS).sound
    assert len(windows) == 3
    for (begin, _), window in zip(window_bounds(whole.size, 32_000, 3), windows, strict=True):
        assert abs(window.size - 32_000) < 500
        at = place_in(whole, window)
        # Headers round the length, and MP3 has no exact times.
        assert abs(at - begin) < 500
        there = whole[at : at + window.size]
        # AAC decoders fill in noise, whose numbers depend on what was decoded before.
        assert np.abs(window[: there.size] - there)[:-100].max() < 2e-3


def place_in(whole: Floats, window: Floats) -> int:
    """Where they agree best, by cross-correlation."""
    size = 1 << (whole.size + window.size).bit_length()
    spectrum = np.fft.rfft(whole, size) * np.conj(np.fft.rfft(window, size))
    return int(np.fft.irfft(spectrum, size)[: whole.size].argmax())


@pytest.mark.parametrize("name", ["a.m4a", "c.ogg", "d.wav"])
def test_a_sound_that_fits_is_heard_whole(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, KINDS[name])
    windows = read_clip(path, num_frames=1, sound=SoundPlan("windows", 5.0, 3)).sound
    assert [window.size for window in windows[:2]] == [80_000, 80_000]
    assert np.array_equal(np.concatenate(windows), heard(path))


def test_published_cuts_are_of_the_first_channel(tmp_path: Path) -> None:
    both = Audio("pcm_s16le", 10.0, 16_000, "stereo", hertz=(300.0, 2_000.0))
    path = write(tmp_path / "two.wav", both)
    cuts = read_clip(path, num_frames=1, sound=SoundPlan("published")).sound
    left = tone(both)[0]
    assert len(cuts) == 8
    for (begin, end), cut in zip(soundtrack_bounds_as_published(160_000), cuts, strict=True):
        assert np.abs(cut - left[begin:end]).max() < 1e-4


def test_published_cuts_of_a_long_sound_are_found_by_seeking(tmp_path: Path) -> None:
    long = Audio("pcm_s16le", 130.0, 16_000, "stereo", hertz=(300.0, 2_000.0))
    path = write(tmp_path / "long.wav", long)
    cuts = read_clip(path, num_frames=1, sound=SoundPlan("published")).sound
    left = tone(long)[0]
    for (begin, end), cut in zip(soundtrack_bounds_as_published(left.size), cuts, strict=True):
        assert np.abs(cut - left[begin:end]).max() < 1e-4


def test_published_cuts_of_a_short_sound_end_with_it(tmp_path: Path) -> None:
    path = write(tmp_path / "short.wav", Audio("pcm_s16le", 1.0, 16_000))
    cuts = read_clip(path, num_frames=1, sound=SoundPlan("published")).sound
    assert [cut.size for cut in cuts] == [16_000] * 8


@pytest.mark.parametrize(
    ("layout", "codec"), [("mono", "pcm_s16le"), ("stereo", "flac"), ("5.1", "pcm_s24le")]
)
def test_channels_are_mixed_without_getting_louder_than_they_are(
    tmp_path: Path, layout: str, codec: str
) -> None:
    loud = Audio(codec, 1.0, 16_000, layout, loudness=1.0)
    path = write(tmp_path / ("x.flac" if codec == "flac" else "x.wav"), loud)
    (window,) = read_clip(path, num_frames=1, sound=SoundPlan()).sound
    assert np.abs(window - tone(loud)[0]).max() < 1e-3


def test_unnamed_channels_are_heard(tmp_path: Path) -> None:
    """Three channels without a word on where they stand."""
    time = np.arange(16_000) / 16_000
    wave = (8_000 * np.sin(2 * np.pi * 440 * time)).astype("<i2")
    data = np.repeat(wave[:, None], 3, 1).tobytes()
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\1\0\3\0"
    head += (16_000).to_bytes(4, "little") + (96_000).to_bytes(4, "little") + b"\6\0\x10\0"
    path = tmp_path / "three.wav"
    path.write_bytes(head + b"data" + len(data).to_bytes(4, "little") + data)
    (window,) = read_clip(path, num_frames=1, sound=SoundPlan()).sound
    assert window.size == 16_000
    assert 0.1 < np.abs(window).max() < 0.3


def test_a_header_that_is_wrong_about_the_length_is_not_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mkv", Audio("flac", 12.0, 16_000))
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # the segment's duration, in milliseconds
    for wrong in (4_000.0, 40_000.0):
        data[at : at + 8] = np.array([wrong], ">f8").tobytes()
        path.write_bytes(data)
        windows = read_clip(path, num_frames=1, sound=SHORT_WINDOWS).sound
        whole = heard(path)
        assert np.abs(windows[-1] - whole[-32_000:]).max() < 1e-3


def test_numbers_that_are_no_sound_are_tamed(tmp_path: Path) -> None:
    wild = np.array([0.5, np.nan, np.inf, -np.inf, 1e30, -0.5] * 4_000, np.float32)
    path = tmp_path / "wild.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(wild[None], format="flt", layout="mono")
        frame.sample_rate = 16_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    (window,) = read_clip(path, num_frames=1, sound=SoundPlan()).sound
    assert np.isfinite(window).all()
    assert np.abs(window).max() <= 2.0
    copy = tmp_path / "copy.m4a"
    facts = make_playback(path, copy, limits=MediaLimits(seconds=20.0))
    assert abs(facts.duration_ms - 1_500) < 100


def test_the_default_stream_is_heard_and_seen(tmp_path: Path) -> None:
    quiet = Audio("flac", 1.0, 16_000, loudness=0.01, chosen=False)
    voice = Audio("flac", 1.0, 16_000, chosen=True)
    small = Video(frames=4, size=(48, 32), chosen=True)
    path = write(tmp_path / "x.mkv", Video(frames=4, chosen=False), quiet, small, voice)
    clip = read_clip(path, num_frames=2, sound=SoundPlan())
    assert clip.frames is not None
    assert clip.frames.shape == (2, 32, 48, 3)
    assert np.abs(clip.sound[0]).max() > 0.2

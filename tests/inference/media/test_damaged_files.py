"""Files that are not what they should be: always an answer or a MediaError, soon."""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.media import MediaError, MediaLimits, SoundPlan, make_playback, probe, read_clip
from tests.inference.media.films import Audio, Video, number_of, write
from tests.inference.media.seeds import write_seeds
from tools.fuzz_media import LIMITS, mutated, use

QUIET = SoundPlan()


def refusal(path: Path, **limits: float) -> str:
    """All three ways of using a file refuse it; the words of the last."""
    some = MediaLimits(**{"seconds": 30.0, **limits})  # type: ignore[arg-type]
    for act in (
        lambda: probe(path, limits=some, decode=True),
        lambda: read_clip(path, num_frames=4, sound=QUIET, limits=some),
        lambda: make_playback(path, path.parent / "copy.mp4", limits=some),
    ):
        with pytest.raises(MediaError) as caught:
            act()
        assert caught.value.remedy
        assert not caught.value.reason.endswith(".")
    assert not (path.parent / "copy.mp4").exists()
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".copy")] == []
    return str(caught.value.reason)


def test_what_is_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.mp4") == "there is no such file"
    assert refusal(tmp_path) == "it is not a file"
    os.mkfifo(tmp_path / "queue.mp4")
    assert refusal(tmp_path / "queue.mp4") == "it is not a file"
    (tmp_path / "device.mp4").symlink_to("/dev/zero")
    assert refusal(tmp_path / "device.mp4") == "it is not a file"
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    assert "cannot be opened" in refusal(tmp_path / "loop.mp4")
    assert "cannot be opened" in refusal(tmp_path / ("long" * 100))
    assert "cannot be opened" in refusal(tmp_path / "nul\0byte")


def test_what_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"")
    assert refusal(path) == "it is empty"
    path.write_text("a text, called a film\n" * 100)
    assert "not that of a known kind" in refusal(path)
    path.write_bytes(bytes(100_000))
    assert "not that of a known kind" in refusal(path)
    path.write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    assert "cannot be decoded" in refusal(path)
    path.write_bytes(random.Random(1).randbytes(50_000))
    assert "not that of a known kind" in refusal(path)


def test_playlists_are_not_followed(tmp_path: Path) -> None:
    film = write(tmp_path / "film.mp4", Video(frames=3))
    for text in (
        f"#EXTM3U\n#EXTINF:2,\n{film}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {film}\n",
        f'<?xml version="1.0"?><MPD><BaseURL>{film}</BaseURL></MPD>',
    ):
        path = tmp_path / "list.mp4"
        path.write_text(text)
        assert "not that of a known kind" in refusal(path)


def test_encrypted_films(tmp_path: Path) -> None:
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
        "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
    }
    for streams in ((Video(),), (Audio(),), (Video(), Audio())):
        path = write(tmp_path / "locked.mp4", *streams, options=options)
        assert refusal(path) == "it is encrypted"


def test_a_header_of_100_000_by_100_000_pixels(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mkv", Video("ffv1", 2, size=(1000, 500)))
    data = path.read_bytes()
    # PixelWidth and PixelHeight of two bytes each and another field become two of three bytes and
    # a filler; 0x0186a0 is 100,000.
    sizes = b"\xb0\x82\x03\xe8\xba\x82\x01\xf4\x54\xb2\x81\x04"
    assert data.count(sizes) == 1
    side = b"\x83\x01\x86\xa0"
    path.write_bytes(data.replace(sizes, b"\xb0" + side + b"\xba" + side + b"\xec\x80"))
    assert "decoded" in refusal(path)


def test_a_jpeg_of_65_000_by_65_000_pixels(tmp_path: Path) -> None:
    """The picture is larger than its container says."""
    path = write(tmp_path / "x.mov", Video("mjpeg", 3, size=(64, 48), pixels="yuvj420p"))
    data = path.read_bytes()
    size = b"\x08\x00\x30\x00\x40\x03"
    assert data.count(size) == 3
    path.write_bytes(data.replace(size, b"\x08\xfd\xe8\xfd\xe8\x03"))
    began = time.monotonic()
    for act in (probe, lambda p: read_clip(p, num_frames=4, sound=QUIET)):
        with pytest.raises(MediaError):
            act(path)
    assert time.monotonic() - began < 30


def test_pictures_over_the_limit_are_refused_by_their_number_of_pixels(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp4", Video(frames=2, size=(640, 480)))
    assert "640 x 480" in refusal(path, max_pixels=640 * 480 - 1)
    assert probe(path, limits=MediaLimits(max_pixels=640 * 480)).width == 640


def test_what_is_too_long_or_too_large(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", Audio("pcm_s16le", 70.0, 8_000))
    assert refusal(path, max_seconds=60.0) == "it is longer than 1 minutes"
    assert refusal(path, max_bytes=1 << 20) == "it is larger than 1 MiB"


def test_a_film_of_an_hour_and_an_hour_of_sound(tmp_path: Path) -> None:
    path = tmp_path / "hour.mkv"
    write(path, Video(frames=360, times=[10_000 * i for i in range(360)]))
    assert abs(probe(path).duration_ms - 3_600_000) < 11_000
    frames = read_clip(path, num_frames=8, sound=QUIET).frames
    assert frames is not None
    assert [number_of(frame) for frame in frames][:3] == [22, 67, 112]
    with wave.open(str(tmp_path / "hour.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(8_000)
        out.writeframes(b"\x80" * 8_000 * 3_599 + bytes(range(64, 192)) * 62 + bytes(64))
    sound = read_clip(tmp_path / "hour.wav", num_frames=8, sound=QUIET).sound
    assert [window.size for window in sound] == [480_000] * 4
    assert [bool(abs(window).max() > 0.1) for window in sound] == [False, False, False, True]


def test_a_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "x.ts", Video("mpeg2video", 50))
    packet = path.read_bytes()[-188 * 50 :]
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab") as file:
            while not stop.is_set():
                file.write(packet)
                file.flush()
                time.sleep(0.02)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        for _ in range(5):
            assert read_clip(path, num_frames=4, sound=QUIET).frames is not None
    finally:
        stop.set()
        writer.join()


def test_a_million_tags_end_with_the_time(tmp_path: Path) -> None:
    """FFmpeg looks through all tags for each new one."""
    path = write(tmp_path / "x.flac", Audio("flac", 0.1, 8_000))
    tags = b"".join(b"\x0a\0\0\0" + b"%08x=" % i + b"." for i in range(1_000_000))
    block = bytes(4) + (1_000_000).to_bytes(4, "little") + tags
    info = path.read_bytes()[4:42]
    head = b"\x84" + len(block).to_bytes(3, "big")
    path.write_bytes(b"fLaC" + info + head + block)
    began = time.monotonic()
    with pytest.raises(MediaError, match=r"took longer than 2 seconds") as caught:
        probe(path, limits=MediaLimits(seconds=2.0))
    assert "Cut it" in caught.value.remedy
    assert time.monotonic() - began < 30


def test_the_pictures_before_the_damage_are_used(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mkv", Video(options={"g": "10"}), Audio("flac"))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3_000] = random.Random(3).randbytes(3_000)
    path.write_bytes(data)
    clip = read_clip(path, num_frames=8, sound=QUIET)
    assert clip.frames is not None
    assert number_of(clip.frames[0]) in range(3, 8)
    assert read_clip(path, num_frames=8, sound=QUIET).frames.tobytes() == clip.frames.tobytes()  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def seeds() -> Iterator[list[bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        yield [path.read_bytes() for path in write_seeds(Path(folder))]


def test_every_seed_is_read_before_it_is_damaged(tmp_path: Path, seeds: list[bytes]) -> None:
    for number, data in enumerate(seeds):
        path = tmp_path / str(number)
        path.write_bytes(data)
        facts = probe(path, limits=LIMITS, decode=True)
        clip = read_clip(path, num_frames=2, sound=QUIET, limits=LIMITS)
        assert (clip.frames is not None) == bool(facts.video_codec)
        assert bool(clip.sound) == bool(facts.audio_codec)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**64))
def test_damaged_files_are_read_or_refused(seeds: list[bytes], number: int) -> None:
    draw = random.Random(number)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged"
        path.write_bytes(mutated(draw, seeds))
        assert use(draw, path, Path(folder) / "copy.mp4") in ("read", "refused")

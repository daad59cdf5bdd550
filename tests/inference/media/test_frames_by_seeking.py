from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from inference.media import Frames, MediaLimits, files, frame_indices, pictures, timeline
from inference.media.files import MediaFile
from tests.inference.media.films import Audio, Video, decoded, number_of, write

VFR = [40 * i + (17 * i * i) % 31 for i in range(100)]
B_FRAMES = {"g": "12", "bf": "3"}
FILMS = {
    "b-frames.mp4": Video(options=B_FRAMES),
    "b-frames.mkv": Video(options=B_FRAMES),
    "open-groups.mp4": Video(options={"x264-params": "open-gop=1:keyint=12:bframes=3:scenecut=0"}),
    "open-groups.mkv": Video(options={"x264-params": "open-gop=1:keyint=12:bframes=3:scenecut=0"}),
    "pyramid.mp4": Video(options={"x264-params": "keyint=24:bframes=8:b-pyramid=normal:ref=6"}),
    "intra-refresh.mp4": Video(options={"x264-params": "intra-refresh=1:keyint=20:bframes=0"}),
    "one-group.mp4": Video(options={"g": "1000"}),
    "all-keyframes.mov": Video("mjpeg", pixels="yuvj420p"),
    "variable-rate.mp4": Video(options=B_FRAMES, times=VFR),
    "variable-rate.mkv": Video(options=B_FRAMES, times=VFR),
    "hevc.mp4": Video("libx265", options={"x265-params": "keyint=12:bframes=4:log-level=none"}),
    "hevc-open.mkv": Video(
        "libx265", options={"x265-params": "keyint=12:bframes=4:open-gop=1:log-level=none"}
    ),
    "hidden-frames-vp8.webm": Video(
        "libvpx", options={"g": "15", "auto-alt-ref": "1", "lag-in-frames": "16", "b": "200k"}
    ),
    "hidden-frames-vp9.webm": Video(
        "libvpx-vp9", options={"g": "15", "auto-alt-ref": "1", "lag-in-frames": "16"}
    ),
    "av1.mkv": Video("libsvtav1", options={"preset": "10", "g": "15"}),
    "av1.mp4": Video("libsvtav1", options={"preset": "10", "g": "15"}),
    "plain-vp9.mp4": Video("libvpx-vp9", options={"g": "15"}),
}
BY_DECODING_ONLY = {
    "mpeg4.avi": Video("mpeg4", options={"g": "12"}),
    "mpeg2.ts": Video("mpeg2video", options={"g": "12", "bf": "2"}),
    "h264.ts": Video(options=B_FRAMES),
    "flash.flv": Video(options=B_FRAMES),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@contextmanager
def opened(path: Path) -> Iterator[MediaFile]:
    file = os.open(path, os.O_RDONLY)
    try:
        yield MediaFile(file, path.stat().st_size, MediaLimits())
    finally:
        os.close(file)


def pictures_of(path: Path, wanted: int) -> list[Frames]:
    found: dict[int, Frames] = {}

    def give(places: list[int], image: Frames) -> None:
        found.update(dict.fromkeys(places, image))

    with opened(path) as media:
        pictures.read_pictures(media, wanted, give)
    return [found[place] for place in range(wanted)]


def assert_same_as_decoding_everything(path: Path) -> None:
    every = decoded(path)
    for wanted in (1, 8, len(every)):
        indices = frame_indices(len(every), wanted)
        for index, image in zip(indices, pictures_of(path, wanted), strict=True):
            assert np.array_equal(image, every[index]), (wanted, index, number_of(image))


@pytest.mark.parametrize(
    ("name", "by_index"),
    [(n, by) for n in FILMS for by in (True, False) if not by or n.endswith((".mp4", ".mov"))],
)
def test_seeking_gives_the_frames_of_decoding_everything(
    folder: Path, name: str, by_index: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / name
    if not path.exists():
        write(path, FILMS[name])
    monkeypatch.setattr(timeline, "WORTH_AN_INDEX", 0 if by_index else 1 << 40)
    # As large films are: frames decoded side by side come out later.
    monkeypatch.setattr(files, "WORTH_THREADS", 0)
    monkeypatch.setattr(files, "THREADS", 4)
    fallbacks = count_fallbacks(monkeypatch)
    assert_same_as_decoding_everything(path)
    if "intra-refresh" not in name:  # every frame of it needs those before
        assert fallbacks == []


@pytest.mark.parametrize("name", BY_DECODING_ONLY)
def test_files_without_exact_times_are_decoded_in_order(folder: Path, name: str) -> None:
    assert_same_as_decoding_everything(write(folder / name, BY_DECODING_ONLY[name]))


def count_fallbacks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    real = pictures._read_in_order

    def counted(media: MediaFile, wanted: int, given: pictures._Giver) -> None:
        calls.append(wanted)
        real(media, wanted, given)

    monkeypatch.setattr(pictures, "_read_in_order", counted)
    return calls


def test_a_fragmented_film_has_no_index_and_loses_no_frame(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "WORTH_AN_INDEX", 0)
    options = {"movflags": "frag_keyframe+empty_moov"}
    path = write(folder / "fragments.mp4", Video(options=B_FRAMES), options=options)
    assert_same_as_decoding_everything(path)


def test_a_film_whose_start_is_cut_by_an_edit_list(folder: Path) -> None:
    """Copied from its 31st frame on, as cutting tools do: hidden frames are kept for decoding."""
    whole = write(folder / "whole.mp4", Video(options={"g": "25", "bf": "0"}))
    path = folder / "cut.mp4"
    cut_without_encoding(whole, path, first=25, hidden=6)
    every = decoded(path)
    assert number_of(every[0]) == 31
    assert_same_as_decoding_everything(path)


def cut_without_encoding(whole: Path, path: Path, *, first: int, hidden: int) -> None:
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        video = source.streams.video[0]
        copy = out.add_stream_from_template(video)
        ticks = round(1 / (25 * (video.time_base or 1)))
        for number, packet in enumerate(source.demux(video)):
            if number >= first and packet.pts is not None and packet.dts is not None:
                packet.pts -= (first + hidden) * ticks
                packet.dts -= (first + hidden) * ticks
                packet.stream = copy
                out.mux(packet)


def test_only_the_wanted_parts_of_a_large_file_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = Video(frames=1500, options={"g": "25", "qp": "0", "preset": "ultrafast"})
    path = write(folder / "long.mp4", noisy, Audio(seconds=60, codec="pcm_s16le"), format="mov")
    monkeypatch.setattr(timeline, "WORTH_AN_INDEX", 0)
    read = 0
    pread = os.pread

    def counted(file: int, count: int, offset: int) -> bytes:
        nonlocal read
        data = pread(file, count, offset)
        read += len(data)
        return data

    monkeypatch.setattr(os, "pread", counted)
    images = pictures_of(path, 8)
    assert [number_of(i) for i in images] == [i % 256 for i in frame_indices(1500, 8)]
    assert read < path.stat().st_size / 3, (read, path.stat().st_size)


def test_frames_start_at_any_time(folder: Path) -> None:
    late = Video(options=B_FRAMES, times=[5_000 + 40 * i for i in range(100)])
    assert_same_as_decoding_everything(write(folder / "late.mkv", late))


def test_one_frame_fills_all_places(folder: Path) -> None:
    path = write(folder / "one.mp4", Video(frames=1))
    assert [number_of(image) for image in pictures_of(path, 4)] == [0] * 4

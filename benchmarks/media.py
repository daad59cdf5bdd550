"""Reading clips: only the wanted frames and windows, against decoding everything.

    python benchmarks/media.py [--quick] [--json]

Films are made in a temporary folder: 10 minutes of 1080p H.264 (25 pictures a second, a keyframe
every 5 s) with AAC, and an hour of AAC. Ours reads through the child process, everything is
decoded in this one; both give the same 8 frames. With --quick a twentieth of the film and of the
sound is decoded and its time taken twenty times. The last line with --json is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from inference.media import SAMPLE_RATE, MediaLimits, SoundPlan, frame_indices, probe, read_clip
from inference.media.files import MediaFile
from inference.media.pictures import read_pictures
from inference.media.process import READER
from inference.media.sound import read_sound

FRAMES = 8
PLAN = SoundPlan()
PICTURE = (1920, 1080)
RATE = 25
GROUP_SECONDS = 5
SOUND_RATE = 44_100


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="decode a twentieth, fewer repetitions"
    )
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), quick=arguments.quick)
    report(figures)
    if arguments.json:
        print(json.dumps(figures))


def measure(folder: Path, *, quick: bool) -> dict[str, float]:
    film, voice, clip = folder / "film.mp4", folder / "voice.m4a", folder / "clip.mp4"
    load = os.getloadavg()[0]
    write_film(film, PICTURE, groups=120)
    write_voice(voice, minutes=60)
    write_film(clip, (320, 240), groups=1)
    share = 20 if quick else 1
    repeats = 3 if quick else 7
    probe(clip)
    film_all = timed(lambda: decode_pictures(film, 120 * GROUP_SECONDS // share))
    film_ours = median(lambda: read_frames(film), repeats)
    voice_all = timed(lambda: decode_sound(voice, 3600 // share))
    voice_ours = median(lambda: read_clip(voice, num_frames=1, sound=PLAN), repeats)
    # In turns, so that other work on the machine slows both.
    turns = [
        (timed(lambda: in_process(clip)), timed(lambda: read_frames(clip)))
        for _ in range(10 * repeats)
    ]
    inside, child = (middle(list(column)) for column in zip(*turns, strict=True))
    figures = {
        "load_at_start": load,
        "film_mb": film.stat().st_size / 2**20,
        "film_all_s": film_all.wall * share,
        "film_ours_s": film_ours.wall,
        "film_speedup": film_all.wall * share / film_ours.wall,
        "film_speedup_cpu": film_all.processor * share / film_ours.processor,
        "voice_all_s": voice_all.wall * share,
        "voice_ours_s": voice_ours.wall,
        "voice_speedup": voice_all.wall * share / voice_ours.wall,
        "voice_speedup_cpu": voice_all.processor * share / voice_ours.processor,
        "clip_in_process_ms": 1000 * inside.wall,
        "clip_in_child_ms": 1000 * child.wall,
        "child_overhead_ms": 1000 * (child.wall - inside.wall),
        "child_start_ms": 1000 * median(lambda: restart(clip), repeats).wall,
    }
    return {name: round(value, 3) for name, value in figures.items()}


def read_frames(path: Path) -> None:
    read_clip(path, num_frames=FRAMES, sound=PLAN)


def restart(path: Path) -> None:
    READER.close()
    probe(path)


def in_process(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    media = MediaFile(file, path.stat().st_size, MediaLimits())
    read_pictures(media, FRAMES, lambda places, picture: None)
    read_sound(media, PLAN)
    os.close(file)


def decode_pictures(path: Path, seconds: int) -> None:
    wanted = set(frame_indices(seconds * RATE, FRAMES))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for number, frame in enumerate(container.decode(stream)):
            if number in wanted:
                frame.to_ndarray(format="rgb24")
            if number + 1 == seconds * RATE:
                return


def decode_sound(path: Path, seconds: int) -> None:
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    samples = 0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples += sum(piece.to_ndarray().size for piece in resampler.resample(frame))
            if samples >= seconds * SAMPLE_RATE:
                return


def write_film(path: Path, size: tuple[int, int], *, groups: int) -> None:
    """One group of pictures is encoded, and written as often as asked for."""
    with av.open(str(path), "w") as out:
        options = {"preset": "veryfast", "crf": "23", "bf": "3"}
        video: Any = out.add_stream("libx264", rate=RATE, options=options)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        audio: Any = out.add_stream("aac", rate=SOUND_RATE, layout="stereo")
        group = [p for image in pictures(size) for p in video.encode(image)]
        group += video.encode(None)
        repeat(out, [group, encoded_sound(audio, GROUP_SECONDS)], groups)


def write_voice(path: Path, *, minutes: int) -> None:
    with av.open(str(path), "w", format="ipod") as out:
        audio: Any = out.add_stream("aac", rate=SOUND_RATE, layout="stereo")
        repeat(out, [encoded_sound(audio, 60)], minutes)


def repeat(out: Any, streams: list[list[Any]], times: int) -> None:
    """Writes the packets of each stream so often, each time after what was written before."""
    for number in range(times):
        for packets in streams:
            video = packets[0].stream.type == "video"
            length = len(packets) * (round(1 / (RATE * packets[0].time_base)) if video else 1024)
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.stream, copy.time_base = packet.stream, packet.time_base
                copy.pts = packet.pts + number * length
                copy.dts = packet.dts + number * length
                copy.duration, copy.is_keyframe = packet.duration, packet.is_keyframe
                out.mux(copy)


def encoded_sound(stream: Any, seconds: int) -> list[Any]:
    time_ = np.arange(seconds * SOUND_RATE) / SOUND_RATE
    wave = 0.3 * np.sin(2 * np.pi * 220 * time_) * np.sin(2 * np.pi * 3 * time_)
    noise = 0.02 * np.random.default_rng(0).standard_normal(time_.size)
    both = np.tile((wave + noise).astype(np.float32), (2, 1))
    frame = av.AudioFrame.from_ndarray(both, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = SOUND_RATE, 0
    resampler = av.AudioResampler("fltp", "stereo", SOUND_RATE, frame_size=1024)
    frames = (*resampler.resample(frame), *resampler.resample(None))
    packets = [packet for frame in frames for packet in stream.encode(frame)]
    return packets + list(stream.encode(None))


def pictures(size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    """A grainy picture that drifts, as a camera in a hand gives."""
    width, height = size
    draw = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(2 * width), np.arange(2 * height))
    scene = (90 + 60 * np.sin(x / 37) * np.cos(y / 53)).astype(np.uint8)
    scene = scene + draw.integers(0, 12, scene.shape, dtype=np.uint8)
    for number in range(RATE * GROUP_SECONDS):
        left, top = number * width // 400, number * height // 600
        luma: npt.NDArray[np.uint8] = scene[top : top + height, left : left + width]
        chroma = np.full((height // 2, width), 128, np.uint8)
        yield av.VideoFrame.from_ndarray(np.concatenate([luma, chroma]), format="yuv420p")


class Cost(NamedTuple):
    wall: float
    processor: float
    """Of this process and the child, on all their threads: what a busy machine changes little."""


def timed(act: Callable[[], object]) -> Cost:
    began, used = time.perf_counter(), processor_seconds()
    act()
    return Cost(time.perf_counter() - began, processor_seconds() - used)


def median(act: Callable[[], object], times: int) -> Cost:
    return middle([timed(act) for _ in range(times)])


def middle(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def processor_seconds() -> float:
    child = READER._child
    if child is None:
        return time.process_time()
    user, system = Path(f"/proc/{child.process.pid}/stat").read_text().split()[13:15]
    return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def report(figures: dict[str, float]) -> None:
    value = figures.__getitem__
    print(f"load at the start: {value('load_at_start'):.1f}; in brackets by processor time")
    print(
        f"8 frames and 4 windows of 10 min 1080p ({value('film_mb'):.0f} MB): "
        f"{value('film_ours_s'):.2f} s; all pictures {value('film_all_s'):.1f} s; "
        f"{value('film_speedup'):.0f} times faster ({value('film_speedup_cpu'):.0f})"
    )
    print(
        f"4 windows of 30 s of an hour of AAC: {value('voice_ours_s'):.2f} s; all of it "
        f"{value('voice_all_s'):.1f} s; {value('voice_speedup'):.0f} times faster "
        f"({value('voice_speedup_cpu'):.0f})"
    )
    print(
        f"a clip of 5 s: {value('clip_in_child_ms'):.1f} ms in the child, "
        f"{value('clip_in_process_ms'):.1f} ms without; "
        f"a new child {value('child_start_ms'):.0f} ms"
    )


if __name__ == "__main__":
    main()

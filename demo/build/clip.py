"""One clip: a person says a line with an emotion; H.264 and AAC in an MP4."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.build import scene
from demo.build.expression import Expression, Performance, perform
from demo.build.people import Person, seeded
from demo.build.voice import RATE, Sound, speak

FPS = 12
SHORTEST, LONGEST = 3.1, 5.25
LEAD_IN = 0.25
VIDEO_OPTIONS = {
    "profile": "main", "crf": "29", "preset": "medium", "tune": "animation", "g": "24",
    "threads": "1",
}  # fmt: skip
AUDIO_BITS = 32_000


@dataclass(frozen=True)
class Take:
    """What to film."""

    person: Person
    emotion: str
    line: str
    seed: str


def film(take: Take, path: Path, fps: int = FPS) -> str:
    """Writes the clip, the same bytes for the same take; returns the words that are heard."""
    random = seeded(f"take {take.seed}")
    spoken = speak(take.line, take.person, take.emotion, LONGEST - LEAD_IN - 0.25, random)
    sound = _with_silence(spoken.sound, random, fps)
    performance = perform(take.emotion, len(sound) / RATE, random)
    background = scene.room(take.person, random)
    path.parent.mkdir(parents=True, exist_ok=True)
    _encode(_frames(take.person, performance, background, sound, fps), sound, path, fps)
    return spoken.text


def _with_silence(speech: Sound, random: Random, fps: int) -> Sound:
    before = np.zeros(round((LEAD_IN + random.uniform(-0.05, 0.05)) * RATE), np.float32)
    wanted = max(SHORTEST, (len(before) + len(speech)) / RATE + 0.25)
    whole_frames = min(math.ceil(wanted * fps), round(LONGEST * fps))
    sound = np.zeros(round(whole_frames * RATE / fps), np.float32)
    room_left = len(sound) - len(before)
    sound[len(before) : len(before) + min(len(speech), room_left)] = speech[:room_left]
    return sound


def _frames(
    person: Person, performance: Performance, background: Image.Image, sound: Sound, fps: int
) -> Iterator[Image.Image]:
    for number, (opening, rounding) in enumerate(mouth_track(sound, fps)):
        look = performance.at(number / fps)
        yield scene.draw(background, person, _speaking(look, opening, rounding))


def _speaking(look: Expression, opening: float, rounding: float) -> Expression:
    moved = 0.85 * opening * look.voice_opens
    return replace(
        look,
        mouth_open=look.mouth_open * (0.55 + 0.45 * min(1.0, 2 * opening)) + moved,
        mouth_width=look.mouth_width * (1 - 0.16 * rounding * opening),
        lip_press=look.lip_press * (1 - opening),
    )


def mouth_track(sound: Sound, fps: int = FPS) -> NDArray[np.float64]:
    """(frames, 2): how open (0..1) and how rounded (0..1) speech makes the mouth."""
    hop = RATE / fps
    frames = round(len(sound) / hop)
    opening, rounding = np.zeros(frames), np.zeros(frames)
    for number in range(frames):
        piece = sound[round(number * hop) : round((number + 1) * hop)]
        opening[number] = float(np.sqrt(np.mean(piece**2)))
        spectrum = np.abs(np.fft.rfft(piece))
        hertz = np.fft.rfftfreq(len(piece), 1 / RATE)
        centroid = float((spectrum * hertz).sum() / max(float(spectrum.sum()), 1e-6))
        rounding[number] = np.clip((1_600 - centroid) / 1_200, 0, 1)
    loud = max(float(np.quantile(opening, 0.95)), 1e-4)
    return np.stack([np.clip(opening / loud, 0, 1) ** 0.7, rounding], axis=1)


def _encode(pictures: Iterator[Image.Image], sound: Sound, path: Path, fps: int) -> None:
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=fps, options=VIDEO_OPTIONS)
        video.width = video.height = scene.SIZE
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        audio.bit_rate = AUDIO_BITS
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture))
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for start in range(0, len(sound), 1024):
            chunk = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], "fltp", "mono")
            chunk.sample_rate, chunk.pts = RATE, start
            chunk.time_base = Fraction(1, RATE)
            container.mux(audio.encode(chunk))
        container.mux(audio.encode(None))

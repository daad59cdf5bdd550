"""A line spoken by espeak-ng in a person's voice, with the prosody an emotion gives it.

Prosody follows the usual findings (Banse & Scherer 1996): anger loud, fast and rough; joy high,
wide and bright; fear high, fast and trembling; sadness slow, soft and sinking; depression slow, low
and flat; disgust slow, low and creaky.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import wave
from dataclasses import dataclass
from html import escape
from random import Random

import numpy as np
from numpy.typing import NDArray

from demo.build.people import Person

RATE = 22_050
Sound = NDArray[np.float32]


class VoiceMissingError(RuntimeError):
    """espeak-ng is needed to render clips, never to use the corpus."""


@dataclass(frozen=True)
class Prosody:
    pitch: float = 0.0  # added to the person's espeak pitch
    spread: float = 100.0  # per cent of espeak's pitch range
    pace: float = 1.0
    level: float = -24.0  # dBFS of the speaking parts
    tremor: float = 0.0  # depth of the amplitude tremor
    tremor_hz: float = 7.0
    rough: float = 0.0  # soft clipping and creak
    breath: float = 0.0  # noise mixed in
    tilt: float = 0.0  # below 0 muffled, above 0 bright
    nasal: float = 0.0
    fade: float = 0.0  # how far the level sinks along the line
    pause: int = 0  # silence after a comma or a full stop, ms


PROSODY: dict[str, Prosody] = {
    "neutral": Prosody(pause=90),
    "joy": Prosody(pitch=24, spread=190, pace=1.14, level=-21, tilt=0.6),
    "sadness": Prosody(
        pitch=-2, spread=60, pace=0.8, level=-29, tremor=0.4, tremor_hz=4.6, breath=0.05,
        tilt=-0.45, fade=0.55, pause=260,
    ),
    "anger": Prosody(pitch=6, spread=165, pace=1.2, level=-16.5, rough=0.85, tilt=0.75),
    "fear": Prosody(
        pitch=34, spread=70, pace=1.26, level=-23, tremor=0.62, tremor_hz=9.0, breath=0.13,
        tilt=0.25, pause=30,
    ),
    "disgust": Prosody(
        pitch=-14, spread=150, pace=0.86, level=-23, rough=0.4, tremor=0.3, tremor_hz=26.0,
        nasal=0.9, pause=120,
    ),
    "depression": Prosody(
        pitch=-18, spread=12, pace=0.74, level=-32, breath=0.03, tilt=-0.85, fade=0.25, pause=420,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Spoken:
    sound: Sound
    text: str  # the part of the line that is heard


def available() -> bool:
    return shutil.which("espeak-ng") is not None


def speak(line: str, person: Person, emotion: str, longest: float, random: Random) -> Spoken:
    """The line, or as many of its phrases as fit in `longest` seconds."""
    prosody = _vary(PROSODY[emotion], random)
    for text in prefixes(line):
        sound = _trim(_espeak(text, person, prosody))
        if len(sound) <= longest * RATE:
            return Spoken(_colour(sound, prosody, random), text)
    raise ValueError(f"not one word fits in {longest} s: {line!r}")


def prefixes(line: str) -> list[str]:
    """The whole line, then ever shorter beginnings: ends of phrases first, then of words."""
    phrases = [
        match.end() for match in re.finditer(r"[,.;:?!]+(?=\s)|\s(?=and |but |because )", line)
    ]
    words = [match.start() for match in re.finditer(r"\s", line)]
    enough = [end for end in phrases if len(line[:end].split()) >= 4]
    ends = [len(line), *sorted(enough, reverse=True), *sorted(words, reverse=True)]
    return [line[:end].strip() for end in ends]


def _vary(prosody: Prosody, random: Random) -> Prosody:
    def near(value: float) -> float:
        return value * random.gauss(1, 0.12)

    return Prosody(
        pitch=near(prosody.pitch) + random.gauss(0, 2),
        spread=near(prosody.spread),
        pace=prosody.pace * random.gauss(1, 0.04),
        level=prosody.level + random.gauss(0, 1),
        tremor=near(prosody.tremor),
        tremor_hz=near(prosody.tremor_hz),
        rough=near(prosody.rough),
        breath=near(prosody.breath),
        tilt=near(prosody.tilt),
        nasal=near(prosody.nasal),
        fade=near(prosody.fade),
        pause=round(near(prosody.pause)),
    )


def _espeak(text: str, person: Person, prosody: Prosody) -> Sound:
    if not available():
        raise VoiceMissingError(
            "espeak-ng is not installed: it speaks the lines when clips are rendered again"
            " (Debian: apt-get install espeak-ng)"
        )
    marked = escape(text, quote=False)
    if prosody.pause > 0:
        marked = re.sub(r"([,.;:?!])(?=\s)", rf'\1<break time="{prosody.pause}ms"/>', marked)
    ssml = f'<speak><prosody range="{prosody.spread:.0f}%">{marked}</prosody></speak>'
    pitch = min(max(person.pitch + prosody.pitch, 0), 99)
    words_a_minute = person.pace * prosody.pace
    command = [
        "espeak-ng", "-m", "--stdout", "-v", person.voice, "-p", f"{pitch:.0f}",
        "-s", f"{words_a_minute:.0f}", ssml,
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, timeout=30)  # noqa: S603
    with wave.open(io.BytesIO(done.stdout)) as reader:
        if reader.getframerate() != RATE:
            raise ValueError(f"espeak-ng answered at {reader.getframerate()} Hz, not {RATE}")
        # --stdout writes a length that is never corrected: read what is there.
        samples = np.frombuffer(reader.readframes(reader.getnframes()), dtype="<i2")
    return (samples / 32_768).astype(np.float32)


def _trim(sound: Sound) -> Sound:
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    return sound[max(0, loud[0] - 400) : loud[-1] + 1200] if loud.size else sound[:0]


def _colour(sound: Sound, prosody: Prosody, random: Random) -> Sound:
    noise = np.random.default_rng(random.getrandbits(32))
    seconds = np.arange(len(sound)) / RATE
    shaped = _equalise(sound.astype(np.float64), prosody)
    shaped /= max(float(np.abs(shaped).max()), 1e-6)
    if prosody.rough > 0.05:
        drive = 1 + 6 * prosody.rough
        shaped = np.tanh(drive * shaped) / np.tanh(drive)
    if prosody.tremor > 0:
        wobble = prosody.tremor_hz * seconds + 0.3 * np.sin(2.1 * seconds)
        shaped *= 1 - prosody.tremor * (0.5 + 0.5 * np.sin(2 * np.pi * wobble))
    if prosody.breath > 0:
        envelope = np.convolve(np.abs(shaped), np.ones(600) / 600, mode="same")
        shaped += prosody.breath * 4 * envelope * noise.standard_normal(len(shaped))
    shaped *= np.linspace(1, 1 - prosody.fade, len(shaped))
    speaking = np.abs(shaped) > 0.02
    power = float(np.sqrt(np.mean(shaped[speaking] ** 2))) if speaking.any() else 1.0
    shaped *= 10 ** (prosody.level / 20) / power
    return np.clip(shaped, -0.98, 0.98).astype(np.float32)


def _equalise(sound: NDArray[np.float64], prosody: Prosody) -> NDArray[np.float64]:
    """A spectral slope of 9 dB an octave per unit of tilt about 800 Hz, and a nasal resonance."""
    spectrum = np.fft.rfft(sound)
    hertz = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), 60)
    decibels = np.clip(9 * prosody.tilt * np.log2(hertz / 800), -30, 14)
    if prosody.nasal > 0:
        decibels += 14 * prosody.nasal * np.exp(-((np.log2(hertz / 1_050) / 0.28) ** 2))
        decibels -= 12 * prosody.nasal * np.exp(-((np.log2(hertz / 480) / 0.35) ** 2))
    return np.fft.irfft(spectrum * 10 ** (decibels / 20), len(sound))

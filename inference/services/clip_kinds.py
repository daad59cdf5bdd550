"""What a clip's file is called and served as, and whether browsers play it as it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference.media import MediaFacts

HEAD_BYTES = 64


@dataclass(frozen=True)
class ClipKind:
    name: str
    """`mp4`, `mov`, `m4a`, `mkv`, ...: also the ending of the stored file."""
    content_type: str

    @property
    def suffix(self) -> str:
        return f".{self.name}"


TYPES = {
    "mp4": "video/mp4",
    "m4a": "audio/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "avi": "video/x-msvideo",
}
OTHER = "application/octet-stream"
"""Never shown as it is, only downloaded."""
PLAYED = {
    "mp4": (("h264",), ("aac",)),
    "webm": (("vp8", "vp9"), ("vorbis", "opus")),
    "m4a": ((), ("aac",)),
    "mp3": ((), ("mp3",)),
    "wav": ((), ("pcm_s16le", "pcm_u8")),
    "flac": ((), ("flac",)),
}
"""What Chromium, Firefox and Safari all play without the help of the device: codecs of the picture
and of the sound. HEVC and AV1 depend on the hardware in Safari and Firefox; Matroska, QuickTime
and Ogg on the version of a browser."""

PIXELS = ("yuv420p", "yuvj420p")
"""Eight bits and a quarter of the colour: others need a decoder that not every browser has."""


def kind_of(path: Path, facts: MediaFacts) -> ClipKind:
    with path.open("rb") as file:
        name = _name(facts, file.read(HEAD_BYTES))
    return ClipKind(name, TYPES.get(name, OTHER))


def _name(facts: MediaFacts, head: bytes) -> str:
    if facts.container_format == "matroska":
        return "webm" if b"webm" in head else "mkv"
    if facts.container_format == "mp4":
        # Files of before ISO's format have no brand.
        if head[4:8] != b"ftyp" or head[8:12] == b"qt  ":
            return "mov"
        return "mp4" if facts.video_codec else "m4a"
    return facts.container_format


def plays_in_browsers(kind: ClipKind, facts: MediaFacts) -> bool:
    if kind.name not in PLAYED:
        return False
    pictures, sounds = PLAYED[kind.name]
    if pictures and not facts.video_codec:
        return False
    # Of several streams a browser may choose another one than a model is given.
    if max(facts.video_streams, facts.audio_streams) > 1:
        return False
    if facts.rotation and kind.name != "mp4":
        return False
    if facts.video_codec and (
        facts.video_codec not in pictures or facts.pixel_format not in PIXELS
    ):
        return False
    return not facts.audio_codec or facts.audio_codec in sounds

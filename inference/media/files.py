"""Opening a file by its content. Runs in the child."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from inference.media.contract import SHORTEN, MediaError, MediaLimits

BUFFER = 1 << 16
THREADS = min(4, os.cpu_count() or 1)
WORTH_THREADS = 640 * 480
"""Pixels; smaller pictures take longer to hand around than to decode."""

_AT_START = (
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"FLV\x01", "flv"),
    (b"caff", "caf"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"#!AMR", "amr"),
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
_RIFF = {b"WAVE": "wav", b"AVI ": "avi"}
_TS_PACKET = 188
_BLOCK = 256
S = TypeVar("S", VideoStream, AudioStream)

_VIDEO_DECODERS = """
    h264 hevc vp8 vp9 libdav1d av1 mpeg4 mpeg1video mpeg2video mjpeg theora prores h263 flv
    msmpeg4v2 msmpeg4 wmv1 wmv2 wmv3 vc1 dnxhd rawvideo ffv1 huffyuv ffvhuff dvvideo cinepak
    svq3 qtrle png vp6f vp6 gif
"""
_AUDIO_DECODERS = """
    aac mp3float mp3 mp2float mp2 mp1float opus libopus vorbis flac alac ac3 eac3 amrnb amrwb
    libopencore_amrnb libopencore_amrwb wmav1 wmav2 wmapro speex adpcm_ms adpcm_ima_wav
    adpcm_ima_qt adpcm_swf nellymoser gsm gsm_ms qdm2 pcm_u8 pcm_s8 pcm_s16le pcm_s16be
    pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_f32le pcm_f32be pcm_f64le pcm_f64be pcm_alaw
    pcm_mulaw pcm_s16le_planar pcm_dvd pcm_bluray
"""
VIDEO_DECODERS = frozenset(_VIDEO_DECODERS.split())
AUDIO_DECODERS = frozenset(_AUDIO_DECODERS.split())
_ENCRYPTED_TAGS = ("encv", "enca", "drmi", "drms")
_ENCRYPTION_NOTES: tuple[Literal["encryption_info", "encryption_init_info"], ...] = (
    "encryption_info",
    "encryption_init_info",
)
_PICTURES_ASIDE = Disposition.attached_pic | Disposition.timed_thumbnails


class _Reader:
    """The bytes that were there when the file was opened, whatever is added meanwhile."""

    def __init__(self, file: int, size: int) -> None:
        self.file, self.size, self.position = file, size, 0

    def read(self, count: int) -> bytes:
        count = min(count, self.size - self.position)
        data = os.pread(self.file, count, self.position) if count > 0 else b""
        self.position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}[whence]
        self.position = max(base + offset, 0)
        return self.position

    def tell(self) -> int:
        return self.position


@dataclass(frozen=True)
class MediaFile:
    file: int
    size: int
    limits: MediaLimits

    def format(self) -> str:
        start = os.pread(self.file, 4 * _TS_PACKET, 0)
        found = _format_of(start)
        if found is None:
            raise MediaError("its content is not that of a known kind of film or sound")
        return found

    def open(self) -> InputContainer:
        """As bytes of a stated format: left to guess, FFmpeg also follows playlists to other
        files and addresses. Decoders are refused pictures over the limit before they allocate."""
        container = av.open(
            _Reader(self.file, self.size),
            mode="r",
            format=self.format(),
            options=_decoder_options(self.limits),
            container_options={
                "protocol_whitelist": "pipe",
                "codec_whitelist": ",".join(VIDEO_DECODERS | AUDIO_DECODERS),
            },
            metadata_errors="replace",
            buffer_size=BUFFER,
        )
        if not isinstance(container, InputContainer):
            raise TypeError(container)
        return container


def _format_of(start: bytes) -> str | None:
    for magic, name in _AT_START:
        if start.startswith(magic):
            return name
    if start[4:8] in _BOXES:
        return "mp4"
    if start[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(start[8:12])
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if start[:3] == b"ID3":
        return "mp3"
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0:
        # The layer: 0 only in the headers of AAC.
        return "mp3" if start[1] & 0x06 else "aac"
    sync = start[::_TS_PACKET][:3]
    return "mpegts" if len(sync) == 3 and set(sync) == {0x47} else None


def video_of(container: InputContainer, limits: MediaLimits) -> VideoStream | None:
    """The film: neither a cover picture nor a preview; the one that players show first."""
    stream = _first(videos(container), VIDEO_DECODERS)
    if stream is None:
        return None
    refuse_over(stream.codec_context.width, stream.codec_context.height, limits)
    stream.codec_context.options = _decoder_options(limits)
    stream.codec_context.thread_type = "AUTO"
    small = stream.codec_context.width * stream.codec_context.height < WORTH_THREADS
    stream.codec_context.thread_count = 1 if small else THREADS
    return stream


def audio_of(container: InputContainer) -> AudioStream | None:
    return _first(list(container.streams.audio), AUDIO_DECODERS)


def videos(container: InputContainer) -> list[VideoStream]:
    return [s for s in container.streams.video if not s.disposition & _PICTURES_ASIDE]


def only(container: InputContainer, stream: Stream) -> None:
    """The other streams are stepped over without being read."""
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all


def _first(streams: list[S], decoders: frozenset[str]) -> S | None:
    """Default streams first, then in the order of the file."""
    streams = sorted(streams, key=lambda s: not s.disposition & Disposition.default)
    usable = [s for s in streams if s.codec_context is not None and s.name in decoders]
    if streams and not usable:
        if any(s.codec_tag in _ENCRYPTED_TAGS for s in streams if s.codec_context is not None):
            raise encrypted()
        name = streams[0].name or "unknown"
        raise MediaError(f"its {streams[0].type} format ({name}) is not one that is read here")
    return usable[0] if usable else None


def _decoder_options(limits: MediaLimits) -> dict[str, str]:
    """Decoders count the pixels of rows and columns that they add to fill their blocks."""
    return {"max_pixels": str(2 * limits.max_pixels + _BLOCK**2)}


def refuse_encrypted(packet: Packet[Any]) -> None:
    if any(packet.has_sidedata(note) for note in _ENCRYPTION_NOTES):
        raise encrypted()


def encrypted() -> MediaError:
    return MediaError("it is encrypted", "Save it again without copy protection.")


def refuse_over(width: int, height: int, limits: MediaLimits) -> None:
    if width * height > limits.max_pixels:
        raise MediaError(
            f"its picture of {width} x {height} has more than "
            f"{limits.max_pixels / 1e6:.0f} million pixels",
            SHORTEN,
        )

"""Clips into storage: probed, then kept under the hash of their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from django.core.files import File
from django.core.files.storage import default_storage

from inference.corpora import content_sha256
from inference.errors import DomainError
from inference.models import Clip, Corpus

if TYPE_CHECKING:
    from av.container import InputContainer

MAX_CLIP_BYTES = 200 * 2**20
MAX_CLIP_SECONDS = 600
MAX_CLIP_SIDE = 4096
VIDEO_CODECS = ("h264", "vp8", "vp9", "av1", "libdav1d")
CONVERT = (
    "Convert it, for example: ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p -c:a aac "
    "-movflags faststart OUT.mp4"
)


class UnusableClipError(DomainError):
    """The clip would not play in a rater's browser, or could not be given to a model."""


@dataclass(frozen=True)
class ClipFacts:
    content_type: str
    duration_ms: int
    width: int
    height: int
    video_codec: str
    audio_codec: str
    """Empty where the clip has no sound."""


def store_clip(*, corpus: Corpus, path: Path) -> tuple[Clip, bool]:
    """The corpus' clip with these bytes, and whether it is new. Its file is not undone by a
    rollback: whoever rolls back deletes it."""
    sha256 = content_sha256([path])
    known = Clip.objects.filter(corpus=corpus, sha256=sha256).first()
    if known is not None:
        return known, False
    facts = probe_clip(path)
    name = f"clips/{corpus.pk}/{sha256}{'.mp4' if facts.content_type == 'video/mp4' else '.webm'}"
    # Without a row, a file of this name is what an interrupted import left behind.
    default_storage.delete(name)
    with path.open("rb") as file:
        stored = default_storage.save(name, File(file))
    clip = Clip.objects.create(
        corpus=corpus,
        sha256=sha256,
        file=stored,
        size_bytes=path.stat().st_size,
        **vars(facts),
    )
    return clip, True


def probe_clip(path: Path) -> ClipFacts:
    """Decodes the whole clip: a header alone does not show that the rest is there."""
    import av
    from av.error import FFmpegError

    if path.stat().st_size > MAX_CLIP_BYTES:
        raise UnusableClipError(f"it is larger than {MAX_CLIP_BYTES // 2**20} MiB. {CONVERT}")
    with path.open("rb") as file:
        container_format = _container_format(file)
        try:
            # As bytes of a stated format: left to guess, FFmpeg also follows playlists to other
            # files and addresses.
            with av.open(file, mode="r", format=container_format) as container:
                return _facts(container, "video/mp4" if container_format == "mp4" else "video/webm")
        except FFmpegError as error:
            raise UnusableClipError(
                f"it cannot be decoded ({error.strerror}). {CONVERT}"
            ) from error


def _container_format(file: BinaryIO) -> str:
    start = file.read(12)
    file.seek(0)
    if start[4:8] == b"ftyp":
        return "mp4"
    if start.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    raise UnusableClipError(f"it is neither MP4 nor WebM. {CONVERT}")


def _facts(container: InputContainer, content_type: str) -> ClipFacts:
    if not container.streams.video:
        raise UnusableClipError(f"it has no picture. {CONVERT}")
    video = container.streams.video[0]
    audio = next(iter(container.streams.audio), None)
    if video.codec_context.name not in VIDEO_CODECS:
        raise UnusableClipError(f"browsers do not play {video.codec_context.name}. {CONVERT}")
    if max(video.width, video.height) > MAX_CLIP_SIDE:
        raise UnusableClipError(f"its picture is wider than {MAX_CLIP_SIDE} pixels. {CONVERT}")
    return ClipFacts(
        content_type=content_type,
        duration_ms=round(_decoded_seconds(container) * 1000),
        width=video.width,
        height=video.height,
        video_codec=video.codec_context.name,
        audio_codec=audio.codec_context.name if audio else "",
    )


def _decoded_seconds(container: InputContainer) -> float:
    from av import AudioFrame, VideoFrame

    end, pictures = 0.0, 0
    wanted = [*container.streams.video[:1], *container.streams.audio[:1]]
    for frame in container.decode(wanted):
        if not isinstance(frame, VideoFrame | AudioFrame):
            continue
        length = float((frame.duration or 0) * (frame.time_base or 0))
        end = max(end, (frame.time or 0.0) + length)
        pictures += isinstance(frame, VideoFrame)
        if end > MAX_CLIP_SECONDS:
            raise UnusableClipError(f"it is longer than {MAX_CLIP_SECONDS // 60} minutes")
    if pictures == 0 or pictures < container.streams.video[0].frames:
        raise UnusableClipError(
            f"it is cut short: {pictures} of {container.streams.video[0].frames} pictures are "
            "there. Copy it again"
        )
    return end

"""Clips into storage: their bytes under their hash, and a copy where browsers need one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

from inference.errors import DomainError
from inference.media import MediaError, MediaFacts, MediaLimits, make_playback, probe
from inference.models import Clip, Corpus
from inference.services.clip_kinds import kind_of, plays_in_browsers
from inference.services.staging import Staging

CHUNK_BYTES = 2**20
WHOLLY_DECODED_MS = 600_000
"""A header does not show that the rest is there. Longer clips are believed all the same: to decode
an hour would take longer than the limit."""
COPY_PACE = 4
"""A copy may take so many seconds more for each second of the clip."""
SHORTEN = "Cut it to the utterance, or convert it to a smaller size"


class UnusableClipError(DomainError):
    """The clip cannot be given to a model or shown to a rater."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}")
        self.problem = problem
        self.remedy = remedy


class _Staged(File):  # type: ignore[type-arg]  # generic to the checker only
    """A file that storage may move instead of copying it."""

    def temporary_file_path(self) -> str:
        return str(self.name)


class ClipStore:
    """The clips of one import into a corpus, which that import holds locked.

    On leaving with an exception every file that was stored is removed, still under the lock: a
    later import may store the same names.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.limits = MediaLimits(
            seconds=settings.MEDIA_SECONDS, memory_mb=settings.MEDIA_MEMORY_MB
        )
        self._stored: list[str] = []
        self._hashes: dict[Path, str] = {}

    def __enter__(self) -> Self:
        self.staging = Staging()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            for name in self._stored:
                default_storage.delete(name)
        self.staging.remove()

    def sha256(self, path: Path) -> str:
        """Of the bytes as they were when this import first asked."""
        if path not in self._hashes:
            with _open(path) as file:
                digest = hashlib.sha256()
                for chunk in self._chunks(file):
                    digest.update(chunk)
            self._hashes[path] = digest.hexdigest()
        return self._hashes[path]

    def store(self, path: Path) -> tuple[Clip, bool]:
        """The corpus' clip with these bytes, and whether it is new."""
        sha256 = self.sha256(path)
        known = Clip.objects.filter(corpus=self.corpus, sha256=sha256).first()
        if known is not None:
            return known, False
        staged = self._stage(path, sha256)
        try:
            clip = self._clip(staged, sha256, self._facts(staged))
        except MediaError as error:
            raise UnusableClipError(error.reason, error.remedy) from error
        clip.save()
        return clip, True

    def _facts(self, staged: Path) -> MediaFacts:
        facts = probe(staged, limits=self.limits)
        if facts.duration_ms > WHOLLY_DECODED_MS:
            return facts
        return probe(staged, limits=self.limits, decode=True)

    def _clip(self, staged: Path, sha256: str, facts: MediaFacts) -> Clip:
        kind = kind_of(staged, facts)
        clip = Clip(
            corpus=self.corpus,
            sha256=sha256,
            content_type=kind.content_type,
            size_bytes=staged.stat().st_size,
            duration_ms=facts.duration_ms,
            width=facts.width,
            height=facts.height,
            video_codec=facts.video_codec,
            audio_codec=facts.audio_codec,
            container_format=kind.name,
            audio_channels=facts.audio_channels,
            audio_rate=facts.audio_rate,
        )
        if not plays_in_browsers(kind, facts):
            copy = staged.with_suffix(".playback.mp4")
            shown = make_playback(staged, copy, limits=copy_limits(self.limits, facts))
            clip.playback_type = "audio/mp4" if shown.width is None else "video/mp4"
            clip.playback.name = self._keep(copy)
        clip.file.name = self._keep(staged, kind.suffix)
        return clip

    def _stage(self, path: Path, sha256: str) -> Path:
        """A copy that nobody else changes, with the bytes that were hashed before."""
        staged = self.staging.folder / sha256
        digest = hashlib.sha256()
        with _open(path) as file, staged.open("wb") as copy:
            for chunk in self._chunks(file):
                digest.update(chunk)
                copy.write(chunk)
        if digest.hexdigest() != sha256:
            raise UnusableClipError(
                "it changed while it was imported", "Import again once nothing writes to it"
            )
        return staged

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        """Also of a file that grows as fast as it is read: up to the limit."""
        taken = 0
        while chunk := file.read(CHUNK_BYTES):
            taken += len(chunk)
            if taken > self.limits.max_bytes:
                limit = self.limits.max_bytes // 2**30
                raise UnusableClipError(f"it is larger than {limit} GiB", SHORTEN)
            yield chunk

    def _keep(self, staged: Path, suffix: str = "") -> str:
        name = f"clips/{self.corpus.pk}/{staged.name}{suffix}"
        # Without a row, a file of this name is what an interrupted import left behind.
        default_storage.delete(name)
        self.staging.note(name)
        self._stored.append(name)
        with staged.open("rb") as file:
            return default_storage.save(name, _Staged(file, name=str(staged)))


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise UnusableClipError(
            f"it cannot be opened ({error.strerror})", "Check the file and its permissions"
        ) from error


def copy_limits(limits: MediaLimits, facts: MediaFacts) -> MediaLimits:
    """More time for a longer clip, where its length was seen and is not only claimed."""
    if facts.duration_ms > WHOLLY_DECODED_MS:
        return limits
    return replace(limits, seconds=limits.seconds + COPY_PACE * facts.duration_ms / 1000)

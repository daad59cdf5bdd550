"""What the frozen towers make of clips, in memory and on disk: one clip serves many answers."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import torch

from inference.multimood.extractor import extractor_version
from inference.multimood.feature_cache import FeatureCache
from inference.multimood.model import MultiMoodModel
from inference.multimood.processing import ClipTensors, MultiMoodProcessor

__all__ = ["CacheCounts", "FeatureCache", "TowerCache"]

GIBIBYTE = 2**30
FileState = tuple[Path, int, int]


@dataclass
class CacheCounts:
    """Of the clips asked for since the cache was made."""

    memory_hits: int = 0
    disk_hits: int = 0
    misses: int = 0
    disk_seconds: float = 0.0
    """Hashing clips, and reading and writing features."""
    media_seconds: float = 0.0
    vision_seconds: float = 0.0
    audio_seconds: float = 0.0

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, name, getattr(self, name) + time.perf_counter() - began)


class TowerCache:
    """Least recently used clips leave first. A file that changed is read again.

    The towers' weights must stay as they are. A clip on disk is known by its content, whatever
    its file is called.
    """

    def __init__(
        self,
        model: MultiMoodModel,
        processor: MultiMoodProcessor,
        disk: FeatureCache | None = None,
        max_bytes: int = GIBIBYTE,
    ) -> None:
        self.model = model
        self.processor = processor
        self.disk = disk
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self.counts = CacheCounts()
        self._clips: OrderedDict[tuple[FileState, bool], ClipTensors] = OrderedDict()
        self._hashes: dict[FileState, str] = {}
        self._versions: dict[bool, str] = {}

    def load(self, path: Path, as_published: bool = False) -> ClipTensors:
        state = _state(path)
        key = (state, as_published)
        if key in self._clips:
            self.counts.memory_hits += 1
        else:
            # Tensors made in inference mode could not be trained on later.
            with torch.inference_mode(False), torch.no_grad():
                self._keep(key, self._from_disk_or_towers(state, as_published))
        self._clips.move_to_end(key)
        return self._clips[key]

    def _keep(self, key: tuple[FileState, bool], clip: ClipTensors) -> None:
        self._clips[key] = clip
        self.held_bytes += _size(clip)
        while self.held_bytes > self.max_bytes and len(self._clips) > 1:
            _, dropped = self._clips.popitem(last=False)
            self.held_bytes -= _size(dropped)

    def _from_disk_or_towers(self, state: FileState, as_published: bool) -> ClipTensors:
        path = state[0]
        if self.disk is None or not path.is_file():
            return self._through_towers(path, as_published)
        with self.counts.timed("disk_seconds"):
            entry = self._version(as_published), self._hash(state)
            stored = self.disk.get(*entry)
        if stored is not None:
            self.counts.disk_hits += 1
            return ClipTensors(stored.get("video"), stored.get("audio"), from_towers=True)
        clip = self._through_towers(path, as_published)
        if _state(path) == state:  # else its features are not those of the hash
            with self.counts.timed("disk_seconds"):
                self.disk.put(*entry, _tensors(clip))
        return clip

    def _version(self, as_published: bool) -> str:
        if as_published not in self._versions:
            self._versions[as_published] = extractor_version(self.model, as_published)
        return self._versions[as_published]

    def _hash(self, state: FileState) -> str:
        if state not in self._hashes:
            with state[0].open("rb") as file:
                self._hashes[state] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._hashes[state]

    def _through_towers(self, path: Path, as_published: bool) -> ClipTensors:
        self.counts.misses += 1
        with self.counts.timed("media_seconds"):
            clip = self.processor.load_clip(path, as_published)
        video = audio = None
        device = self.model.device
        if clip.video is not None:
            with self.counts.timed("vision_seconds"):
                video = self.model.video_features(clip.video[None].to(device))[0].cpu()
        if clip.audio is not None:
            with self.counts.timed("audio_seconds"):
                padding = None if clip.audio_padding is None else clip.audio_padding.to(device)
                audio = self.model.heard_sound(clip.audio.to(device), padding).cpu()
        return ClipTensors(video, audio, from_towers=True)


def _state(path: Path) -> FileState:
    if not path.is_file():
        return path, 0, 0  # reading it will say what is wrong
    stat = path.stat()
    return path, stat.st_mtime_ns, stat.st_size


def _tensors(clip: ClipTensors) -> dict[str, torch.Tensor]:
    found = ((field.name, getattr(clip, field.name)) for field in fields(clip))
    return {name: value for name, value in found if isinstance(value, torch.Tensor)}


def _size(clip: ClipTensors) -> int:
    return sum(tensor.nbytes for tensor in _tensors(clip).values())

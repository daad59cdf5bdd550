"""What the frozen towers make of clips, kept in memory, since one clip serves many answers."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch

from inference.multimood.model import MultiMoodModel
from inference.multimood.processing import ClipTensors, MultiMoodProcessor

GIBIBYTE = 2**30


class TowerCache:
    """Least recently used clips leave first. A file that changed is read again."""

    def __init__(
        self, model: MultiMoodModel, processor: MultiMoodProcessor, max_bytes: int = GIBIBYTE
    ) -> None:
        self.model = model
        self.processor = processor
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._clips: OrderedDict[tuple[Path, int, int], ClipTensors] = OrderedDict()

    def load(self, path: Path) -> ClipTensors:
        key = _key(path)
        if key not in self._clips:
            # Tensors made in inference mode could not be trained on later.
            with torch.inference_mode(False), torch.no_grad():
                clip = self._through_towers(self.processor.load_clip(path))
            self._clips[key] = clip
            self.held_bytes += _size(clip)
            while self.held_bytes > self.max_bytes and len(self._clips) > 1:
                _, dropped = self._clips.popitem(last=False)
                self.held_bytes -= _size(dropped)
        self._clips.move_to_end(key)
        return self._clips[key]

    def _through_towers(self, clip: ClipTensors) -> ClipTensors:
        video = audio = None
        device = self.model.device
        if clip.video is not None:
            video = self.model.video_features(clip.video[None].to(device))[0].cpu()
        if clip.audio is not None:
            padding = None if clip.audio_padding is None else clip.audio_padding.to(device)
            audio = self.model.heard_sound(clip.audio.to(device), padding).cpu()
        return ClipTensors(video, audio, from_towers=True)


def _key(path: Path) -> tuple[Path, int, int]:
    if not path.is_file():
        return path, 0, 0  # reading it will say what is wrong
    stat = path.stat()
    return path, stat.st_mtime_ns, stat.st_size


def _size(clip: ClipTensors) -> int:
    return sum(part.nbytes for part in (clip.video, clip.audio) if part is not None)

"""What decides which features a clip gets, as one hash: stored features of another are not used."""

from __future__ import annotations

import hashlib
import inspect
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from inference.multimood import as_published as published
from inference.multimood import audio, clip_tensors, clips, fbank, vision
from inference.multimood.model import MultiMoodModel

FORMAT = 1
"""Raised when stored features change in a way that nothing else here shows."""
LIBRARIES = ("torch", "transformers", "numpy", "av", "pillow")
READERS = (audio, clip_tensors, clips, fbank, published, vision)
NOT_OF_FEATURES = (
    "_name_or_path",
    "architectures",
    "dtype",
    "prompt_style",
    "transformers_version",
    "use_cache",
)


def extractor_version(model: MultiMoodModel, as_published: bool) -> str:
    """SHA-256 of the towers' weights, the configuration, the code that reads and encodes clips,
    and the libraries under it. Reads every byte of the towers: call it once a model."""
    described = {
        "format": FORMAT,
        "as_published": as_published,
        "device": model.device.type,
        "weights": _weights_sha256(model),
        "config": _settings(model.config.to_dict()),
        "code": _code_sha256(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()


def _weights_sha256(model: MultiMoodModel) -> str:
    digest = hashlib.sha256()
    for tower in (model.vision_tower, model.audio_tower):
        for name, tensor in sorted(tower.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _settings(config: Any) -> Any:
    if not isinstance(config, dict):
        return config
    return {k: _settings(v) for k, v in config.items() if k not in NOT_OF_FEATURES}


def _code_sha256() -> str:
    code = (*READERS, MultiMoodModel.video_features, MultiMoodModel.heard_sound)
    files = {Path(inspect.getfile(one)) for one in code}
    files.update((Path(__file__).parents[1] / "media").glob("*.py"))
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()

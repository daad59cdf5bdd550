"""Rows of unequal length and unequal media as one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import torch
from torch.nn.utils.rnn import pad_sequence

from inference.multimood.clip_tensors import ClipTensors
from inference.multimood.splice import IGNORED


class Sample(TypedDict, total=False):
    """One row; media only where it has some. Padding masks: 1 = padding."""

    input_ids: torch.Tensor  # (S,)
    labels: torch.Tensor  # (S,), the prompt ignored; only with a target
    video_values: torch.Tensor  # (V, F, 3, H, W)
    video_features: torch.Tensor  # (V, F, P, D)
    video_padding_mask: torch.Tensor  # (V, F)
    audio_values: torch.Tensor  # (A, T, bins), A windows of sound
    audio_features: torch.Tensor  # (A, S, D)
    audio_padding_mask: torch.Tensor  # (A, T), beside features (A, S)
    history_input_ids: torch.Tensor  # (L,)


def media_of(clips: Sequence[ClipTensors]) -> Sample:
    sample: Sample = {}
    videos = [clip.video for clip in clips if clip.video is not None]
    sounds = [clip for clip in clips if clip.audio is not None]
    kind = "features" if any(clip.from_towers for clip in clips) else "values"
    if videos:
        sample[f"video_{kind}"] = _stacked(videos)  # type: ignore[literal-required]
        sample["video_padding_mask"] = _stacked([_unpadded(video) for video in videos], fill=1)
    if sounds:
        windows = [window for clip in sounds for window in _windows(clip)]
        sample[f"audio_{kind}"] = _stacked([sound for sound, _ in windows])  # type: ignore[literal-required]
        sample["audio_padding_mask"] = _stacked([mask for _, mask in windows], fill=1)
    return sample


def collate(
    samples: Sequence[Sample], pad_token_id: int, padding_side: str = "right"
) -> dict[str, Any]:
    """Rows padded on one side; media of all rows one after the other."""
    left = padding_side == "left"
    ids = [sample["input_ids"] for sample in samples]
    batch: dict[str, Any] = {
        "input_ids": pad(ids, pad_token_id, left),
        "attention_mask": pad([torch.ones_like(row) for row in ids], 0, left),
    }
    if all("labels" in sample for sample in samples):
        batch["labels"] = pad([sample["labels"] for sample in samples], IGNORED, left)
    for kind in ("video", "audio"):
        for name in (f"{kind}_values", f"{kind}_features"):
            batch.update(_media_batch(samples, name, f"{kind}_padding_mask"))
    if "video_padding_mask" in batch and not batch["video_padding_mask"].any():
        del batch["video_padding_mask"]  # the common case: all clips have as many frames
    batch.update(_history_batch(samples, pad_token_id))
    return batch


def pad(rows: Sequence[torch.Tensor], value: int, left: bool) -> torch.Tensor:
    return pad_sequence(
        list(rows), batch_first=True, padding_value=value, padding_side="left" if left else "right"
    )


def _media_batch(samples: Sequence[Sample], name: str, mask_name: str) -> dict[str, torch.Tensor]:
    given: list[Any] = [sample for sample in samples if name in sample]
    if not given:
        return {}
    entries = [entry for sample in given for entry in sample[name]]
    masks = [mask for sample in given for mask in sample[mask_name]]
    return {name: _stacked(entries), mask_name: _stacked(masks, fill=1)}


def _history_batch(samples: Sequence[Sample], pad_token_id: int) -> dict[str, torch.Tensor]:
    """Rows without a history are left out: each one would cost a pass of the compressor."""
    rows = [row for sample in samples if (row := sample["history_input_ids"]).numel()]
    if not rows:
        return {}
    return {
        "history_input_ids": pad(rows, pad_token_id, left=False),
        "history_attention_mask": pad([torch.ones_like(row) for row in rows], 0, left=False),
    }


def _windows(clip: ClipTensors) -> list[tuple[torch.Tensor, torch.Tensor]]:
    if clip.audio is None:
        return []
    if clip.from_towers:
        return [(clip.audio, _unpadded(clip.audio))]
    if clip.audio_padding is None:
        return [(window, _unpadded(window)) for window in clip.audio]
    return list(zip(clip.audio, clip.audio_padding, strict=True))


def _unpadded(entry: torch.Tensor) -> torch.Tensor:
    return torch.zeros(entry.shape[0], dtype=torch.long)


def _stacked(entries: Sequence[torch.Tensor], fill: float = 0.0) -> torch.Tensor:
    return pad_sequence(list(entries), batch_first=True, padding_value=fill)

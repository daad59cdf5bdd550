"""A clip as tensors, and how many embeddings it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.utils.rnn import pad_sequence

from inference.multimood.audio import audio_token_count, token_padding
from inference.multimood.clips import preprocess_frames, read_clip
from inference.multimood.config import MultiMoodConfig
from inference.multimood.connector import video_token_count
from inference.multimood.fbank import SAMPLE_RATE, kaldi_fbank, soundtrack_as_published
from inference.multimood.splice import MediaTokens


@dataclass(frozen=True)
class ClipTensors:
    """`video`: pixels (F, 3, H, W). `audio`: fbanks (W, T, bins) of consecutive windows of the
    sound; `audio_padding` (W, T), 1 = padding. When `from_towers`, what the frozen towers make of
    them: `video` (F, P, D), `audio` (S, D) of all windows, no padding. None for a stream that is
    not there."""

    video: torch.Tensor | None
    audio: torch.Tensor | None
    from_towers: bool = False
    audio_padding: torch.Tensor | None = None


LoadClip = Callable[[Path], ClipTensors]


def load_clip(config: MultiMoodConfig, path: Path, as_published: bool = False) -> ClipTensors:
    seconds = config.max_audio_seconds * config.max_audio_windows
    frames, sound = read_clip(path, config.num_frames, 1e9 if as_published else seconds)
    aspect = None if as_published else config.image_aspect_ratio
    video = None
    if frames is not None:
        video = torch.from_numpy(preprocess_frames(frames, config.vision_config.image_size, aspect))
        if as_published:
            video = video.half().float()
    if sound is None:
        return ClipTensors(video, None)
    samples = torch.from_numpy(sound)
    if as_published:
        return sound_tensors(config, video, [soundtrack_as_published(samples)])
    windows = torch.split(samples, int(config.max_audio_seconds * SAMPLE_RATE))
    bins = config.audio_config.num_mel_bins
    return sound_tensors(config, video, [kaldi_fbank(window, bins) for window in windows])


def sound_tensors(
    config: MultiMoodConfig, video: torch.Tensor | None, fbanks: Sequence[torch.Tensor]
) -> ClipTensors:
    """Windows shorter than a patch are not heard."""
    heard = [one for one in fbanks if audio_token_count(config.audio_config, one.shape[0])]
    if not heard:
        return ClipTensors(video, None)
    padding = [torch.zeros(one.shape[0], dtype=torch.long) for one in heard]
    return ClipTensors(
        video,
        pad_sequence(heard, batch_first=True),
        audio_padding=pad_sequence(padding, batch_first=True, padding_value=1),
    )


def media_tokens(config: MultiMoodConfig, clip: ClipTensors) -> MediaTokens:
    video = audio = 0
    if clip.video is not None:
        patches = (clip.video.shape[-1] // config.vision_config.patch_size) ** 2
        if clip.from_towers:
            patches = clip.video.shape[1]
        video = video_token_count(clip.video.shape[0], patches)
    if clip.audio is not None:
        audio = clip.audio.shape[0]
        if clip.audio_padding is not None:
            audio = int((~token_padding(config.audio_config, clip.audio_padding)).sum())
    return MediaTokens(video, audio)

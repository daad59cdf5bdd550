"""A clip as tensors, and how many embeddings it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.utils.rnn import pad_sequence

from inference.media import (
    DEFAULT_LIMITS,
    Frames,
    MediaError,
    MediaLimits,
    SoundPlan,
    read_clip,
)
from inference.multimood.as_published import MOST_FRAMES, half_rounded, soundtrack_fbank
from inference.multimood.audio import audio_token_count, token_padding
from inference.multimood.clips import UnreadableClipError, preprocess_frames
from inference.multimood.config import MultiMoodConfig
from inference.multimood.connector import video_token_count
from inference.multimood.fbank import kaldi_fbank
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


def load_clip(
    config: MultiMoodConfig,
    path: Path,
    as_published: bool = False,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> ClipTensors:
    plan = SoundPlan(
        "published" if as_published else "windows",
        config.max_audio_seconds,
        config.max_audio_windows,
    )
    try:
        media = read_clip(path, num_frames=config.num_frames, sound=plan, limits=limits)
    except MediaError as error:
        raise UnreadableClipError(path, error.reason, error.remedy) from error
    video = None
    if media.frames is not None:
        video = _pixels(config, media.frames, as_published)
    sounds = [torch.from_numpy(sound) for sound in media.sound]
    bins = config.audio_config.num_mel_bins
    if as_published:
        fbanks = [soundtrack_fbank(sounds, bins)] if sounds else []
    else:
        fbanks = [kaldi_fbank(sound, bins) for sound in sounds]
    return sound_tensors(config, video, fbanks)


def _pixels(config: MultiMoodConfig, frames: Frames, as_published: bool) -> torch.Tensor:
    size = config.vision_config.image_size
    if not as_published:
        return torch.from_numpy(preprocess_frames(frames, size, config.image_aspect_ratio))
    return half_rounded(torch.from_numpy(preprocess_frames(frames[:MOST_FRAMES], size, None)))


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

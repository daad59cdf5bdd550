"""From a stimulus to the tensors of a MultiMood model.

The prompt is tokenised with one id per medium and then expanded to one position per embedding.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypedDict

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from inference.contracts import Modality, StimulusInput
from inference.multimood.audio import audio_token_count
from inference.multimood.clips import preprocess_frames, read_clip
from inference.multimood.config import MultiMoodConfig
from inference.multimood.connector import video_token_count
from inference.multimood.fbank import kaldi_fbank
from inference.multimood.prompt import (
    AUDIO,
    HISTORY,
    MARKERS,
    MEMORY,
    SYSTEM,
    VIDEO,
    history_text,
    neutral,
    user_prompt,
    with_texts,
)
from inference.multimood.splice import IGNORED, MediaTokens, expand_placeholders, memory_counts

_MARKER = re.compile("(" + "|".join(map(re.escape, MARKERS)) + ")")


@dataclass(frozen=True)
class ClipTensors:
    """A clip for the model: pixels (F, 3, H, W) and fbank (T, bins), or, when `from_towers`, what
    the frozen towers make of them: (F, P, D) and (S, D). None for a stream that is not there."""

    video: torch.Tensor | None
    audio: torch.Tensor | None
    from_towers: bool = False


LoadClip = Callable[[Path], ClipTensors]


class Sample(TypedDict, total=False):
    """One row; media only where it has some. Padding masks: 1 = padding."""

    input_ids: torch.Tensor  # (S,)
    labels: torch.Tensor  # (S,), the prompt ignored; only with a target
    video_values: torch.Tensor  # (V, F, 3, H, W)
    video_features: torch.Tensor  # (V, F, P, D)
    audio_values: torch.Tensor  # (A, T, bins)
    audio_features: torch.Tensor  # (A, S, D)
    audio_padding_mask: torch.Tensor  # (A, T) or (A, S)
    history_input_ids: torch.Tensor  # (L,)


class MultiMoodProcessor:
    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: MultiMoodConfig) -> None:
        self.tokenizer = tokenizer
        self.config = config
        self._markers = {*MARKERS, *tokenizer.all_special_tokens}

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> Self:
        config = MultiMoodConfig.from_pretrained(folder)
        return cls(AutoTokenizer.from_pretrained(folder, trust_remote_code=False), config)

    def save_pretrained(self, folder: str | os.PathLike[str], **_: Any) -> None:
        """The tokenizer; everything else is in the model's config.json."""
        self.tokenizer.save_pretrained(folder)

    def load_clip(self, path: Path) -> ClipTensors:
        config = self.config
        frames, sound = read_clip(path, config.num_frames, config.max_audio_seconds)
        aspect = config.image_aspect_ratio
        size = config.vision_config.image_size
        video = None
        if frames is not None:
            video = torch.from_numpy(preprocess_frames(frames, size, aspect))
        fbank = None
        if sound is not None:
            bins = config.audio_config.num_mel_bins
            fbank = kaldi_fbank(torch.from_numpy(sound), bins)
            if not audio_token_count(config.audio_config, fbank.shape[0]):
                fbank = None
        return ClipTensors(video, fbank)

    def encode(
        self,
        stimulus: StimulusInput,
        target: str | None = None,
        modality: Modality = "av",
        load_clip: LoadClip | None = None,
    ) -> Sample:
        """With a target, `labels` are its tokens and the end of sequence."""
        stimulus = with_texts(stimulus, self._plain)
        clips = self._clips(stimulus, modality, load_clip or self.load_clip)
        memory = bool(stimulus.history) and self.config.mem_token_id is not None
        history = self.history_ids(stimulus) if memory else torch.zeros(0, dtype=torch.long)
        memories = memory_counts(self.config, history[None]) if memory else []
        text = user_prompt(
            stimulus,
            [VIDEO if clip.video is not None else AUDIO for clip in clips],
            memory=memory,
            brief=self.config.prompt_style == "brief",
        )
        single = torch.tensor([self._ids(self._chat(text))])
        merged = expand_placeholders(
            self.config,
            single,
            [[self.media_tokens(clip) for clip in clips]],
            memories,
            source=self.config.placeholders,
        )
        prompt = merged.input_ids[0]
        sample = _media_of(clips)
        sample["history_input_ids"] = history
        sample["input_ids"] = prompt
        if target is not None:
            answer = self.target_ids(target)
            sample["input_ids"] = torch.cat([prompt, answer])
            sample["labels"] = torch.cat([torch.full_like(prompt, IGNORED), answer])
        return sample

    def target_ids(self, target: str) -> torch.Tensor:
        return torch.tensor(
            [*self._text_ids(neutral(target, self._markers)), self.tokenizer.eos_token_id]
        )

    def history_ids(self, stimulus: StimulusInput) -> torch.Tensor:
        """The newest part of the history that fits, one `<MEM>` after each utterance."""
        ids = self._ids(history_text(stimulus.history))
        return torch.tensor(ids[-self.config.max_history_tokens :])

    def media_tokens(self, clip: ClipTensors) -> MediaTokens:
        video = audio = 0
        if clip.video is not None:
            patch = self.config.vision_config.patch_size
            patches = (clip.video.shape[-1] // patch) ** 2
            if clip.from_towers:
                patches = clip.video.shape[1]
            video = video_token_count(clip.video.shape[0], patches)
        if clip.audio is not None:
            audio = clip.audio.shape[0]
            if not clip.from_towers:
                audio = audio_token_count(self.config.audio_config, audio)
        return MediaTokens(video, audio)

    def collate(self, samples: Sequence[Sample], padding_side: str = "right") -> dict[str, Any]:
        """Rows padded on one side; media of all rows one after the other."""
        left = padding_side == "left"
        ids = [sample["input_ids"] for sample in samples]
        pad = self.tokenizer.pad_token_id
        batch: dict[str, Any] = {
            "input_ids": _pad(ids, pad, left),
            "attention_mask": _pad([torch.ones_like(row) for row in ids], 0, left),
        }
        if all("labels" in sample for sample in samples):
            batch["labels"] = _pad([sample["labels"] for sample in samples], IGNORED, left)
        for name in ("video_values", "video_features"):
            videos = [sample[name] for sample in samples if name in sample]
            if videos:
                batch[name] = torch.cat(videos)
        for name in ("audio_values", "audio_features"):
            sounds = [sample for sample in samples if name in sample]
            if sounds:
                clips = [clip for sample in sounds for clip in sample[name]]  # type: ignore[literal-required]
                masks = [mask for sample in sounds for mask in sample["audio_padding_mask"]]
                batch[name] = pad_sequence(clips, batch_first=True)
                batch["audio_padding_mask"] = pad_sequence(masks, batch_first=True, padding_value=1)
        batch.update(self._history_batch(samples))
        return batch

    def _history_batch(self, samples: Sequence[Sample]) -> dict[str, torch.Tensor]:
        """Rows without a history are left out: each one would cost a pass of the compressor."""
        rows = [row for sample in samples if (row := sample["history_input_ids"]).numel()]
        if not rows:
            return {}
        return {
            "history_input_ids": _pad(rows, self.tokenizer.pad_token_id, left=False),
            "history_attention_mask": _pad([torch.ones_like(row) for row in rows], 0, left=False),
        }

    def _clips(
        self, stimulus: StimulusInput, modality: Modality, load_clip: LoadClip
    ) -> list[ClipTensors]:
        if modality == "text":
            return []
        clips = []
        for path in stimulus.clip_paths[-self.config.max_clips :]:
            clip = load_clip(path)
            clip = ClipTensors(
                clip.video if "v" in modality else None,
                clip.audio if "a" in modality else None,
                clip.from_towers,
            )
            if clip.video is not None or clip.audio is not None:
                clips.append(clip)
        return clips

    def _plain(self, text: str) -> str:
        """Without special tokens, and at most the last `max_text_tokens` of it."""
        text = neutral(text, self._markers)
        ids = self._text_ids(text)
        limit = self.config.max_text_tokens
        return text if len(ids) <= limit else self.tokenizer.decode(ids[-limit:])

    def _chat(self, text: str) -> str:
        if not self.tokenizer.chat_template:
            return text + "\n"
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
        rendered: str = self.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        return rendered

    def _ids(self, text: str) -> list[int]:
        """Markers become their ids whether or not the tokenizer knows them."""
        places = self.config.placeholders
        own = {
            VIDEO: places.video,
            AUDIO: places.audio,
            HISTORY: places.history,
            MEMORY: self.config.mem_token_id,
        }
        ids: list[int] = []
        for part in _MARKER.split(text):
            place = own.get(part)
            if place is not None:
                ids.append(place)
            elif part:
                ids.extend(self._text_ids(part))
        return ids

    def _text_ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _media_of(clips: Sequence[ClipTensors]) -> Sample:
    sample: Sample = {}
    videos = [clip.video for clip in clips if clip.video is not None]
    sounds = [clip.audio for clip in clips if clip.audio is not None]
    kind = "features" if any(clip.from_towers for clip in clips) else "values"
    if videos:
        sample[f"video_{kind}"] = torch.stack(videos)  # type: ignore[literal-required]
    if sounds:
        sample[f"audio_{kind}"] = pad_sequence(sounds, batch_first=True)  # type: ignore[literal-required]
        heard = [torch.zeros(sound.shape[0], dtype=torch.long) for sound in sounds]
        sample["audio_padding_mask"] = pad_sequence(heard, batch_first=True, padding_value=1)
    return sample


def _pad(rows: Sequence[torch.Tensor], value: int, left: bool) -> torch.Tensor:
    return pad_sequence(
        list(rows), batch_first=True, padding_value=value, padding_side="left" if left else "right"
    )

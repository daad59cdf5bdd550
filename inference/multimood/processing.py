"""From a stimulus to the tensors of a MultiMood model.

The prompt is tokenised with one id per medium and then expanded to one position per embedding.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from inference.contracts import ClipScope, HistoryForm, Modality, StimulusInput, Task
from inference.labels import EMOTIONS
from inference.media import DEFAULT_LIMITS, MediaLimits
from inference.multimood.as_published import PROMPT_LIMIT
from inference.multimood.batch import Sample, collate, media_of
from inference.multimood.checkpoint_files import local_folder
from inference.multimood.clip_tensors import ClipTensors, LoadClip, load_clip, media_tokens
from inference.multimood.config import MultiMoodConfig
from inference.multimood.prompt import (
    AUDIO,
    HISTORY,
    MARKERS,
    MEMORY,
    VIDEO,
    PromptTemplate,
    neutral,
    with_texts,
)
from inference.multimood.prompt_file import PROMPT_FILE, PromptError, shipped, template_for
from inference.multimood.splice import IGNORED, MediaTokens, expand_placeholders, memory_counts

__all__ = ["ClipTensors", "LoadClip", "MultiMoodProcessor", "Sample"]

_MARKER = re.compile("(" + "|".join(map(re.escape, MARKERS)) + ")")


class MultiMoodProcessor:
    media_limits: MediaLimits = DEFAULT_LIMITS
    """Of reading one clip."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        config: MultiMoodConfig,
        template: PromptTemplate | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.config = config
        self.template = template or shipped(config.prompt_style)
        self.reserved = _reserved(tokenizer)
        _refuse_chat_tokens(self.template, self.reserved)

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike[str], prompt: str = "") -> Self:
        """`name` is a folder or a hub id; `prompt` (TOML) replaces the folder's own template."""
        folder = local_folder(name, {})
        config = MultiMoodConfig.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        return cls(tokenizer, config, template_for(folder, config.prompt_style, prompt))

    def save_pretrained(self, folder: str | os.PathLike[str], **_: Any) -> None:
        """The tokenizer and a prompt that is not shipped; the rest is in the model's config."""
        self.tokenizer.save_pretrained(folder)
        if self.template != shipped(self.config.prompt_style):
            (Path(folder) / PROMPT_FILE).write_text(self.template.text, encoding="utf-8")

    def load_clip(self, path: Path, as_published: bool = False) -> ClipTensors:
        return load_clip(self.config, path, as_published, self.media_limits)

    def encode(
        self,
        stimulus: StimulusInput,
        target: str | None = None,
        modality: Modality = "av",
        load_clip: LoadClip | None = None,
        history: HistoryForm = "compressed",
        as_published: bool = False,
        task: Task = "reply",
        emotions: Sequence[str] = (),
        clips: ClipScope = "turns",
    ) -> Sample:
        """With a target, `labels` are its tokens and the end of sequence.

        A given `load_clip` is already bound to `as_published`. The task `emotion` is asked about
        the clips alone, with `emotions` (none: the canonical ones) to choose from.
        """
        if task == "emotion":
            history = "none"
        load = load_clip or partial(self.load_clip, as_published=as_published)
        stimulus = with_texts(stimulus, self._neutral if as_published else self._plain)
        if history == "none":
            stimulus = replace(stimulus, history=())
        compressed = bool(stimulus.history) and history == "compressed"
        memory = compressed and self.config.mem_token_id is not None
        # The published code places sound only beside the video of a pair.
        seen = "text" if as_published and modality == "a" else modality
        earlier = stimulus.earlier_clip_paths if clips == "dialogue" else ()
        paths = (*earlier, *stimulus.clip_paths)[-self.config.max_clips :]
        shown = self._clips(paths, seen, load)
        markers = [VIDEO if clip.video is not None else AUDIO for clip in shown]
        if as_published:
            markers = [VIDEO for _ in shown or paths]
        if task == "emotion":
            user = self.template.emotion_user(markers, emotions or EMOTIONS, self.reserved)
        else:
            user = self.template.user(stimulus, markers, memory=memory, reserved=self.reserved)
        text = self._chat(user)
        if as_published:
            ids = self._ids(text, placed={VIDEO} if shown else set())[-PROMPT_LIMIT:]
            shown = shown[: ids.count(self.config.placeholders.video)]
            memory = False
        else:
            ids = self._ids(text)
        history_ids = self.history_ids(stimulus) if memory else torch.zeros(0, dtype=torch.long)
        merged = expand_placeholders(
            self.config,
            torch.tensor([ids]),
            [[self.media_tokens(clip) for clip in shown]],
            memory_counts(self.config, history_ids[None]) if memory else [],
            source=self.config.placeholders,
        )
        prompt = merged.input_ids[0]
        sample = media_of(shown)
        sample["history_input_ids"] = history_ids
        sample["input_ids"] = prompt
        if target is not None:
            answer = self.target_ids(target)
            sample["input_ids"] = torch.cat([prompt, answer])
            sample["labels"] = torch.cat([torch.full_like(prompt, IGNORED), answer])
        return sample

    def target_ids(self, target: str) -> torch.Tensor:
        return torch.tensor([*self._text_ids(self._neutral(target)), self.tokenizer.eos_token_id])

    def history_ids(self, stimulus: StimulusInput) -> torch.Tensor:
        """The newest part of the history that fits, one `<MEM>` after each utterance."""
        ids = self._ids(self.template.history(stimulus.history, self.reserved))
        return torch.tensor(ids[-self.config.max_history_tokens :])

    def media_tokens(self, clip: ClipTensors) -> MediaTokens:
        return media_tokens(self.config, clip)

    def collate(self, samples: Sequence[Sample], padding_side: str = "right") -> dict[str, Any]:
        """Rows padded on one side; media of all rows one after the other."""
        return collate(samples, self.tokenizer.pad_token_id, padding_side)

    def _clips(
        self, paths: Sequence[Path], modality: Modality, load_clip: LoadClip
    ) -> list[ClipTensors]:
        if modality == "text":
            return []
        clips = []
        for path in paths:
            clip = load_clip(path)
            clip = ClipTensors(
                clip.video if "v" in modality else None,
                clip.audio if "a" in modality else None,
                clip.from_towers,
                clip.audio_padding,
            )
            if clip.video is not None or clip.audio is not None:
                clips.append(clip)
        return clips

    def _neutral(self, text: str) -> str:
        return neutral(text, self.reserved)

    def _plain(self, text: str) -> str:
        """Without special tokens, and at most the last `max_text_tokens` of it."""
        text = self._neutral(text)
        ids = self._text_ids(text)
        limit = self.config.max_text_tokens
        return text if len(ids) <= limit else self.tokenizer.decode(ids[-limit:])

    def _chat(self, text: str) -> str:
        if not self.tokenizer.chat_template:
            return text + "\n"
        messages = [
            {"role": "system", "content": self.template.system},
            {"role": "user", "content": text},
        ]
        rendered: str = self.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        return rendered

    def _ids(self, text: str, placed: Collection[str] = MARKERS) -> list[int]:
        """Markers become their ids whether or not the tokenizer knows them; those that are not
        `placed` stay the characters they are."""
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
            if part in own and part not in placed:
                ids.extend(self._text_ids(part, split_special_tokens=True))
            elif place is not None:
                ids.append(place)
            elif part:
                ids.extend(self._text_ids(part))
        return ids

    def _text_ids(self, text: str, split_special_tokens: bool = False) -> list[int]:
        ids: list[int] = self.tokenizer(
            text, add_special_tokens=False, split_special_tokens=split_special_tokens
        )["input_ids"]
        return ids


def _reserved(tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """What nobody's words may hold: the markers of media, and tokens that a chat is made of."""
    tags = {token for token in tokenizer.get_added_vocab() if re.fullmatch(r"<.+>", token)}
    return tuple(sorted({*MARKERS, *tokenizer.all_special_tokens, *tags}))


def _refuse_chat_tokens(template: PromptTemplate, reserved: Sequence[str]) -> None:
    for token in reserved:
        for key in ("system", "format", "text"):
            if token in getattr(template, key):
                where = "the file" if key == "text" else key
                raise PromptError(
                    template.name, where, f"holds the chat token {token!r}. Take it out."
                )

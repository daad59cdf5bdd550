"""Outputs of the splice and the LLM for the stored rows (cases c4 and the prompts of c5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from inference.multimood.audio import audio_token_count
from inference.multimood.connector import video_token_count
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.splice import (
    MediaTokens,
    MergedRows,
    expand_placeholders,
    memory_counts,
)

Tensors = dict[str, torch.Tensor]
Outputs = Iterator[tuple[str, torch.Tensor]]
VIDEO_A, VIDEO_B = "c1.pixel_values", "in.frames_b"
SOUND_A, SOUND_B = "c2a.fbank", "in.fbank_b"


@dataclass(frozen=True)
class Clip:
    """Names of the stored video and sound that one placeholder stands for."""

    video: str | None = None
    sound: str | None = None


PAIR_A, PAIR_B = Clip(VIDEO_A, SOUND_A), Clip(VIDEO_B, SOUND_B)


@dataclass(frozen=True)
class MergeCase:
    """`rows[b]` are row b's clips. `quirk` marks rows that only the reference's mask or its
    appended history gives."""

    name: str
    rows: tuple[tuple[Clip, ...], ...]
    quirk: bool = False


MERGE_CASES = (
    MergeCase("c4a", ((PAIR_A,),)),
    MergeCase("c4b", ((Clip(sound=SOUND_A),),)),
    MergeCase("c4c", ((Clip(video=VIDEO_A),),)),
    MergeCase("c4d", ((),)),
    MergeCase("c4e", ((PAIR_A,), (PAIR_B,))),
    MergeCase("c4f", ((PAIR_A,), (Clip(sound=SOUND_B),))),
    MergeCase("c4g", ((PAIR_A,), (PAIR_B,))),
    MergeCase("c4h", ((PAIR_A,), (PAIR_B,)), quirk=True),
    MergeCase("c4i", ((Clip(video=VIDEO_A),), ())),
    MergeCase("c4j", ((PAIR_A,),)),
    MergeCase("c4k", ((Clip(video="c4k.image"),),)),
    MergeCase("c4l", ((PAIR_A,),)),
    MergeCase("c4m", ((),), quirk=True),
)
GENERATION_CASES = (MergeCase("c5a", ((PAIR_A,),)), MergeCase("c5b", ((),)))
BY_NAME = {case.name: case for case in (*MERGE_CASES, *GENERATION_CASES)}


def merge_cases(
    model: MultiMoodForConditionalGeneration, cases: Tensors
) -> Iterator[tuple[str, Callable[[], Outputs]]]:
    """(name, what computes its outputs) of the cases whose ids are stored."""
    for case in MERGE_CASES:
        if f"{case.name}.input_ids" in cases:
            yield case.name, partial(_merge_outputs, model, cases, case.name)
    for case in GENERATION_CASES:
        if f"{case.name}.input_ids" in cases:
            yield case.name, partial(_generation_outputs, model, cases, case.name)


def _merge_outputs(model: MultiMoodForConditionalGeneration, cases: Tensors, name: str) -> Outputs:
    inputs = media_inputs(model, cases, name)
    yield f"{name}.merged_attention_mask", inputs["attention_mask"]
    if "labels" in inputs:
        yield f"{name}.new_labels", inputs["labels"]
    if f"{name}.inputs_embeds" in cases:
        media = {k: v for k, v in inputs.items() if k not in ("attention_mask", "labels")}
        yield f"{name}.inputs_embeds", model.model.embed_inputs(**media)
    if f"{name}.logits" in cases or f"{name}.loss" in cases:
        out = model(**inputs)
        yield f"{name}.logits", out.logits
        if out.loss is not None:
            yield f"{name}.loss", out.loss[None]


def _generation_outputs(
    model: MultiMoodForConditionalGeneration, cases: Tensors, name: str
) -> Outputs:
    inputs = media_inputs(model, cases, name)
    out = model.generate(
        **inputs,
        max_new_tokens=cases[f"{name}.generated_ids"].shape[1],
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    yield f"{name}.generated_ids", out.sequences[:, inputs["input_ids"].shape[1] :]
    yield f"{name}.step_logits", torch.stack(out.logits, dim=1)


def media_inputs(
    model: MultiMoodForConditionalGeneration, cases: Tensors, name: str
) -> dict[str, Any]:
    case = BY_NAME[name]
    merged = _merged(model, cases, case)
    inputs: dict[str, Any] = {
        "input_ids": merged.input_ids,
        "attention_mask": merged.attention_mask,
    }
    if merged.labels is not None:
        inputs["labels"] = merged.labels
    clips = [clip for row in case.rows for clip in row]
    videos = [_frames(model, cases, clip.video) for clip in clips if clip.video]
    sounds = [cases[clip.sound] for clip in clips if clip.sound]
    if videos:
        inputs["video_values"] = torch.stack(videos)
    if sounds:
        inputs["audio_values"] = torch.cat(sounds).float()
    history = _history(cases, name)
    if history is not None:
        inputs["history_input_ids"] = history
    return inputs


def _merged(
    model: MultiMoodForConditionalGeneration, cases: Tensors, case: MergeCase
) -> MergedRows:
    history = _history(cases, case.name)
    memories = [] if history is None else memory_counts(model.config, history)
    return expand_placeholders(
        model.config,
        cases[f"{case.name}.input_ids"],
        [[_tokens(model, cases, clip) for clip in row] for row in case.rows],
        memories,
        attention_mask=cases.get(f"{case.name}.attention_mask"),
        labels=cases.get(f"{case.name}.labels"),
        as_published=case.quirk,
    )


def _history(cases: Tensors, name: str) -> torch.Tensor | None:
    return cases.get(f"{name}.history_input_ids")


def _tokens(model: MultiMoodForConditionalGeneration, cases: Tensors, clip: Clip) -> MediaTokens:
    video = audio = 0
    if clip.video:
        frames = _frames(model, cases, clip.video)
        patch = model.config.vision_config.patch_size
        rows, columns = (side // patch for side in frames.shape[-2:])
        video = video_token_count(frames.shape[0], rows * columns)
    if clip.sound:
        audio = audio_token_count(model.config.audio_config, cases[clip.sound].shape[1])
    return MediaTokens(video, audio)


def _frames(model: MultiMoodForConditionalGeneration, cases: Tensors, name: str) -> torch.Tensor:
    """A single image stands for a clip that does not move."""
    frames = cases[name]
    return frames.expand(model.config.num_frames, -1, -1, -1) if frames.shape[0] == 1 else frames

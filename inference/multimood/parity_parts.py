"""Outputs of the single parts for the stored inputs: vision, audio, history, preprocessing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from inference.multimood.audio import FBANK_MEAN, FBANK_STD, token_padding_as_published
from inference.multimood.clips import frame_indices, preprocess_frames
from inference.multimood.fbank import (
    kaldi_fbank,
    soundtrack_as_published,
    soundtrack_bounds_as_published,
)
from inference.multimood.model import MultiMoodModel

Outputs = Iterator[tuple[str, torch.Tensor]]
Tensors = dict[str, torch.Tensor]
FRAMES = 8


def vision_cases(model: MultiMoodModel, cases: Tensors) -> Outputs:
    tower, connector = model.vision_tower, model.mm_projector
    pixels = cases["c1.pixel_values"]
    yield "c1.hidden_state_0", tower.vision_tower.vision_model.embeddings(pixels)
    features = tower(pixels)
    yield "c1.tower_features", features
    grid = features.transpose(1, 2).unflatten(2, (4, 4))
    yield "c1.stc_s1_b1", next(connector.s1.children())(grid)
    grid = connector.s1(grid)
    yield "c1.stc_s1", grid
    sampled = connector.sampler(grid.transpose(0, 1)[None])
    yield "c1.stc_sampler", sampled
    yield "c1.stc_s2", connector.s2(sampled[0].transpose(0, 1))
    yield "c1.stc_tokens", connector(features[None])
    yield "c1b.tower_features", tower(cases["c1b.pixel_values"])
    for case in ("c8a", "c8b"):
        yield f"{case}.tokens", connector(cases[f"{case}.features"])


def audio_cases(model: MultiMoodModel, cases: Tensors) -> Outputs:
    for case in ("c2a", "c2b", "c2d", "c2e"):
        yield from _audio_case(model, cases, case)


def _audio_case(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    beats, fbank = model.audio_tower, cases[f"{case}.fbank"].float()
    patch = beats.config.input_patch_size
    yield f"{case}.TF", torch.tensor([fbank.shape[1] // patch, beats.config.frequency_patches])
    padding = None
    if f"{case}.padding_mask" in cases:
        frames = cases[f"{case}.padding_mask"][..., 0]
        padding = token_padding_as_published(beats.config, frames)
        yield f"{case}.token_mask", padding.to(torch.uint8)
    if f"{case}.layer0" in cases:
        yield from _encoder_steps(model, case, fbank, padding)
    features = beats(fbank, padding)
    yield f"{case}.features", features
    projected = model.mm_projector_a(features)
    if f"{case}.projected" in cases:
        yield f"{case}.projected", projected
    else:
        yield f"{case}.projected_head", projected[:, :64]


def _encoder_steps(
    model: MultiMoodModel, case: str, fbank: torch.Tensor, padding: torch.Tensor | None
) -> Outputs:
    beats, encoder = model.audio_tower, model.audio_tower.encoder
    x = beats.patch_embedding(((fbank - FBANK_MEAN) / (2 * FBANK_STD))[:, None])
    x = beats.layer_norm(x.flatten(2).transpose(1, 2))
    yield f"{case}.patch_ln", x
    x = beats.post_extract_proj(x)
    if padding is not None:
        x = x.masked_fill(padding[..., None], 0)
    yield f"{case}.pos_conv", encoder.pos_conv(x)
    x = encoder.layer_norm(x + encoder.pos_conv(x))
    yield f"{case}.encoder_in", x
    bias = encoder.position_bias(x.shape[1])
    yield f"{case}.position_bias", bias
    yield f"{case}.layer0", encoder.layers[0](x, bias, padding)


def history_cases(model: MultiMoodModel, cases: Tensors) -> Outputs:
    compressor = model.mamba_compressor
    for case in ("c3a", "c3b"):
        ids = cases[f"{case}.history_input_ids"]
        yield f"{case}.last_hidden", compressor.mamba(ids, use_cache=False).last_hidden_state
        yield f"{case}.memory", compressor(ids).unflatten(0, (ids.shape[0], -1))


def preprocessing_cases(cases: Tensors) -> Outputs:
    waveform = cases["c6.waveform"][0]
    fbank = kaldi_fbank(waveform)[None]
    yield "c6.fbank", fbank
    yield "c6.fbank_knf", fbank
    yield "c6.fbank_bf16", fbank.bfloat16().float()
    bounds = [soundtrack_bounds_as_published(int(n)) for n in cases["c6.clip_num_samples"]]
    yield "c6.clip_bounds", torch.tensor(bounds)
    track = soundtrack_as_published(waveform)[None]
    yield "c6.soundtrack_shape", torch.tensor(track.shape)
    yield "c6.soundtrack_rows", track[0, cases["c6.soundtrack_row_index"]]
    indices = [frame_indices(int(n), FRAMES) for n in cases["c7.durations"]]
    yield "c7.indices", torch.tensor(indices)
    yield from _image_cases(cases)


def _image_cases(cases: Tensors) -> Outputs:
    frames = [cases["c9.image_0"].numpy(), cases["c9.image_1"].numpy()]
    # The reference fills missing frames with black ones whose sides are swapped.
    black = np.zeros_like(frames[0].transpose(1, 0, 2))
    for name, aspect in (("stretch", None), ("pad", "pad")):
        pixels = [preprocess_frames(frame[None], 56, aspect)[0] for frame in (*frames, black)]
        yield f"c9.pixel_values_{name}", torch.from_numpy(np.stack(pixels))

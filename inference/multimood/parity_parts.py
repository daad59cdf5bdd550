"""Outputs of the single parts for the stored inputs: vision, audio, history, preprocessing.

Sizes come from the model and from the stored tensors; nothing here knows a particular folder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import partial

import numpy as np
import torch

from inference.media import frame_indices, soundtrack_bounds_as_published
from inference.multimood.as_published import filled_with_black, soundtrack_fbank, token_padding
from inference.multimood.audio import FBANK_MEAN, FBANK_STD
from inference.multimood.clips import preprocess_frames
from inference.multimood.fbank import kaldi_fbank
from inference.multimood.model import MultiMoodModel

Outputs = Iterator[tuple[str, torch.Tensor]]
Tensors = dict[str, torch.Tensor]
Run = Callable[[], Outputs]


def part_cases(model: MultiMoodModel, cases: Tensors) -> Iterator[tuple[str, Run]]:
    """(name, what computes its outputs) of the cases whose input is stored."""
    known: list[tuple[str, Callable[[MultiMoodModel, Tensors, str], Outputs]]] = [
        ("c1.pixel_values", vision_steps),
        ("c1b.pixel_values", tower_alone),
        ("c2?.fbank", audio_steps),
        ("c3?.history_input_ids", history_steps),
        ("c6.waveform", fbanks),
        ("c6.clip_num_samples", soundtrack_cuts),
        ("c7.durations", sampled_frames),
        ("c8?.features", connector_alone),
        ("c9.image_0", images),
    ]
    for pattern, run in known:
        for stored in sorted(cases):
            if fnmatchcase(stored, pattern):
                name = stored.split(".")[0]
                yield name, partial(run, model, cases, name)


def vision_steps(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    tower, connector = model.vision_tower, model.mm_projector
    pixels = cases[f"{case}.pixel_values"]
    yield f"{case}.hidden_state_0", tower.vision_tower.vision_model.embeddings(pixels)
    features = tower(pixels)
    yield f"{case}.tower_features", features
    side = math.isqrt(features.shape[1])
    grid = features.transpose(1, 2).unflatten(2, (side, side))
    yield f"{case}.stc_s1_b1", next(connector.s1.children())(grid)
    grid = connector.s1(grid)
    yield f"{case}.stc_s1", grid
    sampled = connector.sampler(grid.transpose(0, 1)[None])
    yield f"{case}.stc_sampler", sampled
    yield f"{case}.stc_s2", connector.s2(sampled[0].transpose(0, 1))
    yield f"{case}.stc_tokens", connector(features[None])


def tower_alone(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    yield f"{case}.tower_features", model.vision_tower(cases[f"{case}.pixel_values"])


def connector_alone(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    yield f"{case}.tokens", model.mm_projector(cases[f"{case}.features"])


def audio_steps(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    beats, fbank = model.audio_tower, cases[f"{case}.fbank"].float()
    patch = beats.config.input_patch_size
    yield f"{case}.TF", torch.tensor([fbank.shape[1] // patch, beats.config.frequency_patches])
    padding = None
    if f"{case}.padding_mask" in cases:
        frames = cases[f"{case}.padding_mask"][..., 0]
        padding = token_padding(beats.config, frames)
        yield f"{case}.token_mask", padding.to(torch.uint8)
    if f"{case}.layer0" in cases:
        yield from _encoder_steps(model, case, fbank, padding)
    features = beats(fbank, padding)
    yield f"{case}.features", features
    projected = model.mm_projector_a(features)
    yield f"{case}.projected", projected
    head = cases.get(f"{case}.projected_head")
    if head is not None:
        yield f"{case}.projected_head", projected[:, : head.shape[1]]


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
    bias = encoder.position_bias(x.shape[1], x.device)
    yield f"{case}.position_bias", bias
    yield f"{case}.layer0", encoder.layers[0](x, bias, padding)


def history_steps(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    compressor = model.mamba_compressor
    ids = cases[f"{case}.history_input_ids"]
    yield f"{case}.last_hidden", compressor.mamba(ids, use_cache=False).last_hidden_state
    yield f"{case}.memory", compressor(ids).unflatten(0, (ids.shape[0], -1))


def fbanks(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    waveform, bins = cases[f"{case}.waveform"][0], model.config.audio_config.num_mel_bins
    fbank = kaldi_fbank(waveform, bins)[None]
    yield f"{case}.fbank", fbank
    yield f"{case}.fbank_knf", fbank
    yield f"{case}.fbank_bf16", fbank.bfloat16().float()
    cuts = [waveform[a:b] for a, b in soundtrack_bounds_as_published(waveform.shape[0])]
    track = soundtrack_fbank(cuts, bins)[None]
    yield f"{case}.soundtrack_shape", torch.tensor(track.shape)
    rows = cases.get(f"{case}.soundtrack_row_index")
    if rows is not None:
        yield f"{case}.soundtrack_rows", track[0, rows]


def soundtrack_cuts(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    bounds = [soundtrack_bounds_as_published(int(n)) for n in cases[f"{case}.clip_num_samples"]]
    yield f"{case}.clip_bounds", torch.tensor(bounds)


def sampled_frames(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    wanted = cases[f"{case}.indices"].shape[1]
    indices = [frame_indices(int(n), wanted) for n in cases[f"{case}.durations"]]
    yield f"{case}.indices", torch.tensor(indices)


def images(model: MultiMoodModel, cases: Tensors, case: str) -> Outputs:
    names = sorted(name for name in cases if name.startswith(f"{case}.image_"))
    frames = [cases[name].numpy() for name in names]
    for name, aspect in (("stretch", None), ("pad", "pad")):
        stored = cases.get(f"{case}.pixel_values_{name}")
        if stored is not None:
            shown = filled_with_black(frames, stored.shape[0])
            pixels = [
                preprocess_frames(frame[None], stored.shape[-1], aspect)[0] for frame in shown
            ]
            yield f"{case}.pixel_values_{name}", torch.from_numpy(np.stack(pixels))

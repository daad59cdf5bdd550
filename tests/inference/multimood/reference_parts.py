"""MultiMood's parts a second time: plain functions of a checkpoint's tensors, in loops where ours
are vectorised, and transformers' own classes where ours are written out. Shares no code with
inference/."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional as nnf
from transformers import MambaConfig, MambaModel, SiglipVisionConfig, SiglipVisionModel

Tensors = dict[str, torch.Tensor]
Config = dict[str, Any]


class Weights:
    """A checkpoint's tensors below a prefix."""

    def __init__(self, tensors: Tensors, prefix: str = "") -> None:
        self.tensors, self.prefix = tensors, prefix

    def __getitem__(self, name: str) -> torch.Tensor:
        return self.tensors[self.prefix + name]

    def __contains__(self, name: str) -> bool:
        return self.prefix + name in self.tensors

    def under(self, name: str) -> Weights:
        return Weights(self.tensors, f"{self.prefix}{name}.")

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        bias = self.tensors.get(f"{self.prefix}{name}.bias")
        return nnf.linear(x, self[f"{name}.weight"], bias)

    def norm(self, x: torch.Tensor, name: str, eps: float = 1e-5) -> torch.Tensor:
        """Over the last dimension, written out."""
        apart = x - x.mean(-1, keepdim=True)
        spread = (apart.pow(2).mean(-1, keepdim=True) + eps).sqrt()
        return apart / spread * self[f"{name}.weight"] + self[f"{name}.bias"]


def loaded(module: torch.nn.Module, weights: Weights) -> torch.nn.Module:
    own = {
        name.removeprefix(weights.prefix): tensor
        for name, tensor in weights.tensors.items()
        if name.startswith(weights.prefix)
    }
    module.load_state_dict(own, strict=True)
    return module.eval()


def siglip_states(weights: Weights, config: Config, pixels: torch.Tensor) -> list[torch.Tensor]:
    tower = loaded(
        SiglipVisionModel(SiglipVisionConfig(**config)),
        weights.under("model.vision_tower.vision_tower.vision_model"),
    )
    with torch.no_grad():
        out = tower(pixels, output_hidden_states=True, interpolate_pos_encoding=False)
    return list(out.hidden_states)


def regnet_block(x: torch.Tensor, w: Weights) -> torch.Tensor:
    """(N, channels, rows, columns)"""

    def conv_norm(x: torch.Tensor, name: str, groups: int = 1) -> torch.Tensor:
        kernel = w[f"{name}.conv.weight"]
        x = nnf.conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=groups)
        return w.norm(x.movedim(1, -1), f"{name}.bn").movedim(-1, 1)

    out = nnf.silu(conv_norm(x, "conv1"))
    out = nnf.silu(conv_norm(out, "conv2", groups=out.shape[1]))
    mean = out.mean(dim=(-2, -1))
    squeezed = nnf.silu(nnf.linear(mean, w["se.fc1.weight"][:, :, 0, 0], w["se.fc1.bias"]))
    gate = torch.sigmoid(nnf.linear(squeezed, w["se.fc2.weight"][:, :, 0, 0], w["se.fc2.bias"]))
    out = conv_norm(out * gate[:, :, None, None], "conv3")
    shortcut = conv_norm(x, "downsample") if "downsample.conv.weight" in w else x
    return nnf.silu(out + shortcut)


def connector(weights: Weights, features: torch.Tensor) -> dict[str, torch.Tensor]:
    """(V, F, P, D); the steps are of the first clip."""
    w = weights.under("model.mm_projector")
    side = math.isqrt(features.shape[2])
    tokens, steps = [], {}
    for clip in features:
        frames = torch.stack([frame.T.reshape(-1, side, side) for frame in clip])
        steps["stc_s1_b1"] = regnet_block(frames, w.under("s1.b1"))
        for block in ("b1", "b2", "b3", "b4"):
            frames = regnet_block(frames, w.under(f"s1.{block}"))
        steps["stc_s1"] = frames
        kernel, bias = w["sampler.0.weight"], w["sampler.0.bias"]
        sampled = nnf.silu(nnf.conv3d(frames.transpose(0, 1)[None], kernel, bias, stride=2))
        steps["stc_sampler"] = sampled
        times = torch.stack([sampled[0, :, t] for t in range(sampled.shape[2])])
        for block in ("b1", "b2", "b3", "b4"):
            times = regnet_block(times, w.under(f"s2.{block}"))
        steps["stc_s2"] = times
        cells = [
            times[t, :, row, column]
            for t in range(times.shape[0])
            for row in range(times.shape[2])
            for column in range(times.shape[3])
        ]
        tokens.append(w.linear(nnf.gelu(w.linear(torch.stack(cells), "readout.0")), "readout.2"))
    steps["stc_tokens"] = torch.stack(tokens)
    return steps


def bucket(distance: int, buckets: int, longest: int) -> int:
    """Key place minus query place -> row of the relative bias table."""
    half = buckets // 2
    exact = half // 2
    base = half if distance > 0 else 0
    far = abs(distance)
    if far < exact:
        return base + far
    grown = math.log(np.float32(far) / exact) / math.log(longest / exact) * (half - exact)
    return base + min(exact + int(grown), half - 1)


def beats(
    weights: Weights, config: Config, fbank: torch.Tensor, mask: torch.Tensor | None = None
) -> dict[str, torch.Tensor]:
    """fbank (1, T, bins); mask (T,) 1 = padding, read by the reference's rule."""
    w, patch = weights.under("model.audio_tower"), config["input_patch_size"]
    times, bands = fbank.shape[1] // patch, fbank.shape[2] // patch
    x = (fbank[0] - 15.41663) / (2 * 6.55582)
    kernel = w["patch_embedding.weight"].flatten(1)
    patches = [
        kernel @ x[t * patch : (t + 1) * patch, f * patch : (f + 1) * patch].flatten()
        for t in range(times)
        for f in range(bands)
    ]
    x = w.norm(torch.stack(patches), "layer_norm")
    steps = {"TF": torch.tensor([times, bands]), "patch_ln": x}
    x = w.linear(x, "post_extract_proj")
    count, hidden = len(x), [False] * len(x)
    if mask is not None:
        group = fbank.shape[1] // count
        hidden = [bool(mask[i * group : (i + 1) * group].all()) for i in range(count)]
        steps["token_mask"] = torch.tensor(hidden).to(torch.uint8)
        x = torch.where(torch.tensor(hidden)[:, None], torch.zeros(()), x)
    steps["pos_conv"] = position_branch(w.under("encoder.pos_conv.0"), config, x)
    x = w.norm(x + steps["pos_conv"], "encoder.layer_norm")
    steps["encoder_in"] = x
    table = w["encoder.layers.0.self_attn.relative_attention_bias.weight"]
    rows = {
        d: bucket(d, config["num_buckets"], config["max_distance"]) for d in range(1 - count, count)
    }
    index = torch.tensor([[rows[key - query] for key in range(count)] for query in range(count)])
    bias = table[index].movedim(-1, 0)
    steps["position_bias"] = bias
    for i in range(config["encoder_layers"]):
        if x.requires_grad:
            scaled = x.clone()
            factor = config["layer_wise_gradient_decay_ratio"]
            scaled.register_hook(lambda grad, factor=factor: grad * factor)  # type: ignore[no-untyped-call]
            x = scaled
        x = beats_layer(w.under(f"encoder.layers.{i}"), config, x, bias, hidden)
        if i == 0:
            steps["layer0"] = x
    steps["features"] = x
    steps["projected"] = projected_sound(weights, x)
    unbatched = ("TF", "position_bias")
    return {name: step if name in unbatched else step[None] for name, step in steps.items()}


def projected_sound(weights: Weights, features: torch.Tensor) -> torch.Tensor:
    w = weights.under("model.mm_projector_a")
    return w.linear(nnf.gelu(w.linear(features, "0")), "2")


def position_branch(w: Weights, config: Config, x: torch.Tensor) -> torch.Tensor:
    v = w["weight_v"]
    kernel = torch.stack(
        [
            w["weight_g"][0, 0, tap] * v[:, :, tap] / (v[:, :, tap].pow(2).sum() + 1e-6).sqrt()
            for tap in range(v.shape[2])
        ],
        dim=-1,
    )
    taps = config["conv_pos"]
    out = nnf.conv1d(
        x.T[None], kernel, w["bias"], padding=taps // 2, groups=config["conv_pos_groups"]
    )
    return nnf.gelu(out[0, :, : len(x)].T)


def beats_layer(
    w: Weights, config: Config, x: torch.Tensor, bias: torch.Tensor, hidden: list[bool]
) -> torch.Tensor:
    heads = config["encoder_attention_heads"]
    width = x.shape[1] // heads
    factor = (2 * config["encoder_layers"]) ** 0.25
    attention = w.under("self_attn")
    q, k, v = (attention.linear(x, f"{name}_proj") for name in "qkv")
    outs = []
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        eight = attention.linear(q[:, own], "grep_linear")
        a, b = torch.sigmoid(eight[:, :4].sum(1)), torch.sigmoid(eight[:, 4:].sum(1))
        gate = a * (b * attention["grep_a"][0, head, 0, 0] - 1) + 2
        scores = q[:, own] @ k[:, own].T / width**0.5 + gate[:, None] * bias[head]
        scores = scores.masked_fill(torch.tensor(hidden)[None], -math.inf)
        share = (scores - scores.max(1, keepdim=True).values).exp()
        outs.append(share / share.sum(1, keepdim=True) @ v[:, own])
    attended = attention.linear(torch.cat(outs, 1), "out_proj")
    x = w.norm(x * factor + attended, "self_attn_layer_norm")
    inner = w.linear(x, "fc1")
    gelu = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
    return w.norm(x * factor + w.linear(gelu, "fc2"), "final_layer_norm")


def mamba(weights: Weights, config: Config) -> torch.nn.Module:
    return loaded(MambaModel(MambaConfig(**config)), weights.under("model.mamba_compressor.mamba"))


def mel(hertz: Any) -> Any:
    return 1127 * np.log(1 + hertz / 700)


def fbank(samples: npt.NDArray[Any], bins: int) -> torch.Tensor:
    """(samples,) in [-1, 1] at 16 kHz -> (1, T, bins), frame by frame in double precision."""
    wave = samples.astype(np.float64) * 32768
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    edges = np.linspace(mel(20.0), mel(8000.0), bins + 2)
    lines = mel(np.arange(256) * 16000 / 512)
    triangles = []
    for left, centre, right in zip(edges, edges[1:], edges[2:], strict=False):
        up, down = (lines - left) / (centre - left), (right - lines) / (right - centre)
        triangles.append(np.clip(np.minimum(up, down), 0, None))
    rows = []
    for start in range(0, len(wave) - 399, 160):
        frame = wave[start : start + 400]
        frame = frame - frame.mean()
        emphasised = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(emphasised * window, 512)[:256]) ** 2
        energies = [triangle @ power for triangle in triangles]
        rows.append(np.log(np.maximum(energies, np.finfo(np.float32).eps)))
    return torch.tensor(np.array(rows), dtype=torch.float32)[None]


def picture(array: npt.NDArray[Any], size: int, pad: bool) -> torch.Tensor:
    image = Image.fromarray(array)
    if pad:
        side = max(image.width, image.height)
        square = Image.new("RGB", (side, side), (127, 127, 127))
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = square
    values = (
        np.asarray(image.resize((size, size), Image.Resampling.BICUBIC)).astype(np.float32) / 255
    )
    return torch.tensor((values - 0.5) / 0.5).movedim(-1, 0)

"""Writes a parity folder: the inputs are drawn, the outputs come from `Reference`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from tests.inference.multimood.reference_folder import (
    AUDIO,
    HISTORY,
    HISTORY_IDS,
    IMAGE,
    VIDEO,
    Clip,
    Reference,
    Sizes,
)
from tests.inference.multimood.reference_parts import Tensors, beats, connector, fbank, picture

AUDIO_STEPS = ("TF", "patch_ln", "pos_conv", "encoder_in", "layer0", "position_bias")


class Cases:
    def __init__(self, sizes: Sizes, seed: int = 0) -> None:
        self.sizes, self.reference = sizes, Reference(sizes)
        self.generator = torch.Generator().manual_seed(seed)
        self.inputs: Tensors = {}
        self.outputs: Tensors = {}

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with torch.no_grad():
            self.vision()
            self.audio()
            self.history()
            self.merge()
            self.preprocessing()
        self.gradients()
        (folder / "config.json").write_text(json.dumps(self.sizes.config()))
        save_file(self.reference.tensors, folder / "model.safetensors", {"format": "pt"})
        stored = self.inputs | self.outputs
        tensors = {name: t.detach().contiguous().clone() for name, t in stored.items()}
        metadata = {"inputs": " ".join(self.inputs), "outputs": " ".join(self.outputs)}
        save_file(tensors, folder / "cases.safetensors", metadata)

    def noise(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator)

    def give(self, case: str, outputs: Tensors) -> None:
        self.outputs |= {f"{case}.{name}": tensor for name, tensor in outputs.items()}

    def vision(self) -> None:
        sizes, weights = self.sizes, self.reference.weights
        size, patch = sizes.vision["image_size"], sizes.vision["patch_size"]
        pixels = self.noise(sizes.frames, 3, size, size)
        self.inputs["c1.pixel_values"] = pixels
        states = self.reference.vision(pixels)
        features = states[sizes.select]
        self.give("c1", {"hidden_state_0": states[0], "tower_features": features})
        self.give("c1", connector(weights, features[None]))
        uneven = self.noise(2, 3, size + patch // 2, size + patch // 2)
        self.inputs["c1b.pixel_values"] = uneven
        self.give("c1b", {"tower_features": self.reference.vision(uneven)[sizes.select]})
        width = sizes.vision["hidden_size"]
        for case, shape in (("c8a", (1, 4, 9, width)), ("c8b", (2, 7, 36, width))):
            self.inputs[f"{case}.features"] = self.noise(*shape)
            tokens = connector(weights, self.inputs[f"{case}.features"])["stc_tokens"]
            self.give(case, {"tokens": tokens})

    def audio(self) -> None:
        patch = self.sizes.audio["input_patch_size"]
        lengths = {"c2a": 5 * patch + 3, "c2b": 4 * patch, "c2d": 6 * patch + 1, "c2e": 30 * patch}
        for case, length in lengths.items():
            sound = 15 + 6 * self.noise(1, length, self.sizes.bins)
            self.inputs[f"{case}.fbank"] = sound
            mask = None
            if case == "c2d":
                mask = torch.arange(length) >= length * 2 // 3
                shown = mask[None, :, None].expand(-1, -1, self.sizes.bins)
                self.inputs["c2d.padding_mask"] = shown.to(torch.uint8)
            steps = beats(self.reference.weights, self.sizes.audio, sound, mask)
            if case in ("c2b", "c2e"):
                steps = {name: steps[name] for name in ("TF", "features", "projected")}
            if case == "c2e":
                steps["projected_head"] = steps.pop("projected")[:, :7]
            self.give(case, steps)

    def history(self) -> None:
        for case, ids in (("c3a", HISTORY_IDS[:1]), ("c3b", HISTORY_IDS)):
            rows = torch.tensor([row[: len(HISTORY_IDS[0])] for row in ids])
            self.inputs[f"{case}.history_input_ids"] = rows
            memory = torch.stack([m[:2] for m in self.reference.memory(rows)])
            hidden = self.reference.mamba(input_ids=rows).last_hidden_state
            self.give(case, {"last_hidden": hidden, "memory": memory})

    def merge(self) -> None:
        size = self.sizes.vision["image_size"]
        length = self.inputs["c2a.fbank"].shape[1]
        self.inputs["in.frames_b"] = self.noise(self.sizes.frames, 3, size, size)
        self.inputs["in.fbank_b"] = 15 + 6 * self.noise(1, length, self.sizes.bins)
        self.inputs["c4k.image"] = self.noise(1, 3, size, size)
        frames, sound = self.inputs["c1.pixel_values"], self.inputs["c2a.fbank"]
        image = torch.cat([self.inputs["c4k.image"]] * self.sizes.frames)
        a = Clip(frames, sound)
        b = Clip(self.inputs["in.frames_b"], self.inputs["in.fbank_b"])
        h, v = HISTORY, VIDEO
        one, two = HISTORY_IDS[:1], HISTORY_IDS
        pair = [[5, h, v, 6, 7, 9], [h, 4, v, 5, 0, 0]]
        left = [[5, h, v, 6, 7, 9], [0, 0, h, 4, v, 5]]
        none = [[7, 5, 6, 5, 4]]
        self.row("c4a", [[5, h, 6, v, 9]], [[a]], one)
        self.row("c4b", [[5, AUDIO, 9]], [[Clip(fbank=sound)]])
        self.row("c4c", [[v, 6, 7]], [[Clip(frames)]])
        self.row("c4d", [[5, 6, 7, 9]], [[]])
        del self.outputs["c4d.inputs_embeds"]  # text alone is not merged
        self.row("c4e", pair, [[a], [b]], two, labels=pair)
        unequal = [[5, h, v, 6], [5, AUDIO, 9, 0]]
        self.row("c4f", unequal, [[a], [Clip(fbank=b.fbank)]], one, labels=unequal)
        orders = [[5, v, h, 6], [h, 7, v, 9]]
        self.row("c4g", orders, [[a], [b]], two, labels=orders)
        self.row("c4h", left, [[a], [b]], two, labels=left)
        mixed = [[v, 6, 7], [5, 4, 9]]
        self.row("c4i", mixed, [[Clip(frames)], []], labels=mixed)
        self.row("c4j", [[5, h, 6, v, 9]], [[a]], one, labels=[[5, -100, 6]])
        self.row("c4k", [[5, IMAGE, 6]], [[Clip(image)]])
        self.row("c4l", [[5, h, v, 9]], [[a]], none)
        self.row("c4m", [[5, 6, 9]], [[]], one)
        self.generation("c5a", [[5, h, v, 9, 4]], [[a]], one)
        self.generation("c5b", [[5, 6, 9, 4]], [[]])

    def row(
        self,
        case: str,
        ids: list[list[int]],
        clips: list[list[Clip]],
        history: list[list[int]] | None = None,
        labels: list[list[int]] | None = None,
    ) -> None:
        given = {"input_ids": torch.tensor(ids), "attention_mask": (torch.tensor(ids) != 0).long()}
        if history is not None:
            given["history_input_ids"] = torch.tensor(history)
        if labels is not None:
            rows = torch.tensor(labels)
            given["labels"] = rows.masked_fill(rows <= 0, -100)
        self.inputs |= {f"{case}.{name}": tensor for name, tensor in given.items()}
        merged = self.reference.merged(
            given["input_ids"],
            clips,
            given.get("history_input_ids"),
            given["attention_mask"],
            given.get("labels"),
        )
        self.give(case, {**merged, **self.reference.answer(merged)})

    def generation(
        self,
        case: str,
        ids: list[list[int]],
        clips: list[list[Clip]],
        history: list[list[int]] | None = None,
    ) -> None:
        self.inputs[f"{case}.input_ids"] = torch.tensor(ids)
        if history is not None:
            self.inputs[f"{case}.history_input_ids"] = torch.tensor(history)
        memory = self.inputs.get(f"{case}.history_input_ids")
        merged = self.reference.merged(torch.tensor(ids), clips, memory)
        self.give(case, self.reference.greedy(merged["inputs_embeds"], 6))

    def preprocessing(self) -> None:
        rng = np.random.default_rng(3)
        wave = (rng.integers(-8000, 8000, 16_000) / 32768).astype(np.float32)
        self.inputs["c6.waveform"] = torch.tensor(wave)[None]
        logmel = fbank(wave, self.sizes.bins)
        bf16 = logmel.bfloat16().float()
        self.give("c6", {"fbank": logmel, "fbank_knf": logmel, "fbank_bf16": bf16})
        track = np.concatenate([wave] * 8)  # below 2 s the whole sound is repeated
        silent = np.concatenate([track, np.zeros(30 * 16_000 - len(track), np.float32)])
        rows = torch.tensor([0, 99, 500, 793])
        self.inputs["c6.soundtrack_row_index"] = rows
        whole = fbank(silent[: 800 * 160 + 240], self.sizes.bins)
        shape = torch.tensor([1, 2998, self.sizes.bins])
        kept = whole[0, rows].bfloat16().float()
        self.give("c6", {"soundtrack_shape": shape, "soundtrack_rows": kept})
        lengths = [16_000, 33_000, 700_001]
        starts = [[k * max(n - 32_000, 0) // 8 for k in range(8)] for n in lengths]
        cuts = [[(start, start + 32_000) for start in row] for row in starts]
        self.inputs["c6.clip_num_samples"] = torch.tensor(lengths)
        self.give("c6", {"clip_bounds": torch.tensor(cuts)})
        counts, wanted = [1, 3, 40, 999], self.sizes.frames
        parts = [(2 * k + 1) / (2 * wanted) for k in range(wanted)]
        middles = [[math.floor(part * (n - 1) + 0.5 + 1e-6) for part in parts] for n in counts]
        self.inputs["c7.durations"] = torch.tensor(counts)
        self.give("c7", {"indices": torch.tensor(middles)})
        shown = [rng.integers(0, 255, (20, 33, 3), np.uint8) for _ in range(2)]
        for i, image in enumerate(shown):
            self.inputs[f"c9.image_{i}"] = torch.tensor(image)
        shown.append(np.zeros((33, 20, 3), np.uint8))
        size = self.sizes.vision["image_size"]
        for name, pad in (("stretch", False), ("pad", True)):
            pictures = torch.stack([picture(image, size, pad) for image in shown])
            self.give("c9", {f"pixel_values_{name}": pictures})

    def gradients(self) -> None:
        """Of the loss of c4e: functional parts through their tensors, the others by parameter."""
        reference = self.reference
        written_out = [
            "model.audio_tower.layer_norm.bias",
            "model.audio_tower.encoder.layers.0.fc1.bias",
            "model.audio_tower.encoder.layers.0.self_attn.grep_a",
            "model.audio_tower.encoder.pos_conv.0.weight_g",
            "model.mm_projector.s1.b1.conv1.bn.bias",
            "model.mm_projector.sampler.0.bias",
            "model.mm_projector_a.0.bias",
            "model.mamba_compressor.memory_projection.bias",
        ]
        leaves = {name: reference.tensors[name].requires_grad_() for name in written_out}
        own = dict(reference.qwen.named_parameters())
        leaves |= {n: own[n] for n in ("model.norm.weight", "model.layers.0.self_attn.q_proj.bias")}
        leaves["model.embed_tokens.weight#norm"] = own["model.embed_tokens.weight"]
        ssm = dict(reference.mamba.named_parameters())
        leaves["model.mamba_compressor.mamba.norm_f.weight"] = ssm["norm_f.weight"]
        a = Clip(self.inputs["c1.pixel_values"], self.inputs["c2a.fbank"])
        b = Clip(self.inputs["in.frames_b"], self.inputs["in.fbank_b"])
        merged = reference.merged(
            self.inputs["c4e.input_ids"],
            [[a], [b]],
            self.inputs["c4e.history_input_ids"],
            self.inputs["c4e.attention_mask"],
            self.inputs["c4e.labels"],
        )
        loss = reference.answer(merged)["loss"]
        grads = torch.autograd.grad(loss.sum(), list(leaves.values()))
        for name, grad in zip(leaves, grads, strict=True):
            stored = grad.norm()[None] if name.endswith("#norm") else grad
            self.outputs[f"c10.grad.{name}"] = stored
        self.outputs["c10.vision_tower_grads_absent"] = torch.tensor([1])
        for name in written_out:
            reference.tensors[name].requires_grad_(False)

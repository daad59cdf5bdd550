"""Room on the disk: what a run will take, what a team's runs have taken, and what to give back."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction

from inference.errors import DomainError, WrongStateError
from inference.machine_memory import GIB, MIB, size_text
from inference.models import TrainingRun
from inference.safetensors_headers import TensorHeader, checkpoint_headers
from inference.training.config import TrainingConfig
from inference.training.parts import LLM_LAYERS, PROJECTORS_BESIDE_ADAPTERS, TOWERS
from mood_eval.models import Team

WEIGHT, MOMENTS = 4, 8
"""Bytes a parameter on the disk: float32, and Adam's two running means of it."""
BESIDE = 64 * MIB
"""Logs, progress, the reference's log-probabilities, tokenizer."""
CHECK_SECONDS = 10.0
OUTPUT = "output"
"""Of a run's folder, what its trainer writes."""
CHECKPOINTS = "checkpoint-*"
COMPLETE = "complete"
"""In a checkpoint that was written to its end: inference.training.callbacks, which loads torch."""
NAMED = 3
"""Runs that a refusal names as the largest."""
LLM_MATRIX = re.compile(rf".*{LLM_LAYERS}\.weight")


class NoRoomError(DomainError):
    pass


@dataclass(frozen=True)
class DiskNeed:
    """Bytes, estimated from the base's headers."""

    final: int
    checkpoint: int
    checkpoints: int
    """How many stand side by side: the kept ones, the one that is being written, and room for
    that of a stop."""

    @property
    def total(self) -> int:
        return self.final + self.checkpoint * self.checkpoints + BESIDE


def disk_need(config: TrainingConfig) -> DiskNeed:
    tensors = list(checkpoint_headers(config.base))
    every = sum(tensor.elements for tensor in tensors)
    if config.lora:
        trained = sum(_beside_frozen(tensor, config) for tensor in tensors)
        checkpoint = trained * (WEIGHT + MOMENTS)
    else:
        trained = sum(tensor.elements for tensor in tensors if not _is_of(tensor, TOWERS))
        checkpoint = every * WEIGHT + trained * MOMENTS
    return DiskNeed(every * WEIGHT, checkpoint, config.keep_checkpoints + 2)


def _beside_frozen(tensor: TensorHeader, config: TrainingConfig) -> int:
    """Parameters that LoRA trains for one of the base's tensors."""
    if LLM_MATRIX.fullmatch(tensor.name) and not _is_of(tensor, TOWERS):
        return config.lora_rank * sum(tensor.shape)
    is_projector = config.projectors == "train" and _is_of(tensor, PROJECTORS_BESIDE_ADAPTERS)
    return tensor.elements if is_projector else 0


def _is_of(tensor: TensorHeader, modules: Iterable[str]) -> bool:
    return not {*tensor.name.split(".")}.isdisjoint(modules)


def folder_bytes(folder: Path) -> int:
    """What the files below it hold; of what is removed meanwhile, nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(place) / name).lstat().st_size
    return total


def bytes_by_run(team: Team) -> dict[str, int]:
    """Name -> bytes of its folder, the largest first."""
    runs = TrainingRun.objects.filter(team=team).exclude(folder="").values_list("name", "folder")
    taken = {name: folder_bytes(settings.VAR / folder) for name, folder in runs}
    return dict(sorted(taken.items(), key=lambda item: (-item[1], item[0])))


def check_room(run: TrainingRun, config: TrainingConfig) -> None:
    """Before a run begins or goes on. Raises NoRoomError with the figures and what to do."""
    missing = max(0, disk_need(config).total - folder_bytes(config.output))
    free = shutil.disk_usage(settings.VAR).free
    if missing > free:
        raise NoRoomError(
            f"The run will take about {size_text(missing)} on the disk, and {size_text(free)} are "
            f"free. {REMEDIES}"
        )
    if not settings.TRAINING_DISK_QUOTA_GIB:
        return
    taken = bytes_by_run(run.team)
    if sum(taken.values()) + missing > _quota():
        raise NoRoomError(
            f"The run will take about {size_text(missing)}, and the team's training runs have "
            f"{size_text(sum(taken.values()))} of {size_text(_quota())}{_largest(taken)}. "
            f"{REMEDIES}"
        )


REMEDIES = (
    "Keep fewer checkpoints (keep_checkpoints), train adapters only (lora), remove checkpoints of "
    "runs that will not go on (`manage.py training_disk`), or ask for more room "
    "(TRAINING_DISK_QUOTA_GIB)."
)


def _quota() -> int:
    return int(settings.TRAINING_DISK_QUOTA_GIB * GIB)


def _largest(taken: dict[str, int]) -> str:
    named = [f"“{name}” {size_text(size)}" for name, size in list(taken.items())[:NAMED] if size]
    return f"; the largest are {', '.join(named)}" if named else ""


@dataclass
class RoomWatch:
    """While a trainer works: it is stopped as long as the checkpoint that it then writes fits."""

    team: Team
    need: DiskNeed
    output: Path
    checked_at: float = field(default=0.0, init=False)

    def check(self) -> None:
        """Raises NoRoomError. Looks at the disk now and then only."""
        now = time.monotonic()
        if now - self.checked_at < CHECK_SECONDS:
            return
        self.checked_at = now
        free = shutil.disk_usage(settings.VAR).free
        if free + half_written(self.output) < self.need.checkpoint + BESIDE:
            raise NoRoomError(f"Only {size_text(free)} are free on the disk. {ROOM}")
        if settings.TRAINING_DISK_QUOTA_GIB:
            taken = bytes_by_run(self.team)
            if sum(taken.values()) > _quota():
                raise NoRoomError(
                    f"The team's training runs have {size_text(sum(taken.values()))} on the disk, "
                    f"of {size_text(_quota())}{_largest(taken)}. {ROOM}"
                )


ROOM = (
    "The run can be resumed once there is room: remove checkpoints of runs that will not go on "
    "(`manage.py training_disk`), or ask for more (TRAINING_DISK_QUOTA_GIB)."
)


def half_written(output: Path) -> int:
    """Bytes of the checkpoint that a trainer is writing: they are taken, and were reserved."""
    parts = (folder for folder in output.glob(CHECKPOINTS) if not (folder / COMPLETE).is_file())
    return sum(map(folder_bytes, parts))


def give_back_room(run: TrainingRun) -> int:
    """Removes the checkpoints of a run that has ended: it can then only begin anew. Returns the
    bytes given back. Raises WrongStateError while the run waits or works."""
    with transaction.atomic():
        row = TrainingRun.objects.select_for_update().get(pk=run.pk)
        if row.is_active:
            raise WrongStateError(f"“{run}” is not over. Cancel it first.")
        return remove_checkpoints(settings.VAR / row.folder / OUTPUT) if row.folder else 0


def remove_checkpoints(output: Path) -> int:
    """Those in a run's output folder; its final one stays. Returns the bytes given back."""
    removed = 0
    for folder in sorted(output.glob(CHECKPOINTS)):
        removed += folder_bytes(folder)
        shutil.rmtree(folder)
    return removed

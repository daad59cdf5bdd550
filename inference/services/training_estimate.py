"""What a run would take of the machine, told before it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from inference.errors import DomainError
from inference.machine_memory import available_memory, size_text
from inference.models import ModelVersion
from inference.services.model_versions import checkpoint_folder
from inference.services.training_disk import disk_need
from inference.training.config import Method, TrainingConfig
from inference.training.memory import estimate, remedies_for


@dataclass(frozen=True)
class TrainingEstimate:
    """In words."""

    memory: str
    free_memory: str
    """On this machine; empty in production, where another one may train. So is `free_disk`."""
    memory_fits: bool
    disk: str
    free_disk: str
    disk_fits: bool
    remedies: tuple[str, ...] = ()
    """What would make it fit into the memory."""
    problem: str = ""
    """Why nothing can be told."""


def training_estimate(
    *, method: Method, base: ModelVersion, options: Mapping[str, Any]
) -> TrainingEstimate:
    """`options`: keys of inference.training.config, of their types.

    What is free is told, and compared, only where the machine of the pages trains too.
    """
    try:
        folder = checkpoint_folder(base.path)
        config = TrainingConfig(
            method=method, base=folder, dataset=Path(), output=Path(), **options
        )
        need, disk = estimate(config), disk_need(config)
    except DomainError as error:
        return TrainingEstimate("", "", True, "", "", True, problem=str(error))
    memory, room_needed = str(need), size_text(disk.total)
    if settings.PRODUCTION:
        return TrainingEstimate(memory, "", True, room_needed, "", True)
    free, room = available_memory(), shutil.disk_usage(settings.VAR).free
    fits = need.machine <= free
    return TrainingEstimate(
        memory=memory,
        free_memory=size_text(free),
        memory_fits=fits,
        disk=room_needed,
        free_disk=size_text(room),
        disk_fits=disk.total <= room,
        remedies=() if fits else tuple(remedies_for(config, need.machine, need.on_gpu, "memory")),
    )

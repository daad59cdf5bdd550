"""Whether the machine can ever hold a run, asked before the run waits for a worker.

What is free at the time its trainer asks itself, on the worker's machine, before it loads anything
(`inference.training.memory.check_memory`); there a GPU's memory is looked at too.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from inference.errors import CheckpointError, DomainError, InvalidOptionsError
from inference.machine_memory import size_text, total_memory
from inference.training.config import TrainingConfig
from inference.training.memory import estimate, remedies_for

GPUS = Path("/proc/driver/nvidia/gpus")
"""One entry for each, where there are any."""


class TooLargeError(DomainError):
    pass


def most_processes() -> int:
    """One for each core or GPU of this machine, whichever are more."""
    gpus = len(list(GPUS.iterdir())) if GPUS.is_dir() else 0
    return max(os.cpu_count() or 1, gpus)


def check_processes(config: TrainingConfig) -> None:
    """Raises TooLargeError. Asked on the worker's machine, whose processes they will be."""
    if config.processes > most_processes():
        raise TooLargeError(
            f"processes: {config.processes} were asked for, and this machine runs at most "
            f"{most_processes()}, one for each core or GPU. Ask for fewer."
        )


def check_machine(config: TrainingConfig) -> None:
    """Where web server and worker share one machine. Raises TooLargeError with what would help.

    In production the worker may have another machine than the one that is asked here.
    """
    if settings.PRODUCTION:
        return
    check_processes(config)
    try:
        need = estimate(config)
    except CheckpointError as error:
        raise InvalidOptionsError(str(error)) from error
    total = total_memory()
    if need.machine > total:
        remedies = "; ".join(remedies_for(config, need.machine, need.on_gpu, "memory"))
        raise TooLargeError(
            f"This run needs {need}, and this machine has {size_text(total)} of memory. "
            f"What would help: {remedies or 'a smaller base, or a larger machine'}."
        )

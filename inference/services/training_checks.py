"""Whether the machine can ever hold a run, asked before the run waits for a worker.

What is free at the time its trainer asks itself, on the worker's machine, before it loads anything
(`inference.training.memory.check_memory`); there a GPU's memory is looked at too.
"""

from __future__ import annotations

from django.conf import settings

from inference.errors import CheckpointError, DomainError, InvalidOptionsError
from inference.machine_memory import size_text, total_memory
from inference.training.config import TrainingConfig
from inference.training.memory import estimate, remedies_for


class TooLargeError(DomainError):
    pass


def check_machine(config: TrainingConfig) -> None:
    """Where web server and worker share one machine. Raises TooLargeError with what would help.

    In production the worker may have another machine than the one that is asked here.
    """
    if settings.PRODUCTION:
        return
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

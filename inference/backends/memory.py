"""Whether a checkpoint fits into memory, told before anything is loaded."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import gc
import re
from pathlib import Path

import torch

from inference.errors import CheckpointError
from inference.machine_memory import available_memory, size_text
from inference.safetensors_headers import checkpoint_headers

WORKING_SHARE = 1.1
"""Answering needs memory beside the weights: the cache of keys and values, the features."""
REMEDY = (
    "Choose a smaller model, end what else uses the memory, or let a worker on a larger machine "
    "answer."
)


class ModelDoesNotFitError(CheckpointError):
    def __init__(self, folder: Path, needed: int, free: int, device: str) -> None:
        place = "memory" if device == "cpu" else "GPU memory"
        super().__init__(
            f"The model in {folder.name} needs about {size_text(needed)} of {place}, "
            f"{size_text(free)} are free. {REMEDY}"
        )


def needed_bytes(folder: Path, dtype: torch.dtype) -> int:
    """With every float tensor held as `dtype`."""
    sizes = [tensor.bytes_as(dtype.itemsize) for tensor in checkpoint_headers(folder)]
    # One tensor is there twice while it is converted.
    return int(sum(sizes) * WORKING_SHARE) + max(sizes, default=0)


def available_bytes(device: str) -> int:
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(device)
        # What PyTorch keeps for later is free for us though the driver counts it as used.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + kept)
    return available_memory()


def is_out_of_memory(error: BaseException) -> bool:
    """PyTorch reports that the CPU's memory is used up as a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return (
        isinstance(error, RuntimeError)
        and re.search("can(no|')t allocate memory", str(error), re.I) is not None
    )


def free_memory() -> None:
    """Back to the system, which PyTorch and the C library would keep for later."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    library = ctypes.util.find_library("c")
    trim = getattr(ctypes.CDLL(library), "malloc_trim", None) if library else None
    if trim is not None:  # glibc only
        trim(0)

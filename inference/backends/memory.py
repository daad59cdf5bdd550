"""Whether a checkpoint fits into memory, told from its files' headers before anything is loaded.

A safetensors file begins with eight bytes that give the length of its header, a JSON object with
the type and shape of every tensor (https://github.com/huggingface/safetensors, "Format").
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import gc
import json
import math
import re
import resource
from pathlib import Path
from typing import Any

import torch

from inference.errors import CheckpointError

HEADER_LIMIT = 100_000_000
"""Bytes, as in the format's reference implementation."""
WORKING_SHARE = 1.1
"""Answering needs memory beside the weights: the cache of keys and values, the features."""
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
OTHERS = {"I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}
GIB, MIB = 2**30, 2**20

MEMINFO = Path("/proc/meminfo")
CGROUPS = Path("/proc/self/cgroup")
CGROUP_ROOT = Path("/sys/fs/cgroup")
CGROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""(limit, use, line of memory.stat that counts what the kernel gives back) of versions 2 and 1."""

REMEDY = (
    "Choose a smaller model, end what else uses the memory, or let a worker on a larger machine "
    "answer."
)


class ModelDoesNotFitError(CheckpointError):
    def __init__(self, folder: Path, needed: int, free: int, device: str) -> None:
        place = "memory" if device == "cpu" else "GPU memory"
        super().__init__(
            f"The model in {folder.name} needs about {_size(needed)} of {place}, {_size(free)} are "
            f"free. {REMEDY}"
        )


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GB" if count >= GIB else f"{max(count, 0) / MIB:.0f} MB"


def needed_bytes(folder: Path, dtype: torch.dtype) -> int:
    """With every float tensor held as `dtype`."""
    largest = total = 0
    for file in sorted(folder.glob("*.safetensors")):
        for kind, shape in _tensors(file):
            size = math.prod(shape) * (dtype.itemsize if kind in FLOATS else OTHERS.get(kind, 8))
            total += size
            largest = max(largest, size)
    return int(total * WORKING_SHARE) + largest  # one tensor is there twice while it is converted


def _tensors(file: Path) -> list[tuple[str, list[int]]]:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 0 < length <= HEADER_LIMIT:
            raise CheckpointError(f"{file} is not a safetensors file: its header is missing.")
        text = stream.read(length)
    try:
        header: dict[str, Any] = json.loads(text)
        header.pop("__metadata__", None)
        return [(tensor["dtype"], list(tensor["shape"])) for tensor in header.values()]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{file} is not a safetensors file: {error}.") from error


def available_bytes(device: str) -> int:
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(device)
        # What PyTorch keeps for later is free for us though the driver counts it as used.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + kept)
    return min([_machine_memory(), *_cgroup_memory(), *_process_memory()])


def _machine_memory() -> int:
    """Bytes that programs can have without swapping."""
    for line in MEMINFO.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    raise CheckpointError(f"{MEMINFO} does not say how much memory is available.")


def _process_memory() -> list[int]:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return []
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return [limit - pages * resource.getpagesize()]


def _cgroup_memory() -> list[int]:
    """What each limit on this process or on a group around it leaves."""
    free = []
    for folder in _cgroup_folders():
        for limit_file, use_file, reclaimable in CGROUP_FILES:
            limit = _number(folder / limit_file)
            use = _number(folder / use_file)
            if limit is not None and use is not None:
                free.append(limit - use + _stat(folder / "memory.stat", reclaimable))
    return free


def _cgroup_folders() -> list[Path]:
    """Of this process and up to the root. In a container its own group may be mounted as root."""
    folders = [CGROUP_ROOT, CGROUP_ROOT / "memory"]
    lines = CGROUPS.read_text().splitlines() if CGROUPS.exists() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = CGROUP_ROOT / "memory" if controllers else CGROUP_ROOT
        own = root / path.strip("/")
        folders += [own, *(up for up in own.parents if up.is_relative_to(root))]
    return list(dict.fromkeys(folders))


def _number(file: Path) -> int | None:
    """None where there is no such file, or no limit."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _stat(file: Path, key: str) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    values = dict(line.split() for line in lines)
    return int(values.get(key, 0))


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

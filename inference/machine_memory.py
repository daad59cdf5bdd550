"""How much memory this process may still take: the machine, its control groups, its own limit.

Standard library only.
"""

from __future__ import annotations

import resource
from pathlib import Path

from inference.errors import DomainError

GIB, MIB = 2**30, 2**20
MEMINFO = Path("/proc/meminfo")
CGROUPS = Path("/proc/self/cgroup")
CGROUP_ROOT = Path("/sys/fs/cgroup")
CGROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""(limit, use, line of memory.stat that counts what the kernel gives back) of versions 2 and 1."""


class UnknownMemoryError(DomainError):
    """The machine does not say how much memory it has."""


def available_memory() -> int:
    """Bytes: the least that any limit leaves."""
    return min([_machine_memory(), *_cgroup_memory(), *_process_memory()])


def total_memory() -> int:
    """Bytes that this machine has for programs, whatever they take now: the least of all limits."""
    return min([_meminfo("MemTotal"), *_cgroup_limits()])


def size_text(count: int) -> str:
    return f"{count / GIB:.1f} GB" if count >= GIB else f"{max(count, 0) / MIB:.0f} MB"


def _machine_memory() -> int:
    """Bytes that programs can have without swapping."""
    return _meminfo("MemAvailable")


def _meminfo(wanted: str) -> int:
    for line in MEMINFO.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == wanted:
            return int(value.split()[0]) * 1024
    raise UnknownMemoryError(f"{MEMINFO} does not say {wanted}, how much memory there is.")


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


def _cgroup_limits() -> list[int]:
    files = (folder / name for folder in _cgroup_folders() for name, _, _ in CGROUP_FILES)
    return [limit for file in files if (limit := _number(file)) is not None]


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

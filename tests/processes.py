"""Who is still working in a folder, and helpers to wait for processes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def processes_in(folder: Path) -> dict[int, str]:
    """Living processes, by number, that work in `folder`, have a file of it open or name it."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                links = [entry / "cwd", *(entry / "fd").iterdir()]
                places = [link.readlink() for link in links]
            except OSError:  # it has just ended
                continue
            inside = any(place.is_relative_to(folder) for place in places)
            if inside or str(folder) in command:
                found[int(entry.name)] = command
    return found


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False

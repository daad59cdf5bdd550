"""Who is still working in a folder, and helpers to wait for processes."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
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


def descendants(pid: int) -> dict[int, str]:
    """Living processes that `pid` or a process of its own started: number -> command."""
    parents, commands = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has just ended
                after_name = (entry / "stat").read_text().rpartition(")")[2]
                parents[int(entry.name)] = int(after_name.split()[1])
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                commands[int(entry.name)] = command.decode(errors="replace")
    found, above = {}, [pid]
    while above:
        parent = above.pop()
        children = [child for child in commands if parents[child] == parent]
        found.update({child: commands[child] for child in children})
        above += children
    return found


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False

"""Starting a private server once, for as long as anybody uses it.

Three `flock` files in `var/run/` per server: `start` (held while starting, one at a time), `users`
(shared by every user, exclusive by the keeper that stops), `keeper` (held while a keeper lives).
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Protocol

from mood_eval.embedded import keeper
from mood_eval.embedded.folders import EmbeddedServerError, Folders, rotate_log

START_SECONDS = 60.0
LEFTOVER_SECONDS = 2.0
POLL_SECONDS = 0.02


class Server(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def folders(self) -> Folders: ...
    @property
    def remedy(self) -> str: ...
    def prepare(self) -> keeper.Job: ...
    def is_ready(self) -> bool: ...


@contextlib.contextmanager
def using(server: Server) -> Iterator[None]:
    # Closing the file, never unlocking it: a forked child that still has it goes on being a user.
    started: list[int] = []
    try:
        with _hold(server, started):
            yield
    finally:
        _wait_until_stopped(server)
        if not is_running(server):
            for pid in started:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)


def is_running(server: Server) -> bool:
    lock = server.folders.lock(server.name, "keeper")
    if not lock.exists():
        return False
    with lock.open("a") as file:
        return not keeper.try_lock(file, fcntl.LOCK_SH)


def has_users(server: Server) -> bool:
    lock = server.folders.lock(server.name, "users")
    if not lock.exists():
        return False
    with lock.open("a") as file:
        return not keeper.try_lock(file, fcntl.LOCK_EX)


def stop_leftovers(data: Path, program: str, patience: float = LEFTOVER_SECONDS) -> None:
    """A server whose keeper was killed a moment ago may still be ending; nobody else has one on
    this folder, because we hold the start lock and there is no keeper."""
    for number in (None, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        for pid in processes_in(data, program) if number else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number or 0)
        if _wait_for(lambda: not processes_in(data, program), patience):
            return


def _hold(server: Server, started: list[int]) -> IO[str]:
    server.folders.create()
    with server.folders.lock(server.name, "start").open("a") as start:
        _lock(start, fcntl.LOCK_EX, server)
        users = server.folders.lock(server.name, "users").open("a")
        try:
            _lock(users, fcntl.LOCK_SH, server)
            _start_unless_running(server, started)
        except BaseException:
            users.close()
            raise
    return users


def _start_unless_running(server: Server, started: list[int]) -> None:
    log = server.folders.log(server.name)
    rotate_log(log)
    log_start = log.stat().st_size if log.exists() else 0
    while not _becomes_ready(server):
        if started:  # ours failed; one that was there before may only have been about to end
            raise EmbeddedServerError(
                f"Starting {server.name} failed; see {log}{_tail(log, log_start)}\n{server.remedy}"
            )
        started.append(_start_keeper(server.prepare()))


def _becomes_ready(server: Server) -> bool:
    _wait_for(lambda: not is_running(server) or server.is_ready(), START_SECONDS)
    return is_running(server) and server.is_ready()


def _start_keeper(job: keeper.Job) -> int:
    """Returns when it has its lock, or could not have it because another was faster."""
    Path(job.keeper_lock).touch(mode=0o600)
    ours, its = os.pipe()
    with Path(job.log).open("ab") as log:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", keeper.__file__, json.dumps(asdict(job))],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, its, 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
            ],
            setsid=True,
        )
    os.close(its)
    with open(ours, "rb") as pipe:  # noqa: PTH123
        pipe.read()
    return pid


def _wait_until_stopped(server: Server) -> None:
    """The last user leaves nothing behind when it returns; with other users it goes at once."""

    def stopped_or_used() -> bool:
        return not is_running(server) or (has_users(server) and not _is_stopping(server))

    _wait_for(stopped_or_used, keeper.STOP_SECONDS)


def _is_stopping(server: Server) -> bool:
    with server.folders.lock(server.name, "users").open("a") as file:
        return not keeper.try_lock(file, fcntl.LOCK_SH)


def _lock(file: IO[str], kind: int, server: Server) -> None:
    if not _wait_for(lambda: keeper.try_lock(file, kind), START_SECONDS):
        raise EmbeddedServerError(
            f"Another command has been starting or stopping {server.name} for "
            f"{START_SECONDS:.0f} s; see {server.folders.log(server.name)}"
        )


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def processes_in(data: Path, program: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "comm").read_text().strip() == program and Path(
                    entry / "cwd"
                ).readlink() == data:
                    found.append(int(entry.name))
    return found


def _tail(log: Path, start: int, lines: int = 6) -> str:
    with log.open("rb") as file:
        file.seek(start)
        last = file.read().decode(errors="replace").strip().splitlines()[-lines:]
    return "".join(f"\n  {line}" for line in last)

"""Owns one server process and stops it when its last user is gone.

Started as a script of its own (`python -I keeper.py`, standard library only, so that it stays
small): the job comes as JSON in its argument. Users hold a shared `flock` on one
file; whoever dies, however it dies, loses that lock, and the keeper, which asks for the exclusive
lock, gets it. If the keeper itself is killed, the kernel signals its child (PR_SET_PDEATHSIG).
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
POLL_SECONDS = 0.1
STOP_SECONDS = 10.0
LOCK_TRIES = 5  # somebody who asks whether a keeper runs holds the lock for a moment
KEEPER_ALREADY_RUNNING = 3

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Job:
    argv: list[str]
    folder: str  # working directory of the server
    log: str
    users_lock: str
    keeper_lock: str
    stop_signal: int
    death_signal: int
    account: int | None  # user id to run as, if not our own


def die_with_parent(death_signal: int = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn`: the child gets `death_signal` when the thread that started it ends."""
    parent = os.getpid()

    def arrange() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return arrange


def die_with_this_parent(death_signal: int = signal.SIGKILL) -> None:
    """The same for a process that is running already, such as a forked pool worker."""
    _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))


def try_lock(file: int | IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start(job: Job) -> subprocess.Popen[bytes]:
    with Path(job.log).open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            job.argv,
            cwd=job.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=job.account,
            group=job.account and _group_of(job.account),
            extra_groups=None if job.account is None else [],
            preexec_fn=die_with_parent(job.death_signal),
        )


def _group_of(account: int) -> int:
    import pwd

    return pwd.getpwuid(account).pw_gid


def stop(server: subprocess.Popen[bytes], job: Job) -> None:
    server.send_signal(job.stop_signal)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.send_signal(job.death_signal)
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def keep(job: Job, users: int) -> int:
    told_to_stop = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal told_to_stop
        told_to_stop = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    server = start(job)
    # The exclusive lock is kept while stopping, so a newcomer waits and then starts afresh.
    while not told_to_stop and not try_lock(users, fcntl.LOCK_EX):
        if server.poll() is not None:
            return 1
        time.sleep(POLL_SECONDS)
    stop(server, job)
    return 0


def main() -> int:
    job = Job(**json.loads(sys.argv[1]))
    os.chdir("/")
    # Both stay open, and locked, until the process has ended.
    keeper, users = (os.open(lock, os.O_RDWR) for lock in (job.keeper_lock, job.users_lock))
    for _ in range(LOCK_TRIES):
        if try_lock(keeper, fcntl.LOCK_EX):
            break
        time.sleep(POLL_SECONDS)
    else:
        return KEEPER_ALREADY_RUNNING
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # ends the pipe: the lock is taken
    return keep(job, users)


if __name__ == "__main__":
    sys.exit(main())

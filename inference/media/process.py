"""The child that reads media: started when needed, asked one thing at a time, killed when late."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from inference.media import wire
from inference.media.contract import SHORTEN, MediaError, MediaLimits

Reply = Callable[[wire.Head, int, wire.Source], None]
"""Takes a message that is not the last: its head, the number of bytes that follow, their source."""

PROJECT = Path(__file__).resolve().parents[2]
KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR")
STARTUP_SECONDS = 60.0
JOBS_A_CHILD = 500
"""Then a new one: what libraries leak stays bounded."""
OUT_OF_TIME = (signal.SIGXCPU,)
BROKE_DOWN = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)


class _GoneError(Exception):
    """The child ended before it had answered."""


class Child:
    def __init__(self, memory_mb: int) -> None:
        self.memory_mb = memory_mb
        self.jobs = 0
        self.link, theirs = socket.socketpair()
        # When this process ends, however it ends, the kernel closes its side and tells the child.
        watched, self.lifeline = os.pipe()
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603
                    [
                        sys.executable,
                        "-m",
                        "inference.media.child",
                        *map(str, (theirs.fileno(), watched, memory_mb)),
                    ],
                    cwd=PROJECT,
                    env=_environment(),
                    pass_fds=(theirs.fileno(), watched),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            finally:
                os.close(watched)
        try:
            wire.Source(self.link, time.monotonic() + STARTUP_SECONDS).message()
        except (EOFError, OSError) as error:
            self.end()
            raise MediaError(
                "the process that reads media did not start",
                "The log of this program says why; then try again.",
            ) from error

    def request(self, head: wire.Head, files: Sequence[int]) -> None:
        self.jobs += 1
        socket.send_fds(self.link, [b"f"], files)
        wire.send(self.link, head)

    def end(self) -> int:
        """Kills it; what it ended with, as in `Popen.returncode`."""
        self.process.kill()
        code = self.process.wait()
        self.forget()
        return code

    def forget(self) -> None:
        self.link.close()
        os.close(self.lifeline)


class Reader:
    """Thread-safe. In a forked process it starts afresh: the child belongs to the parent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None
        os.register_at_fork(after_in_child=self._after_fork)
        atexit.register(self.close)

    def ask(
        self,
        request: wire.Head,
        files: Sequence[int],
        limits: MediaLimits,
        take: Reply,
        begin: Callable[[], None],
    ) -> wire.Head:
        """The last message of the answer; `take` is given the others. What earlier files left in
        the child must not decide about this one: a failure of a used child is tried once more in
        a fresh one, before which `begin` is called again."""
        with self._lock:
            for attempt in (1, 2):
                child = self._ready(limits)
                fresh = child.jobs == 0
                last = fresh or attempt == 2
                begin()
                try:
                    done = self._answer(child, request, files, limits, take)
                except _GoneError as gone:
                    if last:
                        raise _explained(gone.args[0], limits) from gone
                    continue
                if done["kind"] == "done":
                    return done
                if done.get("spoiled"):
                    self.close_child()
                    if not last:
                        continue
                raise MediaError(done["reason"], done["remedy"])
        raise AssertionError("unreachable")

    def close(self) -> None:
        with self._lock:
            self.close_child()

    def close_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _ready(self, limits: MediaLimits) -> Child:
        child = self._child
        if child is not None and (
            child.process.poll() is not None
            or child.memory_mb != limits.memory_mb
            or child.jobs >= JOBS_A_CHILD
        ):
            self.close_child()
        if self._child is None:
            self._child = Child(limits.memory_mb)
        return self._child

    def _answer(
        self,
        child: Child,
        request: wire.Head,
        files: Sequence[int],
        limits: MediaLimits,
        take: Reply,
    ) -> wire.Head:
        source = wire.Source(child.link, time.monotonic() + limits.seconds)
        try:
            child.link.settimeout(limits.seconds)
            child.request(request, files)
            while True:
                head, payload = source.message()
                if head["kind"] in ("done", "error"):
                    return head
                take(head, payload, source)
        except TimeoutError as error:
            self.close_child()
            raise _too_slow(limits) from error
        except (EOFError, ConnectionError) as error:
            code = _code_after_its_end(child)
            self.close_child()
            raise _GoneError(code) from error
        except BaseException:
            # The rest of the answer is still under way: it would be taken for the next one.
            self.close_child()
            raise

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        if self._child is not None:
            self._child.forget()
            # It is not ours to wait for.
            self._child.process.returncode = 0
            self._child = None


def _environment() -> dict[str, str]:
    """No passwords for a process that meets files from anywhere; few threads and memory pools,
    since each takes its share of the address space."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return kept | {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def _code_after_its_end(child: Child) -> int:
    try:
        return child.process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        # It closed its side but lives on.
        return cast(int, signal.SIGABRT) * -1


def _too_slow(limits: MediaLimits) -> MediaError:
    return MediaError(f"reading it took longer than {limits.seconds:g} seconds", SHORTEN)


def _explained(code: int, limits: MediaLimits) -> MediaError:
    if -code in OUT_OF_TIME:
        return _too_slow(limits)
    if -code == signal.SIGKILL:
        return MediaError("the system stopped reading it, as it does when memory runs out", SHORTEN)
    if -code in BROKE_DOWN:
        return MediaError(f"the decoder broke down on it ({signal.Signals(-code).name})")
    return MediaError(f"the process that reads media ended unexpectedly (code {code})")


READER = Reader()

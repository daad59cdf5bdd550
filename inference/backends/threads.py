"""Work that waits for others, several pieces at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from inference.backends.pacing import StoppedError

T = TypeVar("T")
R = TypeVar("R")
LOOK_SECONDS = 0.5


def in_threads(
    items: Sequence[T],
    work: Callable[[T], R],
    *,
    threads: int,
    stopping: threading.Event,
    should_stop: Callable[[], bool],
    at_end: Callable[[], None] = lambda: None,
) -> list[R]:
    """Results in the order of the items. `at_end` is called by each thread once it has done.

    `should_stop` is asked by the calling thread, twice a second; it may raise. Where it says so,
    or a piece of work raises, `stopping` is set: nothing further is begun, what is under way comes
    to its end, and then that error, or StoppedError, is raised.
    """
    crew = _Crew(items, work, stopping, at_end)
    stopping.clear()
    running = [
        threading.Thread(target=crew.run, name=f"asking {number}", daemon=True)
        for number in range(min(max(threads, 1), len(items)))
    ]
    for thread in running:
        thread.start()
    try:
        for thread in running:
            while _lives_on(thread, LOOK_SECONDS):
                if not stopping.is_set() and should_stop():
                    stopping.set()
    finally:
        if any(thread.is_alive() for thread in running):
            stopping.set()
            for thread in running:
                thread.join()
    return crew.finished()


def _lives_on(thread: threading.Thread, seconds: float) -> bool:
    thread.join(seconds)
    return thread.is_alive()


class _Crew(Generic[T, R]):
    def __init__(
        self,
        items: Sequence[T],
        work: Callable[[T], R],
        stopping: threading.Event,
        at_end: Callable[[], None],
    ) -> None:
        self._waiting = deque(enumerate(items))
        self._work = work
        self._stopping = stopping
        self._at_end = at_end
        self._results: dict[int, R] = {}
        self._errors: list[BaseException] = []
        self._count = len(items)

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    place, item = self._waiting.popleft()
                except IndexError:
                    return
                self._results[place] = self._work(item)
        except BaseException as error:  # handed to the calling thread, which raises it
            self._errors.append(error)
            self._stopping.set()
        finally:
            self._at_end()

    def finished(self) -> list[R]:
        for error in self._errors:
            if not isinstance(error, StoppedError):
                raise error
        if len(self._results) < self._count:
            raise StoppedError
        return [self._results[place] for place in range(self._count)]

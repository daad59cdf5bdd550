from __future__ import annotations

import threading

import pytest

from inference.backends.pacing import StoppedError, pause
from inference.backends.threads import in_threads


def never() -> bool:
    return False


def test_results_come_in_the_order_of_the_items_and_each_thread_says_when_it_has_done() -> None:
    together = threading.Barrier(3, timeout=60)
    ended: list[str] = []

    def work(item: int) -> int:
        together.wait()
        return item * item

    results = in_threads(
        range(6),
        work,
        threads=3,
        stopping=threading.Event(),
        should_stop=never,
        at_end=lambda: ended.append(threading.current_thread().name),
    )
    assert results == [0, 1, 4, 9, 16, 25]
    assert sorted(ended) == ["asking 0", "asking 1", "asking 2"]


def test_nothing_to_do_needs_no_thread() -> None:
    nothing: list[int] = []
    assert not in_threads(nothing, str, threads=4, stopping=threading.Event(), should_stop=never)


def test_an_error_ends_the_pauses_of_the_others_and_reaches_the_caller() -> None:
    stopping, done = threading.Event(), []
    paused = threading.Barrier(2, timeout=60)

    def work(item: int) -> None:
        if item == 0:
            paused.wait()
            raise ValueError("no more")
        if item == 1:
            paused.wait()
            pause(600, stopping)
        done.append(item)

    with pytest.raises(ValueError, match="no more"):
        in_threads(range(50), work, threads=2, stopping=stopping, should_stop=never)
    assert not done


def test_what_is_under_way_is_finished_before_a_stop() -> None:
    stopping, begun, done = threading.Event(), threading.Event(), []

    def work(item: int) -> None:
        begun.set()
        stopping.wait(60)
        done.append(item)

    with pytest.raises(StoppedError):
        in_threads(range(50), work, threads=1, stopping=stopping, should_stop=begun.is_set)
    assert done == [0]


def test_an_error_of_the_question_whether_to_stop_reaches_the_caller_after_the_work() -> None:
    stopping, begun, done = threading.Event(), threading.Event(), []

    class CancelledError(Exception):
        pass

    def work(item: int) -> None:
        begun.set()
        stopping.wait(60)
        done.append(item)

    def cancelled() -> bool:
        if begun.is_set():
            raise CancelledError
        return False

    with pytest.raises(CancelledError):
        in_threads(range(50), work, threads=1, stopping=stopping, should_stop=cancelled)
    assert done == [0]


def test_it_can_be_used_again_after_a_stop() -> None:
    stopping = threading.Event()
    stopping.set()
    assert in_threads([1], str, threads=1, stopping=stopping, should_stop=never) == ["1"]

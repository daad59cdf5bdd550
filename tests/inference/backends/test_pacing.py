from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from inference.backends.pacing import Pacer, StoppedError, pacer_of, pause, seconds_asked

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 1.5 ", 1.5),
        ("0", 0),
        ("-3", 0),
        ("nan", 0),
        ("inf", 0),
        ("soon", 0),
        ("", 0),
        (None, 0),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
        ("Sunday, 01-Mar-26 12:02:00 GMT", 120),
        ("Sun Mar  1 12:02:00 2026", 120),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 99 Mar 2026 11:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float) -> None:
    assert seconds_asked(header, NOON) == seconds


def test_requests_are_spread_evenly_whoever_takes_the_next() -> None:
    pacer = Pacer(requests_per_minute=120)
    assert [pacer.take(now) for now in (10.0, 10.0, 10.1, 20.0)] == [10.0, 10.5, 11.0, 20.0]


def test_without_a_pace_everybody_may_ask_at_once() -> None:
    pacer = Pacer(requests_per_minute=0)
    assert [pacer.take(1.0) for _ in range(3)] == [1.0, 1.0, 1.0]


def test_quiet_that_a_server_asks_for_holds_everybody() -> None:
    pacer = Pacer(requests_per_minute=60)
    pacer.take(0.0)
    pacer.hold(30.0)
    pacer.hold(5.0)
    assert pacer.held(10.0) == 20.0
    assert [pacer.take(0.5), pacer.take(0.5)] == [30.0, 31.0]
    assert pacer.held(30.0) == 0


def test_one_pacer_serves_all_who_ask_the_same_model_with_the_same_key() -> None:
    one = pacer_of("http://a/v1", "m", "KEY", 60)
    assert pacer_of("http://a/v1", "m", "KEY", 60) is one
    assert pacer_of("http://a/v1", "m", "OTHER", 60) is not one


def test_a_pause_ends_when_somebody_asks_for_the_end() -> None:
    stopping = threading.Event()
    threading.Timer(0.05, stopping.set).start()
    with pytest.raises(StoppedError):
        pause(600, stopping)
    with pytest.raises(StoppedError):
        Pacer(0).wait(stopping)

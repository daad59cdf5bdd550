"""When the next question may be asked: pauses that can be cut short, a pace shared by threads."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

from inference.errors import DomainError


class StoppedError(DomainError):
    """Somebody asked for the end while questions were waiting; what was answered is kept."""

    def __init__(self) -> None:
        super().__init__("Stopped before everything was asked; what was answered is kept.")


def pause(seconds: float, stopping: threading.Event) -> None:
    """Raises StoppedError as soon as `stopping` is set, also where there is nothing to wait for."""
    if stopping.wait(max(seconds, 0.0)):
        raise StoppedError


class Pacer:
    """Requests at equal distances, whichever thread sends them."""

    def __init__(self, requests_per_minute: int) -> None:
        self._distance = 60 / requests_per_minute if requests_per_minute else 0.0
        self._lock = threading.Lock()
        self._next = self._held_until = -math.inf

    def take(self, now: float) -> float:
        """The time at which the caller may ask; nobody else gets it."""
        with self._lock:
            time_of_it = max(now, self._next, self._held_until)
            self._next = time_of_it + self._distance
            return time_of_it

    def hold(self, until: float) -> None:
        """The server asked for quiet, and means everybody."""
        with self._lock:
            self._held_until = max(self._held_until, until)

    def held(self, now: float) -> float:
        """Seconds for which everybody is to be quiet."""
        with self._lock:
            return max(self._held_until - now, 0.0)

    def wait(self, stopping: threading.Event) -> None:
        pause(self.take(time.monotonic()) - time.monotonic(), stopping)
        while quiet := self.held(time.monotonic()):
            pause(quiet, stopping)


@cache
def pacer_of(url: str, model: str, key_variable: str, requests_per_minute: int) -> Pacer:
    """One in the process for all who ask the same model with the same key."""
    return Pacer(requests_per_minute)


def seconds_asked(retry_after: str | None, now: datetime | None = None) -> float:
    """What a `Retry-After` header asks for, in seconds or as a date (RFC 9110, 10.2.3); 0 where
    there is none, or none that can be read."""
    text = (retry_after or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text, now or datetime.now(UTC))
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0


def _seconds_until(date: str, now: datetime) -> float:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds()

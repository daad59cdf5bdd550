"""Matrix products on one thread: the same digits on every machine, and no cores taken from others.

The number of BLAS threads belongs to the whole process. So the first product that begins notes
it, and the last one that ends puts it back, however many run at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = Lock()
_running = 0
_limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    global _running, _limit
    with _lock:
        if _running == 0:
            _limit = _libraries().limit(limits=1, user_api="blas")
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0:
                _limit.restore_original_limits()


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()

"""The models that this process keeps loaded; the least recently used one leaves first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from inference.backends.memory import free_memory

K = TypeVar("K", bound=Hashable)
M = TypeVar("M")


class KeptModels(Generic[K, M]):
    """One load at a time, so that no model is loaded twice and none finds its room taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: OrderedDict[K, M] = OrderedDict()

    def get(self, key: K, limit: int, fits: Callable[[], bool], load: Callable[[], M]) -> M:
        """Others leave before it is loaded: until `limit` holds, and then while it does not fit."""
        with self._lock:
            if key not in self._models:
                while self._models and (len(self._models) >= limit or not fits()):
                    self._drop_oldest()
                self._models[key] = load()
            self._models.move_to_end(key)
            return self._models[key]

    def keys(self) -> list[K]:
        """The least recently used one first."""
        with self._lock:
            return list(self._models)

    def drop_all(self) -> None:
        with self._lock:
            self._models.clear()
            free_memory()

    def _drop_oldest(self) -> None:
        self._models.popitem(last=False)
        free_memory()

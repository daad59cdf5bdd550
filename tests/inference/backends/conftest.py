from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chat_server import ChatServer
from tests.inference.backends.endpoint_answers import replying
from tests.inference.backends.memory_ledger import MemoryLedger


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(answer=replying) as server:
        yield server


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()

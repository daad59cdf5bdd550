"""A backend at a local server, as the tests of it ask: a number in the words comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inference.backends.endpoint import load_endpoint
from inference.backends.openai_chat import Patience
from inference.contracts import Answer, GenerationOptions, StimulusInput, TurnText
from inference.endpoints import Endpoint
from inference.media import DEFAULT_LIMITS
from tests.chat_server import FOUR_LINES, Asked, ChatServer
from tests.inference.backends.memory_ledger import MemoryLedger

TEXT = GenerationOptions(modality="text")


def stimuli(count: int) -> list[StimulusInput]:
    return [
        StimulusInput(f"d:{i}", "", (), (TurnText("client", f"words {i} end"),))
        for i in range(count)
    ]


def replying(asked: Asked) -> str:
    number = asked.text.partition("words ")[2].split()[0]
    return FOUR_LINES.replace("most on you", number)


def answers(
    server: ChatServer,
    ledger: MemoryLedger,
    asked: list[StimulusInput],
    options: GenerationOptions = TEXT,
    should_stop: Callable[[], bool] = lambda: False,
    longest_quiet: float = 0,
    **known: Any,
) -> list[Answer]:
    endpoint = Endpoint(**{"url": server.url, "model": "tiny", "timeout": 20.0, **known})
    patience = Patience(first_pause=0, longest_pause=0, longest_quiet=longest_quiet)
    backend = load_endpoint(endpoint, "", ledger, should_stop, DEFAULT_LIMITS, patience)
    return backend.answer(asked, options, list(range(100, 100 + len(asked) * options.samples)))

"""A model behind an OpenAI-compatible address: what is known of it, and what one question gives.

Standard library only. Nothing here holds or returns a key: `key_variable` names the environment
variable that does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Protocol

from inference.errors import DomainError

MediaPart = Literal["text", "frames", "audio"]
Message = Mapping[str, Any]
"""As the chat completions protocol has it; `content` is text or a list of parts."""


class EndpointError(DomainError):
    """No answer, also after every try; the message names the address and the reason, no key."""


class EndpointRefusedError(EndpointError):
    """This will not be answered however often it is asked: a wrong key, name or request."""


@dataclass(frozen=True)
class Endpoint:
    """Kept as `ModelVersion.config` of the kind `endpoint`."""

    url: str
    """Ends in `/v1` as a rule; one of settings.ENDPOINT_URLS."""
    model: str
    """As the server names it."""
    key_variable: str = ""
    """One that settings.ENDPOINT_KEYS has for this address; empty where it asks for none."""
    takes: tuple[MediaPart, ...] = ("text",)
    """What it can be sent beside words: frames of a clip as pictures, its sound."""
    frames: int = 4
    """Pictures of a clip, at equal distances."""
    at_once: int = 4
    """Questions under way at a time."""
    requests_per_minute: int = 0
    """0: as many as are answered."""
    timeout: float = 120.0
    """Seconds until a try is given up."""
    tries: int = 5
    prompt_price: Decimal = Decimal(0)
    """Of a million tokens read."""
    answer_price: Decimal = Decimal(0)
    """Of a million tokens written."""
    currency: str = "USD"
    structured: bool = True
    """Whether it takes a JSON schema for its answer (`response_format`)."""


@dataclass(frozen=True)
class ChatAnswer:
    text: str
    prompt_tokens: int
    new_tokens: int
    cost: Decimal
    seconds: float
    tries: int = 1
    finish: str = ""
    """As the server says why it ended: stop, length, content_filter."""


class Chat(Protocol):
    """One question, patiently asked; safe to be used by several threads."""

    def ask(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> ChatAnswer:
        """`schema`: a JSON schema for the answer, where the model takes one.

        Raises EndpointRefusedError at once, EndpointError after the last try.
        """
        ...

"""What a chat completions server sent back, read without trust in its shape."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from inference.endpoints import Endpoint, Message

MILLION = 1_000_000
CHARACTERS_A_TOKEN = 3
"""English has about four: an estimate of costs should be no less than they are."""
TOKENS_A_MEDIUM = 1_000
MOST_TOKENS = 2**31 - 1
ENDED_WITHOUT_WORDS = frozenset({"length", "content_filter"})
"""Reasons to end at which an empty answer is an answer: asked again it would come again."""


@dataclass(frozen=True)
class Completion:
    text: str
    finish: str
    prompt_tokens: int | None
    """None where the server does not tell."""
    new_tokens: int | None
    fault: str = ""
    """Why it is no answer; another try may give one."""
    code: str = ""
    """Of the fault, as the server has it."""


def read_completion(body: bytes) -> Completion:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return _faulty("an answer that is no JSON")
    if not isinstance(data, Mapping):
        return _faulty("an answer that is no chat completion")
    error = data.get("error")
    if error:
        return _faulty(f"an error in place of an answer: {error_text(error)}", error_code(error))
    read, written = _usage(data.get("usage"))
    choice = _first(data.get("choices"))
    if choice is None:
        return Completion("", "", read or 0, written or 0, "an answer without a choice")
    finish = _string(choice.get("finish_reason"))
    text = _words(choice.get("message"))
    fault = "" if text.strip() or finish in ENDED_WITHOUT_WORDS else "an empty answer"
    return Completion(text, finish, read, written, fault)


def error_text(error: Any) -> str:
    """What a server's error object says, in one line."""
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or error
    text = error if isinstance(error, str) else json.dumps(error, default=str)
    return " ".join(text.split())


def error_code(error: Any) -> str:
    return str(error.get("code") or "") if isinstance(error, Mapping) else ""


def cost_of(completion: Completion, endpoint: Endpoint, messages: Sequence[Message]) -> Decimal:
    """By the endpoint's prices. Where the server tells no tokens they are estimated from above,
    since a budget could not hold otherwise."""
    read, written = completion.prompt_tokens, completion.new_tokens
    if read is None:
        read = estimated_tokens(messages)
    if written is None:
        written = -(-len(completion.text) // CHARACTERS_A_TOKEN)
    return (read * endpoint.prompt_price + written * endpoint.answer_price) / MILLION


def estimated_tokens(messages: Sequence[Message]) -> int:
    tokens = 0
    for message in messages:
        content = message["content"]
        for part in [{"text": content}] if isinstance(content, str) else content:
            if "text" in part:
                tokens += -(-len(part["text"]) // CHARACTERS_A_TOKEN)
            else:
                tokens += TOKENS_A_MEDIUM
    return tokens


def _faulty(fault: str, code: str = "") -> Completion:
    """Nothing was written, so nothing is paid for."""
    return Completion("", "", 0, 0, fault, code)


def _first(choices: Any) -> Mapping[str, Any] | None:
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return choices[0]
    return None


def _words(message: Any) -> str:
    """A refusal in its own field is what the model says, too."""
    if not isinstance(message, Mapping):
        return ""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(_string(part.get("text")) for part in content if isinstance(part, dict))
    return _string(content) or _string(message.get("refusal"))


def _usage(usage: Any) -> tuple[int | None, int | None]:
    if not isinstance(usage, Mapping):
        return None, None
    return _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))


def _count(value: Any) -> int | None:
    counts = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if counts and 0 <= value <= MOST_TOKENS else None


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""

"""Chat completions of an OpenAI-compatible server: one question, one answer, patiently asked.

Standard library only. Nothing that is raised or returned holds the key.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from inference.training.config import ConfigError

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses that may be others a little later."""
LARGEST_ANSWER = 1_000_000
"""Bytes; a judge's answer has a few hundred."""
CHUNK = 65536


class ChatError(RuntimeError):
    """No answer, also after every try; the message names address and reason."""


class ChatRefusedError(ChatError):
    """The server will not answer this however often it is asked: a wrong key, name or address."""


@dataclass(frozen=True)
class Patience:
    tries: int = 5
    first_pause: float = 1.0
    """Seconds; doubled at every further try, and drawn between a half and the whole of it."""
    longest_pause: float = 30.0
    timeout: float = 60.0
    """Seconds until a try is given up of which the answer is not whole."""


@dataclass(frozen=True)
class ChatServer:
    url: str
    """An OpenAI-compatible `/v1` address."""
    model: str
    key: str = field(default="", repr=False)
    patience: Patience = Patience()
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        """Raises ConfigError where `url` is no address."""
        if not _is_address(self.url):
            raise ConfigError(
                f"url: {self.url!r} is no address of a judge. Give one like "
                "http://127.0.0.1:8000/v1; a key belongs into an environment variable."
            )

    def ask(self, messages: list[dict[str, str]], max_tokens: int) -> str:
        """The text of the first choice, decoded greedily.

        Raises ChatRefusedError at once, and ChatError after the last try.
        """
        body = {
            "model": self.model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": max_tokens,
        }
        reason, asked_to_wait = "", 0.0
        for number in range(self.patience.tries):
            if number:
                self.pause(max(self._backoff(number), asked_to_wait))
            asked_to_wait = 0.0
            try:
                status, headers, text = self._exchange(json.dumps(body).encode())
            except (OSError, http.client.HTTPException) as error:
                reason = f"{type(error).__name__}: {error}"
                continue
            if status == http.HTTPStatus.OK:
                answer = _first_choice(text)
                if answer is not None:
                    return answer
                reason = "an answer that is no chat completion"
            elif status in PASSING:
                reason = f"status {status}"
                wait = _seconds(headers.get("retry-after", ""))
                asked_to_wait = min(wait, self.patience.longest_pause)
            else:
                raise ChatRefusedError(f"{self.url} answers with status {status}: {text[:200]}")
        raise ChatError(f"{self.url} gave no answer in {self.patience.tries} tries ({reason}).")

    def _backoff(self, number: int) -> float:
        longest = min(self.patience.first_pause * 2.0 ** (number - 1), self.patience.longest_pause)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  (so that processes do not keep step)

    def _exchange(self, body: bytes) -> tuple[int, Mapping[str, str], str]:
        parts = urlsplit(self.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        deadline = time.monotonic() + self.patience.timeout
        connection = kind(parts.hostname or "", parts.port, timeout=self.patience.timeout)
        headers = {"Content-Type": "application/json", "User-Agent": "MoodEval"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        try:
            path = parts.path.rstrip("/") + "/chat/completions"
            connection.request("POST", path, body, headers)
            stream = connection.sock  # which the connection may let go of with the headers
            stream.settimeout(_left(deadline))
            response = connection.getresponse()
            text = _body(response, stream, deadline).decode(errors="replace")
            told = {name.lower(): value for name, value in response.getheaders()}
            return response.status, told, text
        finally:
            connection.close()


def _body(response: http.client.HTTPResponse, stream: socket.socket, deadline: float) -> bytes:
    """Its first LARGEST_ANSWER bytes. A socket's own timeout begins anew with every byte, and
    some servers send blanks for as long as they think. Raises TimeoutError."""
    body = b""
    while len(body) < LARGEST_ANSWER and not response.isclosed():
        stream.settimeout(_left(deadline))
        chunk = response.read1(CHUNK)
        if not chunk:
            break
        body += chunk
    return body


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the answer was not whole in time")
    return seconds


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (read to be checked)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None


def _first_choice(text: str) -> str | None:
    try:
        content: Any = json.loads(text)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    return content if isinstance(content, str) else None


def _seconds(retry_after: str) -> float:
    """0 where there is none; servers may also give a date, which is passed over."""
    try:
        return max(float(retry_after), 0.0)
    except ValueError:
        return 0.0

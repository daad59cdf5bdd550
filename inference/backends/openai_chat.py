"""Chat completions of an OpenAI-compatible server through the official client.

The client's own retries are off: it would wait for them in a sleep that nobody can end, and it
neither tries again after malformed JSON nor counts what a useless answer cost.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from inference.backends.completions import Completion, cost_of, read_completion
from inference.backends.dialect import Dialect
from inference.backends.endpoint_faults import Faults, PassingFault
from inference.backends.pacing import StoppedError, pacer_of, pause
from inference.backends.whole_request import WholeRequest
from inference.endpoints import ChatAnswer, Endpoint, EndpointRefusedError, Message

NO_KEY = "none"


Options = Callable[[Dialect], dict[str, Any]]


@dataclass(frozen=True)
class Patience:
    first_pause: float = 1.0
    """Seconds; doubled at every further try, and drawn between a half and the whole of it."""
    longest_pause: float = 60.0
    longest_quiet: float = 300.0
    """Of what a server asks for with Retry-After."""


PATIENT = Patience()


class OpenAIChat:
    """`inference.endpoints.Chat`. `stopping`, once set, ends every pause with StoppedError."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        stopping: threading.Event | None = None,
        patience: Patience = PATIENT,
    ) -> None:
        """Raises EndpointRefusedError where the address is none or the key is missing."""
        _check_address(endpoint.url)
        key = _key_of(endpoint)
        self.endpoint = endpoint
        self._stopping = stopping or threading.Event()
        self._patience = patience
        self._faults = Faults(endpoint, key)
        self._pacer = pacer_of(
            endpoint.url, endpoint.model, endpoint.key_variable, endpoint.requests_per_minute
        )
        self._dialect = Dialect()
        transport = WholeRequest(endpoint.url, endpoint.timeout, with_key=bool(key))
        self._client = openai.OpenAI(
            api_key=key or NO_KEY,
            base_url=endpoint.url,
            max_retries=0,
            http_client=httpx2.Client(
                transport=transport, timeout=endpoint.timeout, follow_redirects=False
            ),
        )

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
        """Tokens and cost are those of all tries that the server counted, `seconds` those of the
        last one. Where some were counted, and then it is refused or stopped, NothingUsableError is
        the cause of that error (`paid_before`)."""
        request: dict[str, Any] = {
            "model": self.endpoint.model,
            "messages": list(messages),
            "temperature": temperature,
        }
        if top_p != 1:
            request["top_p"] = top_p
        if schema is not None and self.endpoint.structured:
            request["response_format"] = _response_format(schema)
        return self._patiently(request, lambda dialect: dialect.options(max_tokens, seed))

    @property
    def not_sent(self) -> tuple[str, ...]:
        """Options that the server turned out not to take, in words."""
        return self._dialect.not_sent

    def _patiently(self, request: Mapping[str, Any], options: Options) -> ChatAnswer:
        spent = ChatAnswer("", 0, 0, Decimal(0), 0.0, tries=0)
        reason = "it was not asked"
        try:
            while spent.tries < self.endpoint.tries:
                self._pacer.wait(self._stopping)
                started = time.monotonic()
                result = self._try(request, options)
                if isinstance(result, Completion):
                    spent = self._counted(spent, result, request, time.monotonic() - started)
                    if not result.fault:
                        return spent
                    fault = self._faults.of_completion(result)
                else:
                    spent = _tried(spent)
                    fault = result
                reason = fault.reason
                if spent.tries < self.endpoint.tries:
                    self._rest(spent.tries, fault)
        except (EndpointRefusedError, StoppedError) as error:
            raise error from self._faults.exhausted(reason, spent)
        raise self._faults.exhausted(reason, spent)

    def _try(self, request: Mapping[str, Any], options: Options) -> Completion | PassingFault:
        dialect = self._dialect
        sent = options(dialect)
        raw: Any = self._client.chat.completions.with_raw_response
        try:
            response = raw.create(**request, **sent)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            other = dialect.after(str(error.body), sent)
            if other == dialect:
                return self._faults.of_try(error)
            self._dialect = other
            return self._try(request, options)
        except openai.APIError as error:
            return self._faults.of_try(error)
        return read_completion(response.http_response.content)

    def _counted(
        self,
        spent: ChatAnswer,
        completion: Completion,
        request: Mapping[str, Any],
        seconds: float,
    ) -> ChatAnswer:
        return ChatAnswer(
            text=completion.text,
            prompt_tokens=spent.prompt_tokens + (completion.prompt_tokens or 0),
            new_tokens=spent.new_tokens + (completion.new_tokens or 0),
            cost=spent.cost + cost_of(completion, self.endpoint, request["messages"]),
            seconds=seconds,
            tries=spent.tries + 1,
            finish=completion.finish,
        )

    def _rest(self, tries: int, fault: PassingFault) -> None:
        if fault.quiet:
            quiet = min(fault.quiet, self._patience.longest_quiet)
            self._pacer.hold(time.monotonic() + quiet)
        patience = self._patience
        longest = min(patience.first_pause * 2.0 ** (tries - 1), patience.longest_pause)
        # Drawn, so that threads that failed together do not ask together again.
        pause(longest * random.uniform(0.5, 1.0), self._stopping)  # noqa: S311


def _tried(spent: ChatAnswer) -> ChatAnswer:
    return ChatAnswer(
        "", spent.prompt_tokens, spent.new_tokens, spent.cost, spent.seconds, spent.tries + 1
    )


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)},
    }


def _key_of(endpoint: Endpoint) -> str:
    key = os.environ.get(endpoint.key_variable, "").strip() if endpoint.key_variable else ""
    if endpoint.key_variable and not key:
        raise EndpointRefusedError(
            f"The environment has no {endpoint.key_variable}, which is to hold the key for "
            f"{endpoint.url}. Set it where the worker starts."
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise EndpointRefusedError(
            f"What {endpoint.key_variable} holds is no key: it has blanks or special characters. "
            "Set it to the key alone."
        )
    return key


def _check_address(url: str) -> None:
    try:
        httpx2.URL(url)
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        bare = parts.username is None and not (parts.query or parts.fragment or " " in url)
    except (ValueError, httpx2.InvalidURL):
        whole = bare = False
    if not whole or not bare:
        raise EndpointRefusedError(
            "This is no address of a model: it must look like http://127.0.0.1:8000/v1, without "
            "name, password or key in it. A key belongs into an environment variable."
        )

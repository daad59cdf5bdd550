"""HTTP for one question: a deadline for the whole of it, no redirects, only the headers needed.

httpx's own timeouts begin anew with every byte, so a server that sends a blank now and then could
hold a thread for ever. Here a timer shuts the socket when the time of the try is over.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx2

LARGEST_ANSWER = 32 * 2**20
"""Bytes; an answer has a few thousand."""
SENT_HEADERS = ("host", "content-type", "content-length", "accept", "authorization")
"""Others tell a server about this machine, or are another service's names of accounts."""


class WholeRequest(httpx2.BaseTransport):
    def __init__(self, url: str, seconds: float, *, with_key: bool) -> None:
        self._seconds = seconds
        self._sent = SENT_HEADERS if with_key else SENT_HEADERS[:-1]
        # A connection for each question: the timer has to know whose socket it shuts.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        self._inner = httpx2.HTTPTransport(limits=limits, proxy=proxy_for(url))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        deadline = _Deadline(self._seconds)
        headers = [(name, request.headers[name]) for name in self._sent if name in request.headers]
        sent = httpx2.Request(
            request.method,
            request.url,
            headers=[*headers, ("user-agent", "MoodEval")],
            stream=request.stream,
            extensions={**request.extensions, "trace": deadline.watch},
        )
        try:
            response = self._inner.handle_request(sent)
        except BaseException as error:
            deadline.end()
            if deadline.passed and isinstance(error, httpx2.TransportError):
                raise httpx2.ReadTimeout("the answer was not there in time") from error
            raise
        response.stream = _Bounded(response.stream, deadline)
        return response

    def close(self) -> None:
        self._inner.close()


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._over)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """httpx's `trace` extension: told of every step of the request."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self.passed:
                    self._shut()

    def end(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._socket = None

    def _over(self) -> None:
        with self._lock:
            self.passed = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            try:
                # Not SSLSocket's own, which first forgets the state that another thread reads with.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return


class _Bounded(httpx2.SyncByteStream):
    def __init__(self, stream: Any, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        try:
            for chunk in self._stream:
                size += len(chunk)
                if size > LARGEST_ANSWER:
                    raise httpx2.ReadError(f"an answer of over {LARGEST_ANSWER >> 20} MiB")
                yield chunk
        except httpx2.TransportError as error:
            if self._deadline.passed:
                raise httpx2.ReadTimeout("the answer was not whole in time") from error
            raise
        if self._deadline.passed:  # a shut socket reads like the end of an answer of no told length
            raise httpx2.ReadTimeout("the answer was not whole in time")

    def close(self) -> None:
        self._deadline.end()
        self._stream.close()


def proxy_for(url: str) -> str | None:
    """By the usual environment variables; this machine itself is asked directly."""
    parts = httpx2.URL(url)
    if _is_this_machine(parts.host) or proxy_bypass(parts.host):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

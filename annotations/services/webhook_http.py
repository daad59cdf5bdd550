"""One message over HTTP: signed, within a time limit, without following redirects."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from annotations.services.webhook_addresses import (
    ReceiverAddressError,
    Target,
    addresses_of,
    read_target,
)

SECONDS = 10.0
"""For the whole exchange, however slowly the receiver speaks."""
KEPT = 500
"""Characters of the answer, for the person who looks for what went wrong."""


@dataclass(frozen=True)
class Answered:
    status: int | None
    """None: there was no answer."""
    text: str
    """The beginning of the answer, or why there was none."""

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def signature(secret: str, at: int, body: bytes) -> str:
    """Of the header X-MoodEval-Signature. `at`: seconds since the epoch."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at}, v1={signed.hexdigest()}"


def post_signed(url: str, secret: str, body: bytes, headers: Mapping[str, str]) -> Answered:
    """Never raises: whatever happens on the way is a line for the list of messages."""
    sent = {
        "Content-Type": "application/json",
        "User-Agent": "MoodEval",
        "X-MoodEval-Signature": signature(secret, int(time.time()), body),
        **headers,
    }
    try:
        target = read_target(url)
        return exchange(target, addresses_of(target), body, sent)
    except ReceiverAddressError as error:
        return Answered(None, str(error))
    except TimeoutError:
        return Answered(None, f"No answer within {SECONDS:.0f} seconds.")
    except (OSError, http.client.HTTPException) as error:
        return Answered(None, readable(f"No connection: {error or type(error).__name__}"))


def exchange(
    target: Target, addresses: list[str], body: bytes, headers: Mapping[str, str]
) -> Answered:
    deadline = time.monotonic() + SECONDS
    connection = http.client.HTTPConnection(target.host, target.port)
    with connected(target, addresses, deadline) as channel, cut_off(channel, deadline) as cut:
        connection.sock = channel
        try:
            if isinstance(channel, ssl.SSLSocket):
                channel.do_handshake()
            named = target.named
            connection.request("POST", target.path, body, {"Host": named, **headers})
            response = connection.getresponse()
            text = readable(response.read(4 * KEPT).decode(errors="replace"))
            return Answered(response.status, text)
        except (OSError, http.client.HTTPException):
            if cut.is_set():
                raise TimeoutError from None
            raise
        finally:
            connection.close()


@contextmanager
def connected(target: Target, addresses: list[str], deadline: float) -> Iterator[socket.socket]:
    """To the first of the addresses that answers; they were checked, so no name is asked again."""
    failure: OSError = OSError("the name has no address")
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            plain = socket.create_connection((address, target.port), timeout=left)
        except OSError as error:
            failure = error
            continue
        plain.settimeout(max(0.1, deadline - time.monotonic()))
        with plain:
            if target.scheme == "http":
                yield plain
                return
            context = ssl.create_default_context()
            with context.wrap_socket(
                plain, server_hostname=target.host, do_handshake_on_connect=False
            ) as secure:
                yield secure
                return
    raise failure


@contextmanager
def cut_off(channel: socket.socket, deadline: float) -> Iterator[threading.Event]:
    """A receiver that sends one byte every few seconds would pass every time limit of a socket."""
    cut = threading.Event()

    def end() -> None:
        cut.set()
        try:
            channel.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has just ended by itself

    timer = threading.Timer(max(0.1, deadline - time.monotonic()), end)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()


def readable(text: str) -> str:
    """As PostgreSQL takes it."""
    return text.replace("\0", "")[:KEPT]

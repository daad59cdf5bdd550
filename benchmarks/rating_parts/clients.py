"""Raters as a closed loop over real HTTP: get an item, answer every question, submit, go on."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from benchmarks.rating_parts.world import Person

QUESTION = re.compile(r'<fieldset[^>]* data-question="([^"]+)"')


@dataclass
class Seen:
    """What the clients saw, in milliseconds."""

    pairs: list[float] = field(default_factory=list)
    gets: list[float] = field(default_factory=list)
    submits: list[float] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    """Assignments whose submission the server confirmed."""
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0


def score_of(assignment: str, question: str) -> int:
    """What this client says, so that every stored answer can be checked."""
    return 1 + hashlib.sha256(f"{assignment}:{question}".encode()).digest()[0] % 10


def rate(port: int, people: Sequence[Person], most: int, patience: float = 0) -> Seen:
    """Everybody at once, each one item after the other, at most `most` each.

    patience: seconds for which a request without an answer, or with one of 500 or more, is sent
    again, as the page does."""
    seen = Seen()
    began = time.perf_counter()
    asyncio.run(everybody(port, people, most, seen, patience))
    seen.seconds = time.perf_counter() - began
    return seen


async def everybody(
    port: int, people: Sequence[Person], most: int, seen: Seen, patience: float
) -> None:
    connections = (Connection(port, person, patience) for person in people)
    await asyncio.gather(*(one_rater(connection, most, seen) for connection in connections))


async def one_rater(connection: Connection, most: int, seen: Seen) -> None:
    person = connection.person
    address, done = person.first, 0
    try:
        while address.startswith("/rate/item/") and done < most:
            address = await one_item(connection, address, seen)
            done += 1
            if address.startswith("/rate/") and "/item/" not in address:
                address = await behind_the_pause(connection, address)
    finally:
        connection.close()


async def one_item(connection: Connection, address: str, seen: Seen) -> str:
    assignment = address.split("/")[3]
    began = time.perf_counter()
    status, page = await connection.send("GET", address)
    got = time.perf_counter()
    if status != 200:
        seen.errors.append(f"GET {address}: {status}")
        return ""
    questions = QUESTION.findall(page)
    answers = {question: str(score_of(assignment, question)) for question in questions}
    body = urlencode({**answers, "sequence": str(int(time.time() * 1000))})
    sent = time.perf_counter()
    status, answer = await connection.send("POST", f"{address}submit", body)
    ended = time.perf_counter()
    if status != 200:
        seen.errors.append(f"submit {address}: {status} {answer[:200]}")
        return ""
    seen.gets.append((got - began) * 1000)
    seen.submits.append((ended - sent) * 1000)
    seen.pairs.append((got - began + ended - sent) * 1000)
    seen.submitted.append(assignment)
    return str(json.loads(answer)["next"])


async def behind_the_pause(connection: Connection, address: str) -> str:
    _, page = await connection.send("GET", address)
    found = re.search(r'href="(/rate/item/[^"]+)"', page)
    return found[1] if found else ""


class Connection:
    """HTTP/1.1 with keep-alive; opens itself again where the server closed it."""

    def __init__(self, port: int, person: Person, patience: float = 0) -> None:
        self.port, self.person, self.patience = port, person, patience
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def send(self, method: str, address: str, body: str = "") -> tuple[int, str]:
        accept = "application/json" if body else "text/html"
        head = (
            f"{method} {address} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n"
            f"Cookie: {self.person.cookies}\r\nX-CSRFToken: {self.person.csrf}\r\n"
        )
        if body:
            head += (
                "Content-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(body)}\r\n"
            )
        message = f"{head}\r\n{body}".encode()
        until = time.monotonic() + self.patience
        while True:
            try:
                status, content = await self.exchange(message)
            except (OSError, asyncio.IncompleteReadError):
                self.close()
                status, content = 0, "no answer"
            if 0 < status < 500 or time.monotonic() > until:
                return status, content
            await asyncio.sleep(0.1)

    async def exchange(self, message: bytes) -> tuple[int, str]:
        if self.writer is None or self.reader is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(message)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: (\d+)", head)
        if length is None:
            raise ConnectionError("an answer without a length")
        content = await self.reader.readexactly(int(length[1]))
        if "connection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1]), content.decode()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

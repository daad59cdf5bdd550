"""A receiver of messages on this machine: a real HTTP server that answers as a test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from annotations.models import Study, Webhook
from annotations.services import webhooks
from annotations.services.webhooks import add_webhook
from mood_eval.models import Team, User
from tests import factories

EVENTS = list(Webhook.Event.values)


@dataclass
class Received:
    body: bytes
    headers: Message

    @property
    def payload(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read


@dataclass
class Receiver:
    url: str = ""
    answers: list[int] = field(default_factory=list)
    """Statuses in order; afterwards 200."""
    seconds: float = 0
    """To wait before answering."""
    drip: bool = False
    """Answer one byte at a time, without end."""
    location: str = ""
    text: str = "taken"
    received: list[Received] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def payloads(self, event: str) -> list[dict[str, Any]]:
        return [r.payload for r in self.received if r.payload["event"] == event]


class Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.receiver.received.append(Received(body, self.headers))
        self.receiver.stopped.wait(self.receiver.seconds)
        if self.receiver.drip:
            self.dripping()
            return
        status = self.receiver.answers.pop(0) if self.receiver.answers else 200
        self.send_response(status)
        if self.receiver.location:
            self.send_header("Location", self.receiver.location)
        self.end_headers()
        self.wfile.write(self.receiver.text.encode())

    def dripping(self) -> None:
        try:
            while not self.receiver.stopped.wait(0.05):
                self.wfile.write(b"H")
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    handler = type("OfThisTest", (Handler,), {"receiver": receiver})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook?lab=1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    receiver.stopped.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    webhooks._wanted.clear()


@pytest.fixture
def team() -> Team:
    return factories.make_team(
        owner=factories.make_user("ada@example.org"),
        members=[factories.make_user("max@example.org")],
    )


@pytest.fixture
def webhook(team: Team, receiver: Receiver) -> Webhook:
    return add_webhook(team=team, url=receiver.url, events=EVENTS)


def draft_study(team: Team, raters: list[User], **options: Any) -> Study:
    """One dialogue: three client turns, one reply to each."""
    corpus = factories.make_corpus_with_dialogues(team, 1)
    run = factories.make_run_with_responses(team, corpus, "hush-model", "Hush words.")
    return factories.make_study(team, [run], raters, launched=False, consented=False, **options)


def seconds_since(start: float) -> float:
    return time.monotonic() - start

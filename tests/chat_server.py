"""A local server that speaks chat completions, for tests of whatever asks a model.

    with ChatServer(answer=lambda asked: "Client's emotion: joy\n...") as server:
        endpoint = Endpoint(url=server.url, model="tiny")
        server.script(rate_limited(0), failing(500), said("hello"))   # the next three requests
        ...
        assert len(server.asked) == 3 and len(server.paid) == 1

`answer` makes the text from what was asked; `script` says what the next requests get instead, in
their order; `rule` (asked -> behaviour or None) decides by what was asked, before both. `asked` are
all requests as they came (headers, body), `paid` those that got a whole chat completion.
With `key` other keys get status 401; other names than `models` (if any) get 404.
Tokens told are the words of the messages and of the answer. Real sockets, no sleeping: what hangs
or drips does so until the client goes away or the server ends.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

FOUR_LINES = (
    "Client's emotion: sadness\n"
    "Therapist's emotion: neutral\n"
    "Therapist's strategy: open question\n"
    "Therapist's response: What weighs most on you?"
)


@dataclass(frozen=True)
class Asked:
    path: str
    headers: Message
    body: Mapping[str, Any]

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def text(self) -> str:
        """All words of all messages, media left out."""
        return "\n".join(part for message in self.messages for part in _texts(message["content"]))

    @property
    def parts(self) -> list[dict[str, Any]]:
        """Parts of the last message that are no words: pictures and sound."""
        content = self.messages[-1]["content"]
        return [] if isinstance(content, str) else [p for p in content if p["type"] != "text"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        owner = self.server.owner
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = Asked(self.path, self.headers, json.loads(body))
        with suppress(OSError):  # the client may have gone away
            owner.behaviour_for(asked)(self, asked)

    def give(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        return


Behaviour = Callable[[Handler, Asked], None]


class ChatServer:
    def __init__(
        self,
        answer: Callable[[Asked], str] = lambda asked: FOUR_LINES,
        *,
        key: str = "",
        models: Collection[str] = (),
    ) -> None:
        self.answer = answer
        self.key = key
        self.models = models
        self.rule: Callable[[Asked], Behaviour | None] = lambda asked: None
        self.asked: list[Asked] = []
        self.paid: list[Asked] = []
        self.ended = threading.Event()
        self._scripted: list[Behaviour] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.owner = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def script(self, *behaviours: Behaviour) -> None:
        with self._lock:
            self._scripted.extend(behaviours)

    def behaviour_for(self, asked: Asked) -> Behaviour:
        with self._lock:
            self.asked.append(asked)
            if self.key and asked.headers["Authorization"] != f"Bearer {self.key}":
                return failing(401, f"Incorrect API key provided: {asked.headers['Authorization']}")
            if asked.path != "/v1/chat/completions":
                return failing(404, "Not Found")
            if self.models and asked.body["model"] not in self.models:
                return failing(404, f"The model `{asked.body['model']}` does not exist.")
            ruled = self.rule(asked)
            if ruled is not None:
                return ruled
            if self._scripted:
                return self._scripted.pop(0)
        return said(self.answer(asked))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    owner: ChatServer
    daemon_threads = True
    block_on_close = False


def said(
    text: str | None,
    *,
    finish: str = "stop",
    usage: bool = True,
    refusal: str | None = None,
) -> Behaviour:
    """A whole chat completion; `text` None or empty makes an empty choice."""

    def behave(handler: Handler, asked: Asked) -> None:
        body = completion(asked, text, finish=finish, usage=usage, refusal=refusal)
        handler.server.owner.paid.append(asked)
        handler.give(200, json.dumps(body).encode())

    return behave


def completion(
    asked: Asked,
    text: str | None,
    *,
    finish: str = "stop",
    usage: bool = True,
    refusal: str | None = None,
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if refusal is not None:
        message["refusal"] = refusal
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": asked.body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    if usage:
        read, written = len(asked.text.split()), len((text or "").split())
        body["usage"] = {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }
    return body


def failing(status: int, message: str = "no", **headers: str) -> Behaviour:
    """`headers` with `_` for `-`. A status of 3xx with `Location` sends the client elsewhere."""

    def behave(handler: Handler, asked: Asked) -> None:
        body = {"error": {"message": message, "type": "error", "code": status}}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.give(status, json.dumps(body).encode(), named)

    return behave


def rate_limited(retry_after: float | str | None = None) -> Behaviour:
    told = {} if retry_after is None else {"Retry_After": str(retry_after)}
    return failing(429, "Rate limit reached", **told)


def answering(body: bytes, status: int = 200, kind: str = "application/json") -> Behaviour:
    """Exactly these bytes: malformed JSON, a web page, an error with status 200."""

    def behave(handler: Handler, asked: Asked) -> None:
        handler.give(status, body, {"Content-Type": kind})

    return behave


def cut_connection(handler: Handler, asked: Asked) -> None:
    """In the middle of the body."""
    body = json.dumps(completion(asked, FOUR_LINES)).encode()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.cut()


def broken_stream(handler: Handler, asked: Asked) -> None:
    """Chunked, and cut before the last chunk."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'9\r\n{"choices\r\n')
    handler.cut()


def hang(handler: Handler, asked: Asked) -> None:
    """No byte, ever."""
    handler.server.owner.ended.wait()
    handler.close_connection = True


def drip(handler: Handler, asked: Asked) -> None:
    """A blank now and then, without end, as some servers send them while they think."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    handler.close_connection = True
    while not handler.server.owner.ended.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def drip_headers(handler: Handler, asked: Asked) -> None:
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.owner.ended.wait(0.05):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content if part["type"] == "text"]

"""What lies below the client: proxies of the environment, and answers without end."""

from __future__ import annotations

import pytest

from inference.backends import whole_request
from inference.backends.openai_chat import OpenAIChat
from inference.backends.whole_request import proxy_for
from inference.endpoints import ChatAnswer, Endpoint, EndpointError, EndpointRefusedError
from tests.chat_server import ChatServer, answering

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def ask(endpoint: Endpoint) -> ChatAnswer:
    return OpenAIChat(endpoint).ask([{"role": "user", "content": "hello"}], max_tokens=5)


@pytest.mark.parametrize(
    ("variable", "url", "proxy"),
    [
        ("HTTPS_PROXY", "https://api.example.org/v1", PROXY),
        ("HTTPS_PROXY", "http://api.example.org/v1", None),
        ("HTTP_PROXY", "http://api.example.org/v1", PROXY),
        ("ALL_PROXY", "https://api.example.org/v1", PROXY),
        ("HTTPS_PROXY", "https://inside.example.net/v1", None),
        ("HTTP_PROXY", "http://127.0.0.1:8000/v1", None),
        ("HTTP_PROXY", "http://localhost:8000/v1", None),
        ("HTTP_PROXY", "http://[::1]:8000/v1", None),
    ],
)
def test_proxies_of_the_environment_are_used_but_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str, proxy: str | None
) -> None:
    monkeypatch.setenv(variable, PROXY)
    monkeypatch.setenv("NO_PROXY", "example.net")
    assert proxy_for(url) == proxy


def test_a_proxy_is_asked_for_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        with pytest.raises(EndpointRefusedError):  # which only the real address could answer
            ask(Endpoint(url="http://model.example/v1", model="tiny"))
    assert [asked.path for asked in proxy.asked] == ["http://model.example/v1/chat/completions"]


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_request, "LARGEST_ANSWER", 2**20)
    with ChatServer() as server:
        server.script(answering(b" " * (2**20 + 1)))
        with pytest.raises(EndpointError, match="an answer of over 1 MiB"):
            ask(Endpoint(url=server.url, model="tiny", tries=1))

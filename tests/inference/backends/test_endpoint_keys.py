"""Keys and addresses of models: used, and never told."""

from __future__ import annotations

import pytest

from inference.backends.openai_chat import OpenAIChat
from inference.endpoints import ChatAnswer, Endpoint, EndpointError, EndpointRefusedError
from tests.chat_server import ChatServer, failing

KEY = "sk-a-very-secret-key"


def ask(server: ChatServer, key_variable: str = "", tries: int = 5) -> ChatAnswer:
    endpoint = Endpoint(server.url, "tiny", key_variable, tries=tries)
    return OpenAIChat(endpoint).ask([{"role": "user", "content": "words 0 end"}], max_tokens=5)


def test_a_key_that_a_server_repeats_is_taken_out(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    said_at_the_end_of_what_is_told = "x" * 290 + KEY
    for behaviour in (
        failing(403, f"{KEY} may not"),
        failing(500, f"at {KEY}"),
        failing(400, said_at_the_end_of_what_is_told),
        failing(500, said_at_the_end_of_what_is_told),
    ):
        server.script(behaviour)
        with pytest.raises(EndpointError) as error:
            ask(server, key_variable="SOME_KEY", tries=1)
        assert KEY[:5] not in str(error.value)


def test_a_missing_key_is_named_before_anything_is_asked(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(EndpointRefusedError, match="no SOME_KEY, which is to hold the key"):
        ask(server, key_variable="SOME_KEY")
    assert not server.asked


@pytest.mark.parametrize("key", ["sk-1\nsk-2", "sk 1", "sk-\u00e9", "sk-\x07"])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SOME_KEY", f" {key}\n")
    with pytest.raises(EndpointRefusedError, match="What SOME_KEY holds is no key") as refused:
        ask(server, key_variable="SOME_KEY")
    assert "sk" not in str(refused.value)


def test_the_key_is_sent_and_nothing_else_about_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "ours")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "ours")
    with ChatServer(key=KEY) as server:
        ask(server, key_variable="SOME_KEY")
    assert sorted(name.lower() for name in server.asked[0].headers) == [
        *("accept", "authorization", "content-length", "content-type", "host", "user-agent")
    ]


def test_no_other_key_of_the_environment_is_sent(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert ask(server).text
    assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "",
        "model",
        "ftp://here/v1",
        "http:///v1",
        "http://me:secret@here/v1",
        "http://here/v1?k=s",
        "http://he re/v1",
        "http://here\n/v1",
        "http://here:x/v1",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(EndpointRefusedError, match="no address") as refused:
        OpenAIChat(Endpoint(url=url, model="tiny"))
    assert "secret" not in str(refused.value)

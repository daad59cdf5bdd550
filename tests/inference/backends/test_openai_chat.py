"""Patience with a real server, and refusals that name the address and no key."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from inference.backends.endpoint_faults import NothingUsableError, QuestionRefusedError, paid_before
from inference.backends.openai_chat import OpenAIChat, Patience
from inference.backends.pacing import StoppedError, pacer_of
from inference.endpoints import ChatAnswer, Endpoint, EndpointError, EndpointRefusedError
from tests.chat_server import (
    Behaviour,
    ChatServer,
    answering,
    broken_stream,
    cut_connection,
    drip,
    drip_headers,
    failing,
    hang,
    rate_limited,
    said,
)
from tests.processes import wait_until

AT_ONCE = Patience(first_pause=0, longest_pause=0, longest_quiet=0)
MESSAGES = [{"role": "user", "content": "how are you today"}]
KEY = "sk-a-very-secret-key"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(answer=lambda asked: "fine") as server:
        yield server


def chat(server: ChatServer, patience: Patience = AT_ONCE, **known: Any) -> OpenAIChat:
    endpoint = Endpoint(**{"url": server.url, "model": "tiny", "timeout": 20.0, **known})
    return OpenAIChat(endpoint, patience=patience)


def ask(asked: OpenAIChat, **options: Any) -> ChatAnswer:
    return asked.ask(MESSAGES, **{"max_tokens": 50, **options})


def test_an_answer_comes_with_its_tokens_its_cost_and_how_it_ended(server: ChatServer) -> None:
    server.script(said("quite well", finish="length"))
    answer = ask(chat(server, prompt_price=Decimal("2.5"), answer_price=Decimal(10)))
    assert answer.text == "quite well"
    assert (answer.prompt_tokens, answer.new_tokens) == (4, 2)
    assert answer.cost == Decimal("0.00003")
    assert (answer.tries, answer.finish) == (1, "length")


def test_the_options_are_sent_as_asked(server: ChatServer) -> None:
    ask(chat(server), temperature=0.7, top_p=0.9, seed=5, max_tokens=12)
    assert server.asked[0].body == {
        "model": "tiny",
        "messages": MESSAGES,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 5,
        "max_tokens": 12,
    }


def test_a_schema_is_sent_where_the_model_takes_one(server: ChatServer) -> None:
    schema = {"type": "object", "properties": {"empathy": {"type": "integer"}}}
    ask(chat(server, structured=True), schema=schema)
    ask(chat(server, structured=False), schema=schema)
    sent = server.asked[0].body["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["schema"] == schema
    assert "response_format" not in server.asked[1].body


def test_a_server_that_knows_only_the_newer_name_of_the_limit_is_asked_by_it(
    server: ChatServer,
) -> None:
    told = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    server.rule = lambda asked: failing(400, told) if "max_tokens" in asked.body else None
    asked = chat(server)
    assert [ask(asked).text, ask(asked).text] == ["fine", "fine"]
    limits = [set(one.body) - {"model", "messages", "temperature"} for one in server.asked]
    assert limits == [{"max_tokens"}, {"max_completion_tokens"}, {"max_completion_tokens"}]


def test_a_server_that_takes_no_seed_is_asked_without_and_that_is_told(server: ChatServer) -> None:
    server.rule = lambda asked: failing(422, "seed: no such key") if "seed" in asked.body else None
    asked = chat(server)
    assert [ask(asked, seed=1).text, ask(asked, seed=2).text] == ["fine", "fine"]
    assert ["seed" in one.body for one in server.asked] == [True, False, False]
    assert asked.not_sent == ("the seed, which this server does not take",)
    assert not chat(server).not_sent


PASSING: dict[str, Behaviour] = {
    "status 408": failing(408),
    "status 409": failing(409),
    "status 425": failing(425),
    "status 429": rate_limited(),
    "status 429 with seconds": rate_limited(1000),
    "status 429 with a date": rate_limited("Fri, 31 Dec 2100 23:59:59 GMT"),
    "status 500": failing(500),
    "status 503": failing(503),
    "status 529": failing(529),
    "malformed JSON": answering(b'{"choices": ['),
    "a web page": answering(b"<html>one moment</html>", kind="text/html"),
    "an error of a kind of its own": answering(b'{"error": {"message": "?", "code": "\xc2\xb2"}}'),
    "a list": answering(b"[]"),
    "an error with status 200": answering(b'{"error": {"message": "overloaded", "code": 502}}'),
    "no choice": answering(b'{"choices": []}'),
    "an empty answer": said(""),
    "an answer that is none": said(None),
    "a cut connection": cut_connection,
    "a broken stream": broken_stream,
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_what_may_pass_is_tried_again(server: ChatServer, fault: Behaviour) -> None:
    server.script(fault, fault)
    answer = ask(chat(server))
    assert (answer.text, answer.tries, len(server.asked)) == ("fine", 3, 3)


@pytest.mark.parametrize("slow", [hang, drip, drip_headers])
def test_a_try_ends_at_its_deadline_also_where_bytes_keep_coming(
    server: ChatServer, slow: Behaviour
) -> None:
    server.script(slow)
    answer = ask(chat(server, timeout=0.4, tries=30))
    assert answer.text == "fine"
    assert answer.tries > 1
    server.script(slow)
    with pytest.raises(EndpointError, match=r"no whole answer within 0\.4 s"):
        ask(chat(server, timeout=0.4, tries=1))


def test_after_the_last_try_the_error_names_address_tries_and_reason(server: ChatServer) -> None:
    server.script(*[failing(503, "too much to do")] * 3)
    with pytest.raises(EndpointError) as refused:
        ask(chat(server, tries=3))
    assert not isinstance(refused.value, EndpointRefusedError)
    assert str(refused.value) == (
        f"The model “tiny” at {server.url} gave no answer in 3 tries: status 503, too much to do."
    )
    assert len(server.asked) == 3


def test_an_address_where_nothing_listens_is_named() -> None:
    with ChatServer() as gone:
        pass
    with pytest.raises(EndpointError, match=r"127\.0\.0\.1.*Connection refused"):
        ask(chat(gone, tries=2))


REFUSED = {
    "wrong key": (failing(401, f"Incorrect API key: {KEY}"), "Set SOME_KEY to the right key"),
    "no credit": (failing(402, "pay first"), "Top up"),
    "forbidden": (failing(403, "not in your country"), "not in your country"),
    "unknown model": (failing(404, "no such model"), "no such model. Check the address"),
    "unknown model with 400": (failing(400, "Invalid model name"), "Invalid model name"),
    "no schema": (failing(400, "Unknown key: response_format"), "takes no JSON schema"),
    "an option it does not take": (
        answering(b'{"error": {"message": "temp", "code": "unsupported_value"}}', 400),
        "Choose other options",
    ),
    "quota used up": (
        answering(b'{"error": {"message": "quota", "code": "insufficient_quota"}}', 429),
        "Top up",
    ),
    "an error with status 200": (
        answering(b'{"error": {"message": "no such model", "code": 404}}'),
        "no such model",
    ),
}


@pytest.mark.parametrize(("behaviour", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_will_not_pass_is_refused_at_once(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, words: str
) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    server.script(behaviour)
    with pytest.raises(EndpointRefusedError) as refused:
        ask(chat(server, key_variable="SOME_KEY"))
    assert not isinstance(refused.value, QuestionRefusedError)
    assert server.url in str(refused.value)
    assert words in str(refused.value)
    assert KEY not in str(refused.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_question_is_told_from_a_refusal_of_all(server: ChatServer, status: int) -> None:
    server.script(failing(status, "This is longer than the context of 4096 tokens."))
    with pytest.raises(QuestionRefusedError, match="longer than the context"):
        ask(chat(server))
    assert len(server.asked) == 1


def test_a_redirect_is_refused_since_the_other_address_was_not_allowed(server: ChatServer) -> None:
    with ChatServer() as other:
        server.script(failing(307, "over there", Location=f"{other.url}/chat/completions"))
        with pytest.raises(EndpointRefusedError, match="status 307"):
            ask(chat(server))
        assert not other.asked


def test_a_filter_and_a_reached_limit_are_answers_though_empty(server: ChatServer) -> None:
    server.script(said("", finish="content_filter"), said("", finish="length"))
    assert [ask(chat(server)).finish for _ in range(2)] == ["content_filter", "length"]
    assert len(server.asked) == 2


def test_a_refusal_in_its_own_field_is_what_the_model_says(server: ChatServer) -> None:
    server.script(said(None, refusal="I cannot help with that."))
    assert ask(chat(server)).text == "I cannot help with that."


def test_words_in_parts_are_put_together(server: ChatServer) -> None:
    content = [{"type": "text", "text": "well, "}, {"type": "text", "text": "thanks"}]
    body = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    server.script(answering(json.dumps(body).encode()))
    assert ask(chat(server)).text == "well, thanks"


def test_useless_answers_that_were_paid_for_are_counted(server: ChatServer) -> None:
    server.script(said(""), said(""))
    answer = ask(chat(server, prompt_price=Decimal(1_000_000)))
    assert (answer.text, answer.prompt_tokens, answer.cost) == ("fine", 12, Decimal(12))
    server.script(said(""), said(""))
    with pytest.raises(NothingUsableError, match="an empty answer") as error:
        ask(chat(server, prompt_price=Decimal(1_000_000), tries=2))
    assert (error.value.answer.text, error.value.answer.cost) == ("", Decimal(8))


@pytest.mark.parametrize("usage", [True, False])
def test_what_was_paid_before_a_refusal_comes_with_it(server: ChatServer, usage: bool) -> None:
    server.script(said("", usage=usage), failing(400, "too long"))
    with pytest.raises(QuestionRefusedError) as refused:
        ask(chat(server, prompt_price=Decimal(1_000_000)))
    paid = paid_before(refused.value)
    assert paid is not None
    assert paid.cost == (4 if usage else 6)
    server.script(failing(500), failing(400, "too long"))
    with pytest.raises(QuestionRefusedError) as refused:
        ask(chat(server, prompt_price=Decimal(1_000_000)))
    assert paid_before(refused.value) is None


def test_useless_answers_without_usage_are_counted_by_their_estimate(server: ChatServer) -> None:
    server.script(said("", usage=False), said("", usage=False))
    with pytest.raises(NothingUsableError) as error:
        ask(chat(server, prompt_price=Decimal(1_000_000), tries=2))
    assert (error.value.answer.prompt_tokens, error.value.answer.cost) == (0, Decimal(12))


def test_without_usage_tokens_are_unknown_and_the_cost_is_estimated_from_above(
    server: ChatServer,
) -> None:
    server.script(said("fine", usage=False))
    answer = ask(chat(server, prompt_price=Decimal(1_000_000), answer_price=Decimal(1_000_000)))
    assert (answer.prompt_tokens, answer.new_tokens) == (0, 0)
    assert answer.cost == 6 + 2  # 17 and 4 characters, three to a token


@pytest.mark.parametrize("usage", [[], "much", {"prompt_tokens": "4"}, {"prompt_tokens": -1}])
def test_usage_of_another_shape_is_no_usage(server: ChatServer, usage: Any) -> None:
    body = {"choices": [{"message": {"content": "fine"}}], "usage": usage}
    server.script(answering(json.dumps(body).encode()))
    assert ask(chat(server)).prompt_tokens == 0


def stopped(asked: OpenAIChat, ended: list[str]) -> None:
    with pytest.raises(StoppedError):
        ask(asked)
    ended.append(threading.current_thread().name)


@pytest.mark.parametrize("fault", [rate_limited(1000), failing(500)])
def test_a_pause_between_tries_ends_when_the_job_is_stopped(
    server: ChatServer, fault: Behaviour
) -> None:
    stopping, ended = threading.Event(), list[str]()
    endpoint = Endpoint(url=server.url, model=f"stopped {id(fault)}")
    asked = OpenAIChat(endpoint, stopping=stopping, patience=Patience(600, 600, 600))
    server.script(fault)
    thread = threading.Thread(target=stopped, args=(asked, ended))
    thread.start()
    assert wait_until(lambda: server.asked, 60)
    stopping.set()
    thread.join(60)
    assert len(ended) == len(server.asked) == 1


def test_quiet_asked_of_one_thread_holds_the_others(server: ChatServer) -> None:
    stopping, ended = threading.Event(), list[str]()
    endpoint = Endpoint(url=server.url, model="quiet please")
    asked = OpenAIChat(endpoint, stopping=stopping, patience=Patience(0, 0, 600))
    server.script(rate_limited(500))
    threads = [threading.Thread(target=stopped, args=(asked, ended)) for _ in range(2)]
    threads[0].start()
    pacer = pacer_of(endpoint.url, endpoint.model, "", 0)
    assert wait_until(lambda: pacer.held(time.monotonic()), 60)
    threads[1].start()
    stopping.set()
    for thread in threads:
        thread.join(60)
    assert (len(ended), len(server.asked)) == (2, 1)

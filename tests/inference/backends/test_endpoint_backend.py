"""A run's answers from a model behind an address: what is asked, read, kept and told."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from inference.backends.endpoint import ROOM_FOR_LABELS
from inference.contracts import GenerationOptions, StimulusInput, TurnText
from inference.endpoints import ChatAnswer, EndpointError, EndpointRefusedError
from tests.chat_server import (
    FOUR_LINES,
    Asked,
    Behaviour,
    ChatServer,
    cut_connection,
    failing,
    rate_limited,
    said,
)
from tests.clip_files import write_clip
from tests.inference.backends.endpoint_answers import answers, replying, stimuli
from tests.inference.backends.memory_ledger import MemoryLedger


def about(number: int, behaviour: Behaviour) -> Callable[[Asked], Behaviour | None]:
    return lambda asked: behaviour if f"words {number} " in asked.text else None


def test_answers_are_read_into_the_four_fields_in_the_order_of_the_stimuli(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    given = answers(server, ledger, stimuli(7))
    assert [one.text for one in given] == [f"What weighs {i}?" for i in range(7)]
    first = given[0]
    assert first.client_emotion == "sadness"
    assert first.therapist_emotion == "neutral"
    assert first.strategy == "open question"
    assert first.raw == FOUR_LINES.replace("most on you", "0")
    assert first.new_tokens == len(first.raw.split())
    assert first.prompt_tokens == len(server.asked[0].text.split())
    assert not first.error
    assert len(server.paid) == 7


def test_every_answer_is_in_the_ledger_with_its_prompt(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    answers(server, ledger, stimuli(3), answer_price=Decimal(1_000_000))
    assert sorted(row.key for row in ledger.rows) == ["d:0:0", "d:1:0", "d:2:0"]
    for row in ledger.rows:
        assert row.answer is not None
        assert row.answer.cost == row.answer.new_tokens
        assert not row.error
    sent = [asked.messages for asked in server.asked]
    assert all(list(row.prompt) in sent for row in ledger.rows)


def test_a_thread_stores_its_answer_before_it_asks_the_next_question(server: ChatServer) -> None:
    ledger = MemoryLedger()
    seen: list[int] = []

    def count(asked: Asked) -> None:
        seen.append(len(ledger.rows))

    server.rule = count
    answers(server, ledger, stimuli(5), at_once=1)
    assert seen == [0, 1, 2, 3, 4]


def test_threads_say_when_they_need_the_ledger_no_more(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    answers(server, ledger, stimuli(5), at_once=2)
    assert ledger.closed_by == {"asking 0", "asking 1"}


def test_several_samples_have_their_own_seeds_and_keys(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    drawn = GenerationOptions(modality="text", samples=3, temperature=0.8, top_p=0.9)
    assert len(answers(server, ledger, stimuli(2), drawn, at_once=1)) == 6
    assert [asked.body["seed"] for asked in server.asked] == [100, 101, 102, 103, 104, 105]
    assert {asked.body["temperature"] for asked in server.asked} == {0.8}
    assert {asked.body["top_p"] for asked in server.asked} == {0.9}
    assert [row.key for row in ledger.rows] == [f"d:{i}:{n}" for i in range(2) for n in range(3)]


def test_at_temperature_0_no_seed_is_sent_since_some_servers_take_none(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    answers(server, ledger, stimuli(1))
    assert "seed" not in server.asked[0].body


def test_that_a_seed_was_not_taken_is_kept_with_the_prompt(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    server.rule = lambda asked: failing(400, "seed") if "seed" in asked.body else None
    answers(server, ledger, stimuli(1), GenerationOptions(modality="text", temperature=1.0))
    assert ledger.rows[0].prompt[-1] == {
        "role": "note",
        "content": "Not sent to the model: the seed, which this server does not take.",
    }


@pytest.mark.parametrize(("constrained", "room"), [(True, ROOM_FOR_LABELS), (False, 0)])
def test_the_bound_on_tokens_is_the_responses_where_labels_come_on_top(
    server: ChatServer, ledger: MemoryLedger, constrained: bool, room: int
) -> None:
    options = GenerationOptions(modality="text", max_new_tokens=50, constrain_labels=constrained)
    answers(server, ledger, stimuli(1), options)
    assert server.asked[0].body["max_tokens"] == 50 + room


def test_what_passes_costs_tries_and_no_answers(server: ChatServer, ledger: MemoryLedger) -> None:
    server.script(failing(500), rate_limited(5), cut_connection, failing(503))
    given = answers(server, ledger, stimuli(4))
    assert [one.text for one in given] == [f"What weighs {i}?" for i in range(4)]
    assert (len(server.asked), len(server.paid), len(ledger.rows)) == (8, 4, 4)


REFUSALS = {
    "too long": (failing(400, "longer than the context"), "longer than the context"),
    "filtered": (said("", finish="content_filter"), "content filter withheld the answer"),
    "half filtered": (said("I", finish="content_filter"), "content filter withheld the answer"),
    "no room": (said("", finish="length"), "Allow longer replies"),
    "only thoughts": (said("<think>What if", finish="length"), "Allow longer replies"),
    "ended thoughts": (said("What if </think>", finish="length"), "Allow longer replies"),
    "always failing": (failing(500, "broken"), "gave no answer in 5 tries: status 500, broken"),
}


@pytest.mark.parametrize(("behaviour", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_one_question_without_an_answer_keeps_no_other_from_one(
    server: ChatServer, ledger: MemoryLedger, behaviour: Behaviour, words: str
) -> None:
    server.rule = about(1, behaviour)
    given = answers(server, ledger, stimuli(4))
    assert [bool(one.error) for one in given] == [False, True, False, False]
    assert words in given[1].error
    assert not given[1].text
    [row] = [row for row in ledger.rows if row.error]
    assert (row.key, row.error) == ("d:1:0", given[1].error)


def test_what_failed_may_be_asked_again(server: ChatServer, ledger: MemoryLedger) -> None:
    server.rule = about(1, said("", finish="content_filter"))
    answers(server, ledger, stimuli(2))
    server.rule = lambda asked: None
    assert [one.error for one in answers(server, ledger, stimuli(2))] == ["", ""]
    assert len(server.paid) == 3


@pytest.mark.parametrize(
    ("status", "words"), [(401, "refuses"), (404, "no such model"), (403, "no such model")]
)
def test_a_refusal_of_everything_ends_the_run_at_once(
    server: ChatServer, ledger: MemoryLedger, status: int, words: str
) -> None:
    server.rule = lambda asked: failing(status, "no such model")
    with pytest.raises(EndpointRefusedError, match=words):
        answers(server, ledger, stimuli(30), at_once=2)
    assert len(server.asked) <= 2


def test_a_server_that_answers_nothing_ends_the_run_and_no_question_counts_as_failed(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    server.rule = lambda asked: failing(503, "starting")
    with pytest.raises(EndpointError, match=r"503, starting\. Resume when it answers\.") as error:
        answers(server, ledger, stimuli(30), at_once=3, tries=2)
    assert not isinstance(error.value, EndpointRefusedError)
    assert len(server.asked) <= 10
    server.rule = lambda asked: None
    assert not any(one.error for one in answers(server, ledger, stimuli(30)))
    assert len(server.paid) == 30


@pytest.mark.parametrize("begun", ["<think>", ""], ids=["whole", "begun in the prompt"])
def test_thoughts_are_kept_and_not_taken_for_the_answer(
    server: ChatServer, ledger: MemoryLedger, begun: str
) -> None:
    thoughts = f"{begun}\nClient's emotion: joy\nno, not that\n</think>\n\n"
    server.script(said(thoughts + FOUR_LINES))
    [answer] = answers(server, ledger, stimuli(1))
    assert (answer.client_emotion, answer.text) == ("sadness", "What weighs most on you?")
    assert answer.raw == thoughts + FOUR_LINES


def test_fields_that_cannot_be_read_stay_empty_and_the_raw_answer_is_kept(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    server.script(said("I am so sorry to hear that."))
    [answer] = answers(server, ledger, stimuli(1))
    assert answer.client_emotion is answer.strategy is None
    assert answer.text == answer.raw == "I am so sorry to hear that."
    assert not answer.error


def test_clips_are_sent_and_one_that_cannot_be_read_fails_alone(
    server: ChatServer, ledger: MemoryLedger, tmp_path: Path
) -> None:
    film = write_clip(tmp_path / "film.mp4", video="libx264", audio="aac")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    asked = [
        StimulusInput(f"d:{i}", "", (), (TurnText("client", f"words {i} end"),), (clip,))
        for i, clip in enumerate([film, broken])
    ]
    options = GenerationOptions(samples=2, temperature=1.0)
    given = answers(server, ledger, asked, options, takes=("text", "frames", "audio"), frames=2)
    assert [bool(one.error) for one in given] == [False, False, True, True]
    assert str(broken) in given[2].error
    kinds = [[part["type"] for part in one.parts] for one in server.asked]
    assert kinds == [["image_url", "image_url", "input_audio"]] * 2
    assert "base64" not in str(ledger.rows)


def test_the_emotion_alone_is_read_from_one_line(
    server: ChatServer, ledger: MemoryLedger, tmp_path: Path
) -> None:
    film = write_clip(tmp_path / "film.mp4", video="libx264")
    server.script(said("Client's emotion: tense"))
    options = GenerationOptions(task="emotion", modality="v", emotions=("calm", "tense"))
    asked = StimulusInput("d:0", "", (), (TurnText("client", "hidden"),), (film,))
    takes = ("text", "frames")
    [answer] = answers(server, ledger, [asked], options, takes=takes)
    assert (answer.client_emotion, answer.text) == ("tense", "")
    [other] = answers(server, ledger, [asked], options, url=server.url, takes=takes)
    assert other == answer
    [blind] = answers(server, MemoryLedger(), [asked], options)
    assert "nothing of it can be sent" in blind.error


def test_the_key_is_nowhere_in_what_is_kept(
    ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-a-very-secret-key"
    monkeypatch.setenv("SOME_KEY", key)
    with ChatServer(answer=replying, key=key) as server:
        answers(server, ledger, stimuli(2), key_variable="SOME_KEY")
        monkeypatch.setenv("SOME_KEY", key + "-old")
        with pytest.raises(EndpointRefusedError) as error:
            answers(server, ledger, stimuli(3), key_variable="SOME_KEY")
    assert len(ledger.rows) == 3
    assert key not in repr(ledger.rows) + str(error.value)
    assert os.environ["SOME_KEY"] not in str(error.value)


def test_a_kept_answer_needs_no_more_than_its_text_and_figures(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    ledger.store("d:0:0", [], ChatAnswer(FOUR_LINES, 3, 4, Decimal(0), 1.5), "")
    [answer] = answers(server, ledger, stimuli(1))
    assert (answer.text, answer.seconds) == ("What weighs most on you?", 1.5)
    assert not server.asked

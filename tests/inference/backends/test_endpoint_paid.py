"""What a run pays at an address: nothing twice, and no more than its budget."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from inference.backends.chat_prompt import Question
from inference.backends.ledger import BudgetReachedError
from inference.backends.pacing import StoppedError
from inference.contracts import GenerationOptions
from tests.chat_server import FOUR_LINES, Asked, ChatServer, Handler, failing, rate_limited, said
from tests.inference.backends.endpoint_answers import TEXT, answers, replying, stimuli
from tests.inference.backends.memory_ledger import MemoryLedger


def slow_after(server: ChatServer, count: int) -> threading.Event:
    """The server takes its time with further answers until the event is set."""
    released = threading.Event()

    def slow(handler: Handler, asked: Asked) -> None:
        released.wait(60)
        said(replying(asked))(handler, asked)

    server.rule = lambda asked: slow if len(server.asked) > count else None
    return released


def test_a_stopped_run_that_is_resumed_pays_for_no_answer_twice(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    released = slow_after(server, 5)

    def stop() -> bool:
        if len(server.asked) >= 7:  # both threads wait for an answer
            threading.Timer(0.1, released.set).start()
            return True
        return False

    with pytest.raises(StoppedError):
        answers(server, ledger, stimuli(40), should_stop=stop, at_once=2)
    assert len(ledger.rows) == len(server.paid) == len(server.asked) == 7
    given = answers(server, ledger, stimuli(40))
    assert [one.text for one in given] == [f"What weighs {i}?" for i in range(40)]
    assert len(server.paid) == 40
    assert len({asked.text for asked in server.paid}) == 40


def test_a_run_that_is_taken_away_loses_no_answer_under_way(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    class LostError(Exception):
        pass

    released = slow_after(server, 5)

    def lost() -> bool:
        if len(server.asked) >= 7:
            threading.Timer(0.1, released.set).start()
            raise LostError
        return False

    with pytest.raises(LostError):
        answers(server, ledger, stimuli(40), should_stop=lost, at_once=2)
    assert len(ledger.rows) == len(server.paid) == 7


def test_what_is_kept_reads_like_what_came(server: ChatServer, ledger: MemoryLedger) -> None:
    came = answers(server, ledger, stimuli(2))
    assert answers(server, ledger, stimuli(2)) == came
    assert len(server.asked) == 2


def test_nothing_is_asked_once_the_budget_is_reached(server: ChatServer) -> None:
    words = len(FOUR_LINES.replace("most on you", "0").split())
    ledger = MemoryLedger(budget=Decimal(2 * words))
    priced: dict[str, Any] = {"answer_price": Decimal(1_000_000), "currency": "EUR", "at_once": 1}
    with pytest.raises(BudgetReachedError) as reached:
        answers(server, ledger, stimuli(5), **priced)
    assert str(reached.value) == (
        f"{2 * words}.00 EUR are spent, and the budget is {2 * words}.00 EUR. What was answered "
        "is kept. Give it a larger budget, then resume."
    )
    assert len(server.paid) == 2
    ledger.budget = Decimal(100 * words)
    assert len(answers(server, ledger, stimuli(5), **priced)) == 5
    assert len(server.paid) == 5


def test_a_budget_is_overrun_by_what_is_under_way_only(server: ChatServer) -> None:
    ledger = MemoryLedger(budget=Decimal(1))
    with pytest.raises(BudgetReachedError):
        answers(server, ledger, stimuli(50), at_once=4, answer_price=Decimal(1_000_000))
    assert 1 <= len(server.paid) <= 4
    assert len(ledger.rows) == len(server.paid)


def test_useless_answers_count_towards_the_budget(server: ChatServer) -> None:
    ledger = MemoryLedger(budget=Decimal(1))
    server.rule = lambda asked: said("")
    with pytest.raises(BudgetReachedError):
        answers(*(server, ledger, stimuli(5)), at_once=1, tries=2, prompt_price=Decimal(1_000_000))
    [row] = ledger.rows
    assert row.answer is not None
    assert row.answer.prompt_tokens == 2 * len(server.asked[0].text.split())
    assert "an empty answer" in row.error


def test_useless_answers_count_also_where_the_question_is_refused_then(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    server.script(said("", usage=False), failing(400, "too long"))
    [answer] = answers(server, ledger, stimuli(1), prompt_price=Decimal(1))
    [row] = ledger.rows
    assert "too long" in row.error == answer.error
    assert row.answer is not None
    assert row.answer.cost == ledger.spent() > 0


def test_useless_answers_count_also_where_the_run_is_stopped_then(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    server.script(said(""), rate_limited(1000))
    known: dict[str, Any] = {"prompt_price": Decimal(1), "at_once": 1, "model": "stopped later"}
    with pytest.raises(StoppedError):
        answers(
            *(server, ledger, stimuli(3)),
            should_stop=lambda: len(server.asked) == 2,
            longest_quiet=1000,
            **known,
        )
    [row] = ledger.rows
    assert row.answer is not None
    assert row.answer.cost > 0
    assert row.error.startswith("Stopped")


def test_once_the_budget_is_reached_no_clip_is_read(server: ChatServer, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    asked = [replace(one, clip_paths=(broken,)) for one in stimuli(1)]
    options = GenerationOptions()
    takes = ("text", "frames")
    with pytest.raises(BudgetReachedError):
        answers(server, MemoryLedger(budget=Decimal(0)), asked, options, takes=takes)
    [answer] = answers(server, MemoryLedger(), asked, options, takes=takes)
    assert str(broken) in answer.error


def test_a_question_is_let_go_with_its_last_sample(
    server: ChatServer, ledger: MemoryLedger
) -> None:
    def alive() -> int:
        return sum(type(one) is Question for one in gc.get_objects())

    before = alive()
    seen: list[int] = []
    server.rule = lambda asked: seen.append(alive() - before)
    two = replace(TEXT, samples=2, temperature=1.0)
    answers(server, ledger, stimuli(3), two, at_once=1)
    assert seen == [1] * 6
    del ledger.rows[::2]  # of each the first sample: the second is taken from the ledger
    seen.clear()
    answers(server, ledger, stimuli(3), two, at_once=1)
    assert seen == [1] * 3

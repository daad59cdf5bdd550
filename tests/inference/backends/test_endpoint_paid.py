"""What a run pays at an address: nothing twice, and no more than its budget."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest

from inference.backends.ledger import BudgetReachedError
from inference.backends.pacing import StoppedError
from tests.chat_server import FOUR_LINES, Asked, ChatServer, Handler, said
from tests.inference.backends.endpoint_answers import answers, replying, stimuli
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

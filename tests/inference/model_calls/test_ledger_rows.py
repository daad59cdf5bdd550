"""The ledger as asking threads use it, on a real database."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inference.endpoints import ChatAnswer
from inference.models import GenerationRun, ModelCall
from inference.selectors.model_calls import (
    REASONS,
    Spending,
    call_rows,
    money_words,
    run_ledger,
    spending_by_run,
    spending_of_model,
)
from inference.services.model_calls import RunCalls
from tests.inference.model_calls.conftest import MakeRun

PROMPT = [{"role": "user", "content": "How are you?"}]


def said(text: str = "Fine.", cost: str = "0.25") -> ChatAnswer:
    return ChatAnswer(
        text=text, prompt_tokens=10, new_tokens=5, cost=Decimal(cost), seconds=0.5, finish="stop"
    )


@pytest.fixture
def run(make_run: MakeRun) -> GenerationRun:
    return make_run(budget="2.00")


@pytest.fixture
def ledger(run: GenerationRun) -> RunCalls:
    return RunCalls(run)


def test_an_answer_is_found_again_and_counts(ledger: RunCalls, run: GenerationRun) -> None:
    assert ledger.find("d:0:0") is None
    ledger.store("d:0:0", PROMPT, said(), "")
    found = ledger.find("d:0:0")
    assert found is not None
    assert (found.text, found.prompt_tokens, found.new_tokens) == ("Fine.", 10, 5)
    assert (found.cost, ledger.spent(), ledger.budget) == (Decimal("0.25"),) * 2 + (Decimal(2),)
    call = ModelCall.objects.get()
    assert (call.run, call.model_version, call.team) == (run, run.model_version, run.team)
    assert (call.purpose, call.prompt, call.attempt) == ("answer", PROMPT, 1)


def test_what_failed_counts_and_may_be_asked_again(ledger: RunCalls) -> None:
    ledger.store("d:0:0", PROMPT, None, "The server is busy.")
    ledger.store("d:0:0", PROMPT, said(""), "The model said nothing.")
    assert ledger.find("d:0:0") is None
    ledger.store("d:0:0", PROMPT, said(), "")
    assert ledger.find("d:0:0") is not None
    assert list(ModelCall.objects.order_by("pk").values_list("attempt", "cost")) == [
        (1, Decimal(0)),
        (2, Decimal("0.25")),
        (3, Decimal("0.25")),
    ]
    assert ledger.spent() == Decimal("0.50")


def test_characters_that_the_database_does_not_take_cost_no_answer(ledger: RunCalls) -> None:
    ledger.store("d:0:0", PROMPT, said("a\x00b\ud800c"), "")
    found = ledger.find("d:0:0")
    assert found is not None
    assert found.text == "a\ufffdb\ufffdc"


def test_runs_do_not_find_each_others_answers(ledger: RunCalls, make_run: MakeRun) -> None:
    ledger.store("d:0:0", PROMPT, said(), "")
    other = RunCalls(make_run())
    assert other.find("d:0:0") is None
    assert (other.spent(), other.budget) == (Decimal(0), None)


def test_threads_store_beside_each_other_and_give_their_connections_back(
    ledger: RunCalls, run: GenerationRun
) -> None:
    start = threading.Barrier(4)
    left_open: list[object] = []

    def work(number: int) -> None:
        start.wait()
        for turn in range(5):
            ledger.store("the same", PROMPT, None, "no")
            ledger.store(f"d:{turn}:{number}", PROMPT, said(), "")
        ledger.close()
        left_open.append(connection.connection)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left_open == [None] * 4
    same = ModelCall.objects.filter(key="the same").order_by("attempt")
    assert list(same.values_list("attempt", flat=True)) == list(range(1, 21))
    assert ModelCall.objects.filter(run=run).count() == 40
    assert ledger.spent() == Decimal("5.00")


def test_what_is_spent_begins_with_the_rows_and_is_then_counted_without_them(
    ledger: RunCalls, run: GenerationRun
) -> None:
    ledger.store("d:0:0", PROMPT, said(), "")
    ledger.store("d:1:0", PROMPT, None, "The server is busy.")
    later = RunCalls(run)
    later.store("d:1:0", PROMPT, said(cost="0.50"), "")
    with CaptureQueriesContext(connection) as captured:
        assert later.spent() == Decimal("0.75")
    assert not captured.captured_queries


def test_of_many_reasons_only_those_shown_are_read(ledger: RunCalls, run: GenerationRun) -> None:
    for number in range(REASONS + 2):
        ledger.store(f"d:{number}:0", PROMPT, None, f"Request {number:02d} failed.")
    ledger.store("d:0:0", PROMPT, None, "Request 12 failed.")
    shown = run_ledger(run)
    assert shown is not None
    assert [one.reason for one in shown.failures][:2] == [
        "Request 12 failed.",
        "Request 00 failed.",
    ]
    assert len(shown.failures) == REASONS


def test_figures_of_runs_and_models(ledger: RunCalls, run: GenerationRun) -> None:
    ledger.store("d:0:0", PROMPT, said(), "")
    for number in range(2):
        ledger.store(f"d:{number}:1", PROMPT, None, "The server is busy.")
    whole = Spending(3, 2, 10, 5, Decimal("0.25"), "USD")
    assert spending_by_run([run]) == {run.pk: whole}
    assert spending_of_model(run.model_version) == {"Answering a client turn": whole}
    shown = run_ledger(run)
    assert shown is not None
    assert (shown.percent, shown.used_up) == (12, False)
    assert [(one.reason, one.calls) for one in shown.failures] == [("The server is busy.", 2)]
    rows = list(call_rows(run))
    assert [(row["key"], row["cost"], row["currency"]) for row in rows] == [
        ("d:0:0", "0.250000", "USD"),
        ("d:0:1", "0.000000", "USD"),
        ("d:1:1", "0.000000", "USD"),
    ]


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "0.00 USD"),
        ("0.00001", "under 0.0001 USD"),
        ("0.00005", "0.0001 USD"),
        ("0.00125", "0.0013 USD"),
        ("0.25", "0.25 USD"),
        ("0.999999", "1.00 USD"),
        ("12.345", "12.35 USD"),
    ],
)
def test_small_amounts_keep_their_digits(amount: str, words: str) -> None:
    assert money_words(Decimal(amount), "USD") == words

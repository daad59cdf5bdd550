"""Runs against a real server of chat completions, in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from inference.errors import InvalidOptionsError, WrongStateError
from inference.models import Corpus, GenerationRun, JobState, ModelCall, ModelVersion
from inference.selectors.run_options import option_words
from inference.services.generation import (
    answer_failed_again,
    cancel_generation_run,
    create_generation_run,
    resume_generation_run,
    run_generation,
)
from inference.services.model_versions import register_imported
from tests.chat_server import ChatServer, failing, said
from tests.inference.model_calls.conftest import KEY, WORDS_ONLY, MakeRun

TURNS = 6


def worked(run: GenerationRun) -> GenerationRun:
    run_generation(run.pk)
    run.refresh_from_db()
    return run


def everything_stored(run: GenerationRun) -> str:
    rows: list[Mapping[str, Any]] = [
        *ModelCall.objects.filter(run=run).values(),
        *run.responses.values(),
        *GenerationRun.objects.values(),
        *ModelVersion.objects.values(),
    ]
    return json.dumps(rows, default=str)


def test_a_run_answers_through_the_ledger_and_stores_no_key(
    make_run: MakeRun, server: ChatServer
) -> None:
    run = worked(make_run())
    assert (run.state, run.error, run.done) == (JobState.DONE, "", TURNS)
    assert len(server.asked) == ModelCall.objects.count() == TURNS
    first = run.responses.order_by("pk")[0]
    assert first.text == "What weighs most on you?"
    assert (first.client_emotion, first.strategy) == ("sadness", "open question")
    call = ModelCall.objects.get(key="dialogue-000:0:0")
    assert call.raw.startswith("Client's emotion: sadness")
    assert "I keep waking up at three" in json.dumps(call.prompt)
    expected = (call.prompt_tokens * 1000 + call.new_tokens * 2000) / Decimal(10**6)
    assert call.cost == expected > 0
    assert KEY not in everything_stored(run)
    words = dict(option_words(run))
    assert words["Labels"] == "Written freely, then read from the text"
    assert words["The dialogue before"] == "Word for word, as text"
    assert words["Prompt, SHA-256"]


def test_samples_have_seeds_and_rows_of_their_own(make_run: MakeRun, server: ChatServer) -> None:
    run = worked(make_run(samples=2, temperature=0.7))
    assert (run.state, run.done, len(server.paid)) == (JobState.DONE, 2 * TURNS, 2 * TURNS)
    keys = set(ModelCall.objects.values_list("key", flat=True))
    assert {"dialogue-000:0:0", "dialogue-000:0:1"} <= keys
    assert len({asked.body["seed"] for asked in server.asked}) == 2 * TURNS


def test_a_run_stops_at_its_budget_says_how_to_go_on_and_pays_for_nothing_twice(
    make_run: MakeRun, server: ChatServer
) -> None:
    run = worked(make_run(budget="0.30"))
    assert run.state == JobState.FAILED
    spent = sum(ModelCall.objects.values_list("cost", flat=True), Decimal(0))
    assert spent >= Decimal("0.30")
    paid = len(server.paid)
    assert paid < TURNS
    assert "of its budget of 0.30 USD" in run.error
    assert f"`manage.py resume_run {run.pk} --budget AMOUNT`" in run.error
    assert run.done == paid  # what was paid for is among the responses

    before = len(server.asked)
    for budget in (None, Decimal("0.30")):
        with pytest.raises(InvalidOptionsError, match=r"has spent .* Give it a budget above"):
            resume_generation_run(run, budget)
    assert len(server.asked) == before

    resume_generation_run(run, Decimal(10))
    worked(run)
    assert (run.state, run.done, run.budget) == (JobState.DONE, TURNS, Decimal(10))
    assert len(server.asked) == len(server.paid) == TURNS


def test_a_budget_is_overrun_by_what_is_under_way_at_most(
    make_run: MakeRun, server: ChatServer
) -> None:
    worked(make_run(budget="0.01", batch_size=6))
    assert 1 <= len(server.paid) <= 2  # two are asked at a time


def test_answers_in_the_ledger_that_are_no_response_yet_are_taken_from_there(
    make_run: MakeRun, server: ChatServer
) -> None:
    run = worked(make_run())
    run.responses.all().delete()
    GenerationRun.objects.filter(pk=run.pk).update(state=JobState.CANCELLED, done=0)
    resume_generation_run(run)
    worked(run)
    assert (run.state, run.done) == (JobState.DONE, TURNS)
    assert len(server.asked) == TURNS


def test_a_refused_key_fails_the_run_in_words_without_it(
    make_run: MakeRun, server: ChatServer
) -> None:
    server.key = "another"
    run = worked(make_run())
    assert run.state == JobState.FAILED
    assert "401" in run.error
    assert KEY not in everything_stored(run)
    server.key = KEY
    resume_generation_run(run)
    assert worked(run).state == JobState.DONE


def test_a_question_that_fails_costs_its_own_turn_and_is_asked_again(
    make_run: MakeRun, server: ChatServer
) -> None:
    server.script(failing(400, "This prompt is too long for me."))
    run = worked(make_run())
    assert (run.state, run.done) == (JobState.DONE, TURNS)
    (failed,) = run.responses.exclude(error="")
    assert "too long for me" in failed.error
    assert answer_failed_again(run) == 1
    worked(run)
    assert not run.responses.exclude(error="").exists()
    assert len(server.paid) == TURNS
    assert sorted(ModelCall.objects.values_list("attempt", flat=True)) == [1] * TURNS + [2]


def test_answers_without_words_are_paid_for_and_counted(
    make_run: MakeRun, server: ChatServer
) -> None:
    server.rule = lambda asked: said("", finish="length")
    run = worked(make_run())
    assert run.state == JobState.FAILED
    calls = ModelCall.objects.exclude(error="")
    assert calls.exists()
    assert all(call.cost > 0 for call in calls)


def test_a_cancelled_run_keeps_what_it_paid_for(make_run: MakeRun, server: ChatServer) -> None:
    run = make_run()
    run_generation(run.pk, on_chunk=cancel_generation_run)
    run.refresh_from_db()
    assert (run.state, run.done, len(server.paid)) == (JobState.CANCELLED, 2, 2)
    resume_generation_run(run)
    worked(run)
    assert (run.state, len(server.paid)) == (JobState.DONE, TURNS)


def test_an_address_that_is_allowed_no_more_is_not_asked(
    make_run: MakeRun, server: ChatServer, settings: Any
) -> None:
    run = make_run()
    settings.ENDPOINT_URLS = []
    worked(run)
    assert run.state == JobState.FAILED
    assert "ENDPOINT_URLS" in run.error
    assert not server.asked


@pytest.mark.parametrize("budget", ["0", "-1", "0.001", "NaN", "100000000"])
def test_budgets_are_amounts(make_run: MakeRun, budget: str) -> None:
    with pytest.raises(InvalidOptionsError, match="budget: an amount from"):
        make_run(budget=budget)


def test_budgets_belong_to_models_with_prices(
    corpus: Corpus, remote: ModelVersion, make_run: MakeRun
) -> None:
    therapists = register_imported(corpus.team, "therapists", corpus)
    with pytest.raises(InvalidOptionsError, match="costs nothing to ask"):
        create_generation_run(
            team=corpus.team, model_version=therapists, corpus=corpus, budget=Decimal(1)
        )
    remote.config |= {"prompt_price": "0", "answer_price": "0"}
    remote.save()
    with pytest.raises(InvalidOptionsError, match="registered without prices"):
        make_run(budget="1")


def test_the_budget_of_a_run_at_work_is_left_alone(make_run: MakeRun) -> None:
    run = make_run(budget="1")
    with pytest.raises(WrongStateError):
        resume_generation_run(run, Decimal(2))
    run.refresh_from_db()
    assert run.budget == Decimal(1)


def test_commands_have_budgets_and_tell_what_was_spent(
    remote: ModelVersion, corpus: Corpus, server: ChatServer
) -> None:
    def call(*arguments: str, ok: bool = True) -> str:
        out = io.StringIO()
        call_command(*arguments, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    asked = ["generate", "--model", "remote", "--corpus", corpus.name, "--budget", "0.01"]
    call(*asked)  # without --modality: the words, all it takes
    run = GenerationRun.objects.get()
    assert (run.budget, run.options["modality"]) == (Decimal("0.01"), "text")
    worked(run)
    assert run.state == JobState.FAILED
    line = call("runs").splitlines()[1]
    assert "of 0.01" in line
    assert "resume_run" in line
    told = call("resume_run", str(run.pk), "--budget", "5", "--wait")
    assert f"{TURNS} of {TURNS} answered" in told
    assert "of 5.00 on 6 questions" in told
    (facts,) = json.loads(call("runs", "--json"))
    assert facts["budget"] == "5.00"
    assert (facts["spent"]["calls"], facts["spent"]["currency"]) == (TURNS, "USD")
    assert WORDS_ONLY.modality == "text"

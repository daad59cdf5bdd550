"""Runs that end in the middle of a chunk: what was paid for is among the responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from inference.endpoints import Endpoint
from inference.errors import InvalidOptionsError
from inference.models import Corpus, GenerationRun, JobState, ModelCall
from inference.services.endpoints import register_endpoint
from inference.services.generation import (
    create_generation_run,
    resume_generation_run,
    run_generation,
)
from mood_eval.models import Team
from tests.chat_server import Asked, Behaviour, ChatServer, failing, rate_limited
from tests.inference.model_calls.conftest import WORDS_ONLY, MakeRun

TURNS = 6
Asking = Callable[..., GenerationRun]


@pytest.fixture
def asking(team: Team, corpus: Corpus, endpoint: Endpoint) -> Asking:
    """A run of a model that is known so."""

    def make(batch_size: int, **known: Any) -> GenerationRun:
        return create_generation_run(
            team=team,
            model_version=register_endpoint(
                team=team, name="known so", endpoint=replace(endpoint, **known)
            ),
            corpus=corpus,
            options=replace(WORDS_ONLY, batch_size=batch_size),
        )

    return make


def worked(run: GenerationRun) -> GenerationRun:
    run_generation(run.pk)
    run.refresh_from_db()
    return run


def after(server: ChatServer, count: int, behaviour: Behaviour) -> None:
    server.rule = lambda asked: behaviour if len(server.asked) > count else None


@pytest.mark.parametrize("status", [401, 503])
def test_what_came_before_a_refusal_or_silence_is_among_the_responses(
    asking: Asking, server: ChatServer, status: int
) -> None:
    run = asking(TURNS, at_once=1)
    after(server, 3, failing(status, "not now"))
    worked(run)
    assert (run.state, run.done) == (JobState.FAILED, 3)
    assert not run.responses.exclude(error="").exists()
    assert str(status) in run.error
    server.rule = lambda asked: None
    resume_generation_run(run)
    assert worked(run).state == JobState.DONE
    assert (run.done, len(server.paid)) == (TURNS, TURNS)


def test_what_came_before_it_was_cancelled_is_among_the_responses(
    asking: Asking, server: ChatServer
) -> None:
    run = asking(TURNS, at_once=1, tries=2)

    def cancel_at_the_third(asked: Asked) -> Behaviour | None:
        if len(server.asked) < 3:
            return None
        GenerationRun.objects.filter(pk=run.pk).update(cancel_requested=True)
        connection.close()
        return rate_limited(1000)

    server.rule = cancel_at_the_third
    worked(run)
    assert (run.state, run.done, len(server.asked)) == (JobState.CANCELLED, 2, 3)


def test_no_turn_counts_as_failed_where_the_silence_began_in_an_earlier_chunk(
    asking: Asking, server: ChatServer
) -> None:
    run = asking(2, at_once=1)
    after(server, 1, failing(503, "starting"))
    worked(run)
    assert (run.state, run.done, run.responses.count()) == (JobState.FAILED, 1, 1)
    assert "Resume when it answers." in run.error
    assert len(server.asked) == 3
    server.rule = lambda asked: None
    resume_generation_run(run)
    worked(run)
    assert (run.state, run.responses.filter(error="").count()) == (JobState.DONE, TURNS)


def test_a_run_whose_missing_answers_are_paid_for_needs_no_budget(
    make_run: MakeRun, server: ChatServer
) -> None:
    run = worked(make_run(budget="10"))
    run.responses.filter(stimulus__first_position__gt=0).delete()
    GenerationRun.objects.filter(pk=run.pk).update(
        state=JobState.CANCELLED, done=run.responses.count(), budget=Decimal("0.01")
    )
    run.refresh_from_db()
    call = ModelCall.objects.filter(run=run).exclude(key__endswith=":0:0").first()
    assert call is not None
    call.error = "of no use"
    call.save()
    with pytest.raises(InvalidOptionsError, match="has spent"):
        resume_generation_run(run)
    call.error = ""
    call.save()
    resume_generation_run(run)
    worked(run)
    assert (run.state, run.done, len(server.asked)) == (JobState.DONE, TURNS, TURNS)

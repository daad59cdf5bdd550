from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from inference.contracts import GenerationOptions
from inference.endpoints import Endpoint
from inference.models import Corpus, GenerationRun, ModelVersion
from inference.services.endpoints import register_endpoint
from inference.services.generation import create_generation_run
from mood_eval.models import Team
from tests.chat_server import ChatServer
from tests.factories import make_corpus_with_dialogues, make_team

KEY_VARIABLE = "REMOTE_KEY"
KEY = "sk-hush-hush-hush"
WORDS_ONLY = GenerationOptions(modality="text", batch_size=2, max_new_tokens=64)

MakeRun = Callable[..., GenerationRun]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(key=KEY) as server:
        yield server


@pytest.fixture
def allowed(server: ChatServer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ENDPOINT_URLS = [server.url]
    settings.ENDPOINT_KEYS = [KEY_VARIABLE]
    monkeypatch.setenv(KEY_VARIABLE, KEY)


@pytest.fixture
def endpoint(server: ChatServer, allowed: None) -> Endpoint:
    """A dollar a thousand tokens read, two a thousand written."""
    return Endpoint(
        url=server.url,
        model="tiny",
        key_variable=KEY_VARIABLE,
        at_once=2,
        tries=1,
        prompt_price=Decimal(1000),
        answer_price=Decimal(2000),
    )


@pytest.fixture
def team(transactional_db: None) -> Team:
    return make_team()


@pytest.fixture
def corpus(team: Team) -> Corpus:
    """Two dialogues with three client turns each."""
    return make_corpus_with_dialogues(team, 2)


@pytest.fixture
def remote(team: Team, endpoint: Endpoint) -> ModelVersion:
    return register_endpoint(team=team, name="remote", endpoint=endpoint)


@pytest.fixture
def make_run(remote: ModelVersion, corpus: Corpus) -> MakeRun:
    def make(budget: str | None = None, **options: Any) -> GenerationRun:
        return create_generation_run(
            team=corpus.team,
            model_version=remote,
            corpus=corpus,
            options=replace(WORDS_ONLY, **options),
            budget=None if budget is None else Decimal(budget),
        )

    return make

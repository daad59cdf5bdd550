from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from mood_eval.models import Team, User
from tests.annotations.judges.judged_studies import always
from tests.chat_server import ChatServer
from tests.factories import make_team, make_user


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return make_team(owner=ada)


@pytest.fixture
def server(settings: Settings) -> Iterator[ChatServer]:
    """Scores 7 and says yes; of two responses it chooses the one shown first."""
    with ChatServer(answer=always(7)) as server:
        settings.ENDPOINT_URLS = [server.url]
        yield server

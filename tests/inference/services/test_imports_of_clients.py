"""A corpus may tell which sessions are of the same client; what it told once stays so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.corpora import CorpusError, generic
from inference.models import Corpus, Dialogue, Session
from inference.services.imports import import_dialogues
from mood_eval.models import Team
from tests.factories import make_team

pytestmark = pytest.mark.django_db
Write = Callable[..., Path]
FINGERPRINT = "90f90e19c5514131caaa836b2e4a0110ce23b44164e240132f3e096ddad19c08"
"""Of dialogue d1 of session s1 below, by a version that knew no clients."""


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """(id, session, client) of each dialogue; None names no client."""

    def lines(*dialogues: tuple[str, str, str | None], name: str = "people.jsonl") -> Path:
        path = tmp_path / name
        turns = [{"speaker": "client", "text": "Hello."}]
        rows = [{"id": i, "session": s, "client": c, "turns": turns} for i, s, c in dialogues]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return lines


def clients() -> dict[str, str]:
    return dict(Session.objects.values_list("label", "client"))


def take_in(team: Team, *paths: Path) -> None:
    import_dialogues(team=team, format="jsonl", paths=paths, corpus_name="People")


def test_clients_are_stored_with_their_sessions(team: Team, write: Write) -> None:
    take_in(
        team,
        write(("d1", "s1", " Ann "), ("d2", "s2", "Ann"), ("d3", "s3", "Bo"), ("d4", "s4", None)),
    )
    assert clients() == {"s1": "Ann", "s2": "Ann", "s3": "Bo", "s4": ""}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("Ann", "Bo", "is of client 'Bo' here and of client 'Ann' in people.jsonl, line 1"),
        ("Ann", None, "is of no named client here and of client 'Ann' in people.jsonl, line 1"),
        (None, "Bo", "is of client 'Bo' here and of no named client in people.jsonl, line 1"),
    ],
)
def test_a_session_of_two_clients_is_refused(
    team: Team, write: Write, first: str | None, second: str | None, said: str
) -> None:
    with pytest.raises(CorpusError) as refusal:
        take_in(team, write(("d1", "s1", first), ("d2", "s1", second)))
    error = refusal.value
    assert (error.file.name, error.line, error.field) == ("people.jsonl", 2, "client")
    assert error.problem == f"session 's1' {said}"
    assert "Name the same client in every dialogue of a session" in error.remedy
    assert not Corpus.objects.exists()


def test_a_stored_session_comes_again_with_its_own_client_only(team: Team, write: Write) -> None:
    take_in(team, write(("d1", "s1", "Ann")))
    for other in ("Bo", None):
        with pytest.raises(CorpusError) as refusal:
            take_in(team, write(("d2", "s2", "Bo"), ("d3", "s1", other), name="later.jsonl"))
        error = refusal.value
        assert (error.file.name, error.line, error.field) == ("later.jsonl", 2, "client")
        assert error.problem.endswith("and of client 'Ann' as stored")
    take_in(team, write(("d2", "s2", "Bo"), ("d3", "s1", "Ann"), name="later.jsonl"))
    assert clients() == {"s1": "Ann", "s2": "Bo"}
    assert Dialogue.objects.count() == 3


def test_a_dialogue_that_is_there_already_cannot_get_a_client(team: Team, write: Write) -> None:
    take_in(team, write(("d1", "s1", None)))
    with pytest.raises(CorpusError, match="of client 'Ann' here and of no named client as stored"):
        take_in(team, write(("d1", "s1", "Ann")))
    assert clients() == {"s1": ""}


def test_a_client_has_a_name_of_at_most_120_characters(write: Write) -> None:
    with pytest.raises(CorpusError, match="line 1, client: the text is longer than 120"):
        list(generic.read([write(("d1", "s1", "A" * 121))]))


def test_dialogues_without_a_client_keep_the_hash_they_were_stored_with(write: Write) -> None:
    (record,) = generic.read([write(("d1", "s1", None))])
    assert record.fingerprint() == FINGERPRINT
    (named,) = generic.read([write(("d1", "s1", "Ann"))])
    assert named.fingerprint() != FINGERPRINT

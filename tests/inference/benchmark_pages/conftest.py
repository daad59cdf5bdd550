from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from inference.benchmarks.contract import Options
from inference.models import Corpus, GenerationRun, Response
from inference.services.imports import import_dialogues
from inference.services.model_versions import register_checkpoint
from mood_eval.models import Team, User
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
    make_team,
    make_user,
)

ROOT = Path(__file__).parents[3]
QUICK = Options(resamples=100)


@dataclass
class Scene:
    """Ada owns the team, Rui is a member of it, Sam has a team of his own."""

    ada: User
    rui: User
    sam: User
    team: Team
    corpus: Corpus
    run: GenerationRun
    other: GenerationRun


@pytest.fixture
def scene(db: None) -> Scene:
    """Two models over six dialogues of three client turns, two of them followed by a reply. The
    first is right about feelings, the second about none."""
    ada, rui, sam = (make_user(f"{name}@example.org") for name in ("ada", "rui", "sam"))
    team = make_team(owner=ada, members=[rui])
    make_team("Sam's team", owner=sam)
    corpus = make_corpus_with_dialogues(team, 6)
    for name in ("right", "wrong"):
        make_model_version(team, name, kind="multimood", path=name, weights_sha256="0" * 64)
    run, other = (make_run_with_responses(team, corpus, name) for name in ("right", "wrong"))
    Response.objects.filter(run=other).update(client_emotion="joy", text="Cheer up!")
    return Scene(ada, rui, sam, team, corpus, run, other)


@pytest.fixture
def demo_team(transactional_db: None) -> Team:
    """With the demonstration's corpus and its smallest model, “tiny”."""
    team = make_team(owner=make_user())
    import_dialogues(
        team=team,
        format="jsonl",
        paths=[ROOT / "demo" / "corpus" / "dialogues.jsonl"],
        corpus_name="Demo",
    )
    register_checkpoint(team=team, name="tiny", path=ROOT / "demo" / "models" / "multimood-tiny")
    return team


@pytest.fixture
def real_mesc() -> Path:
    folder = ROOT.parent / "shared" / "data" / "mesc"
    if not folder.is_dir():
        pytest.skip("the published corpora are not on this machine (../shared/data)")
    return folder


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    def client_of(user: User) -> Client:
        client = Client()
        client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
        return client

    return client_of


def printed(*arguments: object) -> tuple[str, str]:
    """What a command writes to standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def report(*arguments: object) -> Any:
    return json.loads(printed(*arguments, "--json")[0])

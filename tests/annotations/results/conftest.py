from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings

from annotations.models import Study
from inference.models import ModelVersion
from inference.services.model_versions import register_checkpoint
from mood_eval.models import Team, User
from tests.answered_studies import (
    CLEARLY_FIRST,
    CLEARLY_SECOND,
    add_item,
    add_part,
    choose,
    make_instrument,
    make_study,
    responses_by_stimulus,
)
from tests.factories import (
    make_corpus_with_dialogues,
    make_dialogue,
    make_run_with_responses,
    make_team,
    make_user,
)


@pytest.fixture
def no_releases_yet() -> None:
    for name in ("releases", "training"):
        shutil.rmtree(settings.VAR / name, ignore_errors=True)


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return make_team(owner=ada)


@pytest.fixture
def compared_study(team: Team, no_releases_yet: None) -> Study:
    """Six pairs, four decided for the one and two for the other; a split "fresh" beside them."""
    corpus = make_corpus_with_dialogues(team, 2)
    runs = [
        make_run_with_responses(team, corpus, name, f"Words of the {name} one.")
        for name in ("kind", "curt")
    ]
    for name in ("fresh", "train"):
        session = corpus.sessions.create(label=f"session-{name}")
        make_dialogue(corpus, session, f"dialogue-{name}", split=name)
    study = make_study(team, runs)
    part = add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    for index, (stimulus, both) in enumerate(responses_by_stimulus(runs)):
        item = add_item(part, stimulus, both)
        for rater in study.raters.all():
            choose(item, rater, CLEARLY_SECOND if index % 3 == 0 else CLEARLY_FIRST)
    return study


@pytest.fixture
def tiny(team: Team, tiny_checkpoint: Path) -> ModelVersion:
    return register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)

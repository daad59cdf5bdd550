"""A study over six sessions: choices and scores of three raters, of whom one allows no training."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from annotations.derivation.rules import DerivationRules
from annotations.models import Criterion, PreferenceDataset, Study, StudyRater
from annotations.services.datasets import release_folder, release_preferences
from inference.preference_files import CODEBOOK_FILE, read_rows
from mood_eval.models import Team, User
from tests.answered_studies import (
    CLEARLY_FIRST,
    CLEARLY_SECOND,
    TIE,
    add_criterion,
    add_item,
    add_part,
    answer,
    choose,
    make_instrument,
    make_study,
    options,
    responses_by_stimulus,
)
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_team,
    make_user,
)

THREE = (("train", 0.5), ("validation", 0.25), ("test", 0.25))
"""With seed 0 these shares put four of the six sessions into train and one into each other."""
SPLIT = DerivationRules(shares=THREE)
WORDS = "It hurt me to read this."


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return make_team(owner=ada)


@pytest.fixture
def no_releases_yet() -> None:
    shutil.rmtree(settings.VAR / "releases", ignore_errors=True)


def rated_study(team: Team, **fields: Any) -> Study:
    """18 client turns: 12 decided for "kind", 3 for "curt", 3 tied. R3 allows no training."""
    corpus = make_corpus_with_dialogues(team, 6)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("kind", "curt")]
    study = make_study(team, runs, raters=3, **fields)
    study.raters.filter(pseudonym="R3").update(allows_training=False)
    raters = list(study.raters.order_by("pseudonym"))
    pairs = add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    turns = responses_by_stimulus(runs)
    for index, (stimulus, both) in enumerate(turns):
        item = add_item(pairs, stimulus, both)
        value = {4: CLEARLY_SECOND, 5: TIE}.get(index % 6, CLEARLY_FIRST)
        for rater in raters:
            choose(item, rater, value)
    scores = add_part(study, "absolute", scoring_instrument())
    for stimulus, both in turns[:2]:
        for place, response in enumerate(both):
            item = add_item(scores, stimulus, [response])
            for number, rater in enumerate(raters):
                given = {"empathy": 8 - 4 * place - number, "coldness": 2 + 6 * place, "advice": 1}
                answer(item, rater, {**given, "why": WORDS}, comment=WORDS)
    return study


def scoring_instrument() -> Any:
    instrument = make_instrument("scores", criteria=("empathy",))
    add_criterion(instrument, "coldness", reverse_scored=True, anchor_low="none", anchor_high="all")
    yes = options("No", "Yes")
    add_criterion(instrument, "advice", kind=Criterion.Kind.CHOICE, level="nominal", options=yes)
    add_criterion(instrument, "why", kind=Criterion.Kind.TEXT)
    return instrument


@pytest.fixture
def study(team: Team, no_releases_yet: None) -> Study:
    return rated_study(team)


@pytest.fixture
def split_release(study: Study) -> PreferenceDataset:
    return release_preferences(study=study, rules=SPLIT)


def rows_of(dataset: PreferenceDataset, name: str) -> list[dict[str, Any]]:
    return list(read_rows(release_folder(dataset) / name))


def codebook_of(folder: Path) -> list[dict[str, str]]:
    with (folder / CODEBOOK_FILE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rater(study: Study, pseudonym: str) -> StudyRater:
    return study.raters.select_related("study").get(pseudonym=pseudonym)

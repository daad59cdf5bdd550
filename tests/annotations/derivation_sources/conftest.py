from __future__ import annotations

import pytest

from annotations.models import Study
from inference.models import Response, Stimulus
from mood_eval.models import Team
from tests.answered_studies import make_study, responses_by_stimulus
from tests.factories import make_corpus_with_dialogues, make_run_with_responses, make_team

MODELS = ("one", "two", "three")
Turns = list[tuple[Stimulus, list[Response]]]


@pytest.fixture
def team(db: None) -> Team:
    return make_team()


@pytest.fixture
def study(team: Team) -> Study:
    """Two raters, R1 and R2; three models answered the three client turns of each of two
    dialogues, which are sessions of their own."""
    corpus = make_corpus_with_dialogues(team, 2)
    runs = [make_run_with_responses(team, corpus, name, f"Reply of {name}.") for name in MODELS]
    return make_study(team, runs)


@pytest.fixture
def turns(study: Study) -> Turns:
    """With the replies in the order of the models."""
    return responses_by_stimulus([link.run for link in study.study_runs.order_by("position")])

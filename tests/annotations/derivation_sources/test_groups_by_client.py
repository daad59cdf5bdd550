"""Splits and clusters keep a client's sessions together, where the corpus names clients."""

from __future__ import annotations

import numpy as np
import pytest

from annotations.analysis.settings import AnalysisSettings, clusters_of
from annotations.derivation.rules import DerivationRules
from annotations.models import Study, StudyPart
from annotations.selectors.evidence import group_of, study_evidence
from annotations.selectors.study_data import part_data
from inference.models import Corpus, Response, Session
from mood_eval.models import Team
from tests.answered_studies import (
    add_item,
    add_part,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = pytest.mark.django_db


@pytest.fixture
def corpus(team: Team) -> Corpus:
    """Sessions 000 and 002 are Ann's, 001 is nobody's by name."""
    corpus = make_corpus_with_dialogues(team, 3)
    corpus.sessions.exclude(label="session-001").update(client="Ann")
    return corpus


def scored(team: Team, *corpora: Corpus, design: str = "absolute") -> StudyPart:
    """The first client turn of every session."""
    runs = [make_run_with_responses(team, corpus) for corpus in corpora]
    study = make_study(team, runs)
    part = add_part(study, design, make_instrument())
    rater = study.raters.order_by("pseudonym")[0]
    for run in runs:
        for stimulus, (reply,) in responses_by_stimulus([run])[::3]:
            score(add_item(part, stimulus, [reply]), rater, {"empathy": 5})
    return part


def groups(study: Study) -> list[str]:
    facts = study_evidence(study, DerivationRules()).responses
    return [facts[pk].group for pk in sorted(facts)]


def test_a_group_is_a_client_where_known_and_else_a_session(team: Team, corpus: Corpus) -> None:
    assert groups(scored(team, corpus).study) == [
        "Small corpus/client:Ann",
        "Small corpus/session-001",
        "Small corpus/client:Ann",
    ]


def test_a_session_has_the_group_of_its_responses(team: Team, corpus: Corpus) -> None:
    study = scored(team, corpus).study
    for pk, facts in study_evidence(study, DerivationRules()).responses.items():
        dialogue = Response.objects.get(pk=pk).stimulus.dialogue
        session = Session.objects.select_related("corpus").get(pk=dialogue.session_id)
        assert group_of(session) == facts.group


def test_clients_of_two_corpora_are_two_people(team: Team, corpus: Corpus) -> None:
    other = make_corpus_with_dialogues(team, 1, name="Other corpus")
    other.sessions.update(client="Ann")
    part = scored(team, corpus, other)
    assert groups(part.study)[-1] == "Other corpus/client:Ann"
    clusters = clusters_of(part_data(part), AnalysisSettings())
    assert clusters[3] not in clusters[:3]


def test_intervals_resample_all_sessions_of_a_client_together(team: Team, corpus: Corpus) -> None:
    part = scored(team, corpus)
    first, second, _ = corpus.sessions.order_by("pk").values_list("pk", flat=True)
    clusters = clusters_of(part_data(part), AnalysisSettings(cluster="session"))
    np.testing.assert_array_equal(clusters, [first, second, first])


def test_dialogues_and_client_turns_stay_clusters_of_their_own(team: Team, corpus: Corpus) -> None:
    data = part_data(scored(team, corpus))
    for cluster in ("dialogue", "stimulus"):
        assert len(set(clusters_of(data, AnalysisSettings(cluster=cluster)).tolist())) == 3


def test_without_named_clients_a_cluster_is_a_session(team: Team) -> None:
    corpus = make_corpus_with_dialogues(team, 2)
    own = list(corpus.sessions.order_by("pk").values_list("pk", flat=True))
    assert part_data(scored(team, corpus)).units.session.tolist() == own

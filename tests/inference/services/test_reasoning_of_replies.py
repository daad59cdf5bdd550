"""The reasoning that a corpus gives for its replies becomes that of the responses."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from inference.labels import CHAIN
from inference.models import Response, Stimulus, Turn
from inference.services.generation import create_generation_run, run_generation
from inference.services.imports import import_dialogues
from inference.services.model_versions import register_imported
from tests import factories

pytestmark = pytest.mark.django_db
ESCOT = Path(settings.BASE_DIR) / "tests" / "fixtures" / "corpora" / "escot" / "test.json"


def test_imported_replies_bring_their_reasoning_and_only_they_are_asked_for() -> None:
    team = factories.make_team(owner=factories.make_user())
    report = import_dialogues(team=team, format="escot", paths=[ESCOT])
    assert (report.counts["dialogues"], report.counts["stimuli"]) == (3, 2)
    assert report.counts["followed_stimuli"] == Stimulus.objects.count() == 2
    assert report.corpus.licence == "none stated; research use"
    model = register_imported(team, "Replies of ESCoT", report.corpus)
    assert "written by models" in model.card
    assert "really said" not in model.card
    run = create_generation_run(team=team, model_version=model, corpus=report.corpus)
    assert run_generation(run.pk)
    first, second = Response.objects.order_by("stimulus__dialogue_id")
    assert tuple(sorted(first.chain)) == tuple(sorted(CHAIN))
    assert first.chain["stimulus"] == "Her sister moved out."
    assert (first.client_emotion, first.strategy) == ("sadness", "Reflection of Feelings")
    assert second.chain["appraisal"] == "He expects to be found out."
    assert not import_dialogues(team=team, format="escot", paths=[ESCOT]).changed


def test_a_corpus_of_ones_own_may_give_it_and_whatever_else_stands_there_is_no_part() -> None:
    team = factories.make_team(owner=factories.make_user())
    corpus = factories.make_corpus_with_dialogues(team, 1)
    Turn.objects.filter(speaker="therapist", position=1).update(
        extra={"chain": {"emotion": "Alone.", "motive": "?", "appraisal": 3}}
    )
    model = register_imported(team, "Therapists", corpus)
    run = create_generation_run(team=team, model_version=model, corpus=corpus)
    assert run_generation(run.pk)
    chains = list(Response.objects.order_by("pk").values_list("chain", flat=True))
    assert chains == [{"emotion": "Alone."}, {}, {}]

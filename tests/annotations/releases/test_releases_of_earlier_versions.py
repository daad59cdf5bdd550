"""An upgrade: releases made before it are told what later ones are told when they are made."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from annotations.models import (
    Assignment,
    DatasetErasure,
    DatasetRater,
    PreferenceDataset,
    Study,
    StudyRater,
)
from annotations.selectors.erasures import erased_release
from annotations.services.erased import ErasedReleaseError, refuse_erased
from annotations.services.reassignment import withdraw_rater
from annotations.services.withdrawal import withdraw
from mood_eval.models import Team
from tests.answered_studies import (
    CLEARLY_FIRST,
    add_item,
    add_part,
    choose,
    make_instrument,
    make_study,
    responses_by_stimulus,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses, make_team

pytestmark = pytest.mark.django_db
upgrade = import_module("annotations.migrations.0008_releases_that_can_be_cited")


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def study(team: Team) -> Study:
    """Everybody chose; the releases of it know nobody yet."""
    corpus = make_corpus_with_dialogues(team, 1)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("one", "two")]
    study = make_study(team, runs, raters=3)
    part = add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    for stimulus, both in responses_by_stimulus(runs):
        item = add_item(part, stimulus, both)
        for rater in study.raters.all():
            choose(item, rater, CLEARLY_FIRST)
    return study


def released(study: Study, *raters: str) -> PreferenceDataset:
    return PreferenceDataset.objects.create(
        team=study.team,
        study=study,
        version=study.datasets.count() + 1,
        folder="x",
        sha256="x",
        rows=1,
        manifest={"raters": [{"pseudonym": name, "submitted": 3} for name in raters]},
    )


def rater_of(study: Study, pseudonym: str) -> StudyRater:
    return study.raters.select_related("study").get(pseudonym=pseudonym)


def migrate() -> None:
    upgrade.name_sessions_and_raters(apps, None)
    upgrade.mark_what_was_erased_before(apps, None)


def test_releases_of_raters_who_had_erased_before_are_marked_and_no_others(study: Study) -> None:
    held, others = released(study, "R1", "R2"), released(study, "R2", "R3")
    withdraw(rater_of(study, "R1"), erase=True)
    left = timezone.now() - timedelta(days=40)
    study.raters.filter(pseudonym="R1").update(withdrawn_at=left)
    migrate()
    mark = DatasetErasure.objects.get()
    assert (mark.dataset, mark.pseudonyms, mark.job) == (held, ["R1"], None)
    assert mark.erased_at == left
    assert DatasetRater.objects.filter(dataset=others).count() == 2
    with pytest.raises(ErasedReleaseError, match="R1's answers in it were erased on"):
        refuse_erased(held)
    assert erased_release(others) is None


def test_the_first_erasure_gives_the_day_and_every_pseudonym_is_named(study: Study) -> None:
    released(study, "R1", "R2")
    now = timezone.now()
    for name, days in (("R1", 3), ("R2", 8)):
        withdraw(rater_of(study, name), erase=True)
        study.raters.filter(pseudonym=name).update(withdrawn_at=now - timedelta(days=days))
    migrate()
    mark = DatasetErasure.objects.get()
    assert (mark.pseudonyms, mark.erased_at) == (["R2", "R1"], now - timedelta(days=8))


def test_who_left_without_erasing_or_was_sent_away_marks_nothing(study: Study) -> None:
    released(study, "R1", "R2", "R3")
    withdraw(rater_of(study, "R1"))
    withdraw_rater(rater=rater_of(study, "R2"), by=None, reason="Too fast.", keep_answers=False)
    roles = Assignment.objects.filter(rater__pseudonym="R2").values_list("role", flat=True)
    assert set(roles) == {"withdrawn"}, "otherwise the test shows nothing"
    migrate()
    assert not DatasetErasure.objects.exists()

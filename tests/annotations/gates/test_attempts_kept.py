"""A finished attempt stays as it is; the account of whoever overruled it may be erased."""

from __future__ import annotations

import pytest
from django.db import Error, transaction
from django.utils import timezone

from annotations.models import Gate, GateAttempt
from tests.answered_studies import add_part, make_instrument, make_study
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db


def test_an_attempt_outlives_the_account_that_decided_it() -> None:
    team = make_team()
    run = make_run_with_responses(team, make_corpus_with_dialogues(team, 1))
    study = make_study(team, [run], raters=1, state="draft")
    part = add_part(study, "absolute", make_instrument())
    ada = make_user("ada@example.org")
    attempt = GateAttempt.objects.create(
        rater=study.raters.get(),
        gate=Gate.objects.create(part=part, items=1),
        number=1,
        finished_at=timezone.now(),
        kappa=0.3,
        passed=True,
        why="Read together.",
        decided_by=ada,
    )
    ada.delete()
    attempt.refresh_from_db()
    assert (attempt.decided_by, attempt.passed) == (None, True)
    attempt.passed = False
    with pytest.raises(Error), transaction.atomic():
        attempt.save()

"""Which version of a study a release comes from."""

from __future__ import annotations

import hashlib

import pytest
from django.utils import timezone

from annotations.models import Study
from annotations.services.amendments import amend_study
from annotations.services.consent import give_consent
from annotations.services.datasets import find_or_release
from annotations.services.withdrawal import withdraw
from mood_eval.models import User
from tests.annotations.releases.conftest import rater

pytestmark = pytest.mark.django_db


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_manifest_says_what_was_amended_and_who_agreed_to_which_words(
    study: Study, ada: User
) -> None:
    before = study.consent_text
    for name in ("R1", "R2"):
        give_consent(rater(study, name), training=True)
    for reason, changes in (
        ("The ethics board asked for it.", {"consent_text": "New words."}),
        ("The office moved.", {"contacts": "Eve, eve@example.org", "payment": "12 euros"}),
    ):
        amend_study(study=study, by=ada, reason=reason, changes=changes)
    give_consent(rater(study, "R2"), training=True)
    dataset, _ = find_or_release(study=study)
    told = dataset.manifest["study"]
    today = timezone.now().date().isoformat()
    assert told["amendments"] == [
        {
            "number": 1,
            "date": today,
            "what": "Consent text",
            "reason": "The ethics board asked for it.",
        },
        {
            "number": 2,
            "date": today,
            "what": "Contacts, What raters are paid",
            "reason": "The office moved.",
        },
    ]
    assert told["consents"] == [
        {"version": 1, "text_sha256": sha256(before), "raters": 2},
        {"version": 2, "text_sha256": sha256("New words."), "raters": 1},
    ]
    assert "eve@example.org" not in str(dataset.manifest)


def test_somebody_who_leaves_and_keeps_the_answers_changes_no_release(study: Study) -> None:
    give_consent(rater(study, "R1"), training=True)
    one, _ = find_or_release(study=study)
    withdraw(rater(study, "R1"), reason="I am ill.")
    two, made = find_or_release(study=study)
    assert (two, made) == (one, False)
    assert one.manifest["study"]["amendments"] == []

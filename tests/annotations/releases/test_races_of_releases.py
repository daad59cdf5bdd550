"""What happens to a release while another connection works on what it holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from annotations.models import Consent, Study, StudyRater
from annotations.selectors.release_contents import participation_of
from annotations.services.consent import change_permissions
from annotations.services.datasets import check_consent
from mood_eval.models import Team
from tests.annotations.releases.conftest import rated_study, rater

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(act: Callable[[], object]) -> None:
    """In a connection of its own, which waits 200 ms for locks."""

    def alone() -> None:
        try:
            with transaction.atomic():
                connection.cursor().execute("SET LOCAL lock_timeout = '200ms'")
                act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(alone).result(30)


def agree(person: StudyRater) -> None:
    Consent.objects.create(
        rater=person,
        version=1,
        text="I agree.",
        text_sha256="0" * 64,
        rating=True,
        training=True,
        release=False,
    )


def test_consent_is_not_taken_back_between_the_check_of_it_and_the_release(
    team: Team, no_releases_yet: None
) -> None:
    study = rated_study(team)
    person = rater(study, "R2")
    agree(person)

    def take_back() -> None:
        change_permissions(person, training=False, release=False)

    with transaction.atomic():
        locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        check_consent(locked, participation_of(locked, ()))
        with pytest.raises(OperationalError, match="lock timeout"):
            elsewhere(take_back)
    elsewhere(take_back)
    assert not rater(study, "R2").allows_training

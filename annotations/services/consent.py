"""What raters agree to: rating itself, and apart from it training and publication.

Every act is a row with the very words. The newest one holds, and its choices stand on the rater
as well, where selectors find them.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotations.models import Consent, StudyRater
from annotations.selectors.consents import consent_version
from annotations.selectors.queue import consent_hash, has_consented
from inference.errors import WrongStateError


class Words(NamedTuple):
    text: str
    sha256: str
    version: int


@transaction.atomic
def give_consent(rater: StudyRater, training: bool = False, release: bool = False) -> StudyRater:
    """To the study's text as it is now. Agreeing again to the same words keeps the first time."""
    rater = _locked(rater)
    if rater.stage == StudyRater.Stage.WITHDRAWN:
        raise WrongStateError(_("You have left this study. Ask its team if you want to come back."))
    again = has_consented(rater)
    if again and (rater.allows_training, rater.allows_release) == (training, release):
        return rater
    study = rater.study
    words = Words(study.consent_text, consent_hash(study), consent_version(study))
    _record(rater, words, training, release, rating=True)
    if not again:
        rater.consented_at = timezone.now()
        rater.consent_sha256 = consent_hash(study)
    rater.save(
        update_fields=["consented_at", "consent_sha256", "allows_training", "allows_release"]
    )
    return rater


@transaction.atomic
def change_permissions(rater: StudyRater, *, training: bool, release: bool) -> StudyRater:
    """Of use in training and publication, at any time: under the words that were agreed to."""
    rater = _locked(rater)
    newest = rater.consents.order_by("at", "pk").last()
    if newest is None:
        raise WrongStateError(_("Please agree to take part first."))
    if (rater.allows_training, rater.allows_release) != (training, release):
        words = Words(newest.text, newest.text_sha256, newest.version)
        _record(rater, words, training, release, rating=newest.rating)
        rater.save(update_fields=["allows_training", "allows_release"])
    return rater


def _locked(rater: StudyRater) -> StudyRater:
    raters = StudyRater.objects.select_related("study")
    return raters.select_for_update(of=("self",)).get(pk=rater.pk)


def _record(
    rater: StudyRater, words: Words, training: bool, release: bool, *, rating: bool
) -> None:
    rater.allows_training, rater.allows_release = training, release
    Consent.objects.create(
        rater=rater,
        version=words.version,
        text=words.text,
        text_sha256=words.sha256,
        rating=rating,
        training=training,
        release=release,
    )

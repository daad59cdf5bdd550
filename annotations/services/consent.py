from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from annotations.models import StudyRater
from annotations.selectors.queue import consent_hash, has_consented


@transaction.atomic
def give_consent(rater: StudyRater) -> None:
    """The first time counts: agreeing again to the same text changes nothing."""
    rater = (
        StudyRater.objects.select_for_update(of=("self",)).select_related("study").get(pk=rater.pk)
    )
    if has_consented(rater):
        return
    rater.consented_at = timezone.now()
    rater.consent_sha256 = consent_hash(rater.study)
    rater.save(update_fields=["consented_at", "consent_sha256"])

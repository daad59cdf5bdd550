from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from annotations.models import StudyRater
from annotations.selectors.queue import consent_hash


@transaction.atomic
def give_consent(rater: StudyRater) -> None:
    rater.consented_at = timezone.now()
    rater.consent_sha256 = consent_hash(rater.study)
    rater.save(update_fields=["consented_at", "consent_sha256"])

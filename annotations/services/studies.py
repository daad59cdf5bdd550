"""A study's life: draft, open, closed. The drafts and the launch have files of their own."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from annotations.models import Study
from annotations.services.launching import launch_study
from annotations.services.study_drafts import BlindingError, create_study
from annotations.services.webhooks import Event, announce, announce_completion
from inference.errors import WrongStateError

__all__ = ["BlindingError", "close_study", "create_study", "launch_study"]


@transaction.atomic
def close_study(study: Study) -> Study:
    """Answers that arrive later are kept apart; nothing that was said is lost."""
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.state != Study.State.OPEN:
        raise WrongStateError(f"Only an open study can be closed; this study is {study.state}.")
    announce_completion(study)
    study.state, study.closed_at = Study.State.CLOSED, timezone.now()
    study.save(update_fields=["state", "closed_at"])
    announce(Event.STUDY_CLOSED, study)
    return study

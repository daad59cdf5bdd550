"""Raters who join a study that is open already."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from annotations.models import Study, StudyRater
from annotations.services.gates import open_training
from annotations.services.reassignment import share_work


@transaction.atomic
def start_newcomers(study: Study, raters: Sequence[StudyRater]) -> None:
    """Work first: training takes the order of the criteria from it."""
    share_work(study, raters)
    open_training(study, raters)

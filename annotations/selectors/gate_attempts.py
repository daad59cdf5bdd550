"""Attempts at a study's qualification, one after the other."""

from __future__ import annotations

from django.db.models import QuerySet

from annotations.models import GateAttempt, Study


def attempts_in(study: Study) -> QuerySet[GateAttempt]:
    rows = GateAttempt.objects.filter(rater__study=study)
    return rows.select_related("gate__part", "rater", "decided_by").order_by(
        "rater__pseudonym", "gate__part__position", "number"
    )

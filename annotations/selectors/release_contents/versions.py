"""Which version of a study the answers come from: what changed after the launch, and the words
that raters agreed to. Nothing in it names a person, and nobody who comes or leaves adds to it."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.db.models import Count

from annotations.models import Amendment, Assignment, Consent, Item, Study
from annotations.selectors.study_history import LABELS


def amendments_of(study: Study) -> list[dict[str, Any]]:
    """Of what the study tells raters and asks of them, the first one first. Values are left out:
    contacts are among them."""
    made = Amendment.objects.filter(study=study, changes__has_any_keys=list(LABELS))
    return [
        {
            "number": number,
            "date": amendment.at.astimezone(UTC).date().isoformat(),
            "what": amendment.what,
            "reason": amendment.reason,
        }
        for number, amendment in enumerate(made.order_by("at", "pk"), start=1)
    ]


def consents_of_answers(study: Study) -> list[dict[str, Any]]:
    """Version of the consent text -> how many agreed to it of those who answered. Who agreed to a
    later one as well counts in both."""
    answered = Assignment.objects.filter(
        item__part__study=study,
        item__pool=Item.Pool.STUDY,
        role=Assignment.Role.INDEPENDENT,
        state=Assignment.State.SUBMITTED,
    )
    agreed = Consent.objects.filter(rater__in=answered.values("rater"), rating=True)
    rows = agreed.order_by("version", "text_sha256").values_list("version", "text_sha256")
    return [
        {"version": version, "text_sha256": sha256, "raters": raters}
        for version, sha256, raters in rows.annotate(n=Count("rater", distinct=True))
    ]

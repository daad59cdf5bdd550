"""Who of a study's raters is a person: LLM judges rate beside people and count as none."""

from __future__ import annotations

from django.db.models import QuerySet

from annotations.models import Study, StudyRater


def people_in(study: Study) -> QuerySet[StudyRater]:
    return study.raters.filter(kind=StudyRater.Kind.PERSON)

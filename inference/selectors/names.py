"""People name things; the answer to a wrong name lists the right ones."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import QuerySet

from inference.errors import UnknownNameError
from inference.models import Corpus, ModelVersion
from mood_eval.models import Team

M = TypeVar("M", Corpus, ModelVersion)


def model_named(team: Team, name: str) -> ModelVersion:
    return _named(ModelVersion.objects.filter(team=team), name, "model")


def corpus_named(team: Team, name: str) -> Corpus:
    return _named(Corpus.objects.filter(team=team), name, "corpus")


def _named(rows: QuerySet[M], name: str, kind: str) -> M:
    found = rows.filter(name=name).first()
    if found is None:
        known = ", ".join(rows.order_by("name").values_list("name", flat=True)) or "none yet"
        raise UnknownNameError(f"There is no {kind} named “{name}”. Known: {known}.")
    return found

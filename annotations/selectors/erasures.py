"""Releases that hold answers which were erased since, and what took their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q
from django.utils import timezone

from annotations.models import DatasetErasure, PreferenceDataset
from inference.models import JobState


@dataclass(frozen=True)
class ErasedRelease:
    version: int
    day: date
    """Of the first erasure."""
    pseudonyms: tuple[str, ...]
    replacement: PreferenceDataset | None
    """By the same rules, without anything erased."""
    waits: bool
    """Whether the release that replaces it is still to be made."""
    failure: str
    """Why nothing replaces it; empty where something does, or is about to."""
    imported: bool = False
    """From a release, whose pseudonyms it does not know."""

    @property
    def erased(self) -> str:
        if self.imported:
            return (
                "answers in the release that it was imported from were erased on "
                f"{day_in_words(self.day)}"
            )
        whose = " and ".join(f"{name}'s" for name in self.pseudonyms)
        return f"{whose} answers in it were erased on {day_in_words(self.day)}"

    @property
    def instead(self) -> str:
        """Follows a semicolon."""
        if self.imported:
            return "import the release that took that one's place"
        if self.replacement is not None:
            return f"use release {self.replacement.version}"
        if self.waits:
            return "the release that replaces it is being made"
        return f"nothing replaces it: {self.failure}".removesuffix(".")

    def __str__(self) -> str:
        return f"{self.erased}; {self.instead}."


def erased_release(dataset: PreferenceDataset) -> ErasedRelease | None:
    """None where nothing in it was erased."""
    return erased_releases([dataset]).get(dataset.pk)


def erased_releases(datasets: Sequence[PreferenceDataset]) -> dict[int, ErasedRelease]:
    """By dataset. One query, which also reads what was erased in replacements."""
    studies = {dataset.study_id for dataset in datasets if dataset.study_id}
    rows = DatasetErasure.objects.filter(Q(dataset__study__in=studies) | Q(dataset__in=datasets))
    rows = rows.select_related("dataset", "job__dataset")
    rows = rows.defer("dataset__manifest", "job__dataset__manifest")
    marks = {row.dataset_id: row for row in rows}
    wanted = {dataset.pk for dataset in datasets}
    return {pk: _state(mark, marks) for pk, mark in marks.items() if pk in wanted}


def _state(mark: DatasetErasure, marks: dict[int, DatasetErasure]) -> ErasedRelease:
    last = _last_in_line(mark, marks)
    job = last.job
    waits = job is not None and job.is_active
    return ErasedRelease(
        version=mark.dataset.version,
        day=timezone.localdate(mark.erased_at),
        pseudonyms=tuple(mark.pseudonyms),
        replacement=last.replacement,
        waits=waits,
        failure="" if waits or last.replacement else _why_nothing(last),
        imported=mark.dataset.study_id is None,
    )


def _last_in_line(mark: DatasetErasure, marks: dict[int, DatasetErasure]) -> DatasetErasure:
    """A replacement may hold answers of somebody who erased later, and was replaced in turn."""
    seen = {mark.pk}
    while mark.replacement is not None and mark.replacement.pk in marks:
        following = marks[mark.replacement.pk]
        if following.pk in seen:
            break
        seen.add(following.pk)
        mark = following
    return mark


def _why_nothing(mark: DatasetErasure) -> str:
    if mark.job is None:
        return "it was not asked for."
    if mark.job.state == JobState.CANCELLED:
        return "making it was cancelled."
    return mark.job.error or "making it failed."


def day_in_words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"

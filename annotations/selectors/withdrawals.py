"""What leaving a study stops, what it can erase, and what can no longer be recalled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from annotations.models import (
    Assignment,
    DatasetRater,
    DatasetTraining,
    Flag,
    LateAnswer,
    Preference,
    PreferenceDataset,
    Rating,
    Study,
    StudyRater,
)
from annotations.models.assignment import GONE
from annotations.selectors.erasures import ErasedRelease, erased_releases
from annotations.selectors.lineage import offspring
from inference.models import ModelVersion


@dataclass(frozen=True)
class Held:
    """What is stored of a rater in one study, in numbers."""

    submitted: int
    """Items of the work that go on counting."""
    waiting: int
    answers: int
    """Scores, choices and the like, on every item; late ones among them."""
    comments: int
    guesses: int
    flags: int

    @property
    def erasable(self) -> int:
        return self.answers + self.comments + self.guesses


@dataclass(frozen=True)
class HeldRelease:
    """A release that a rater's answers went into: files that others may have copied."""

    number: int
    day: datetime
    trained: tuple[datetime, ...] = ()
    """When models were trained on it."""
    erased: ErasedRelease | None = None
    """Set where answers in it were erased, these or somebody else's."""
    models: tuple[ModelVersion, ...] = ()
    """Of an erased one: what learned from it, and what was trained from that. For the team only."""


@dataclass(frozen=True)
class TakenBack:
    """Somebody who still takes part, but whose answers models are trained on no longer."""

    pseudonym: str
    releases: tuple[HeldRelease, ...]


@dataclass(frozen=True)
class Withdrawal:
    """As the team sees it."""

    pseudonym: str
    at: datetime
    reason: str
    erased: bool
    releases: tuple[HeldRelease, ...]


def held_of(rater: StudyRater) -> Held:
    mine = rater.assignments.all()
    work = mine.filter(track=Assignment.Track.WORK).exclude(role__in=GONE)
    return Held(
        submitted=work.filter(state=Assignment.State.SUBMITTED).count(),
        waiting=work.filter(state=Assignment.State.ASSIGNED).count(),
        answers=sum(
            model._default_manager.filter(assignment__rater=rater).count()
            for model in (Rating, Preference, LateAnswer)
        ),
        comments=mine.exclude(comment="", skip_reason="").count(),
        guesses=rater.source_guesses.count(),
        flags=Flag.objects.filter(assignment__rater=rater).count(),
    )


def releases_holding(rater: StudyRater) -> tuple[HeldRelease, ...]:
    return tuple(releases_by_rater([rater])[rater.pk])


def releases_by_rater(raters: Collection[StudyRater]) -> dict[int, list[HeldRelease]]:
    """By rater, the oldest release first. The number of queries does not depend on how many."""
    rows = DatasetRater.objects.filter(rater__in=[rater.pk for rater in raters])
    held = list(
        rows.select_related("dataset").defer("dataset__manifest").order_by("dataset__version")
    )
    releases = held_releases([row.dataset for row in held])
    found: dict[int, list[HeldRelease]] = defaultdict(list)
    for row in held:
        found[row.rater_id].append(releases[row.dataset_id])
    return found


def held_releases(datasets: Sequence[PreferenceDataset]) -> dict[int, HeldRelease]:
    erased = erased_releases(datasets)
    trained: dict[int, list[datetime]] = defaultdict(list)
    results: dict[int, set[int]] = defaultdict(set)
    runs = DatasetTraining.objects.filter(
        dataset__in=datasets, training_run__started_at__isnull=False
    )
    for dataset, day, result in runs.order_by("training_run__started_at").values_list(
        "dataset_id", "training_run__started_at", "training_run__result_id"
    ):
        trained[dataset] += [day] if day else []
        results[dataset] |= {result} if result and dataset in erased else set()
    line = offspring(set().union(*results.values()))
    names = ModelVersion.objects.in_bulk(set().union(*line.values()))
    return {
        dataset.pk: HeldRelease(
            number=dataset.version,
            day=dataset.created_at,
            trained=tuple(trained[dataset.pk]),
            erased=erased.get(dataset.pk),
            models=tuple(
                names[pk] for pk in sorted(set().union(*(line[pk] for pk in results[dataset.pk])))
            ),
        )
        for dataset in datasets
    }


def taken_back_in(study: Study) -> list[TakenBack]:
    """Only those who had allowed it while something was released."""
    people = study.raters.filter(kind=StudyRater.Kind.PERSON, allows_training=False)
    here = people.exclude(stage=StudyRater.Stage.WITHDRAWN)
    raters = list(here.filter(releases__isnull=False).distinct().order_by("pseudonym"))
    releases = releases_by_rater(raters)
    return [TakenBack(rater.pseudonym, tuple(releases[rater.pk])) for rater in raters]


def withdrawals_in(study: Study) -> list[Withdrawal]:
    """The newest first."""
    left = study.raters.filter(stage=StudyRater.Stage.WITHDRAWN, withdrawn_at__isnull=False)
    kept = Assignment.objects.filter(rater=OuterRef("pk")).exclude(role=Assignment.Role.WITHDRAWN)
    raters = list(left.annotate(kept=Exists(kept)).order_by("-withdrawn_at"))
    releases = releases_by_rater(raters)
    return [
        Withdrawal(
            pseudonym=rater.pseudonym,
            at=rater.withdrawn_at,
            reason=rater.withdrawal_reason,
            erased=not rater.kept,
            releases=tuple(releases[rater.pk]),
        )
        for rater in raters
        if rater.withdrawn_at is not None
    ]

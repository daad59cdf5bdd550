"""Somebody's answers are erased that releases hold: these are marked, replaced, and no longer used.

Everything stands in the transaction that erases the answers.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from django.db import transaction
from django.db.models import Q

from annotations.derivation.rules import DerivationRules, RulesError, rules_from_json
from annotations.models import (
    DatasetErasure,
    DatasetTraining,
    PreferenceDataset,
    ReleaseJob,
    Study,
    StudyRater,
)
from annotations.selectors.lineage import cautions_about_trainings, offspring
from annotations.services.datasets import release_folder
from annotations.services.erased import refuse_erased
from annotations.services.release_jobs import request_release
from inference.errors import DomainError, WrongStateError
from inference.models import JobState, TrainingRun
from inference.services import jobs
from mood_eval.models import Team

FIRST_FORMAT = "moodeval-preferences/1"


def usable_release(dataset: PreferenceDataset) -> Path:
    """The folder, once its files are proved and nothing in them was erased since: for training,
    exporting and handing out. What is cited (manifest, card) is read with `release_folder`."""
    refuse_erased(dataset)
    return release_folder(dataset)


def refuse_erased_rows(team: Team, sha256: str) -> None:
    """A copy is known by its rows file, whatever stands around it, unless another release may
    still be used that holds just the same."""
    releases = PreferenceDataset.objects.filter(team=team, sha256=sha256).order_by("pk")
    if not releases.filter(erasure=None).exists():
        for release in releases:
            refuse_erased(release)


def hold_against_erasures(dataset: PreferenceDataset) -> None:
    """Until the transaction ends: what is found usable stays so, and an erasure that comes then
    finds what was begun."""
    if dataset.study_id is not None:
        Study.objects.select_for_update(no_key=True).get(pk=dataset.study_id)
    else:
        Team.objects.select_for_update(no_key=True).get(pk=dataset.team_id)


@transaction.atomic
def mark_releases(rater: StudyRater) -> list[DatasetErasure]:
    """Of the answers that `rater` has just erased. The study is locked by the caller, so that no
    release of it is being read at the same time."""
    held = PreferenceDataset.objects.filter(raters__rater=rater)
    known = held.filter(erasure__pseudonyms__contains=[rater.pseudonym])
    touched = list(held.exclude(pk__in=known.values("pk")).order_by("version"))
    replacing = Replacements(rater.study)
    marks = [_mark(dataset, rater.pseudonym, replacing.job_for(dataset)) for dataset in touched]
    end_trainings([*touched, *mark_copies(rater, touched)])
    return marks


def mark_copies(
    rater: StudyRater, releases: Collection[PreferenceDataset]
) -> list[PreferenceDataset]:
    """What was imported from the releases, and from such imports again, as far as manifests say
    so. It is locked as where imports are kept: one on its way is seen here, or sees the marks."""
    if not releases:
        return []
    team = Team.objects.select_for_update(no_key=True).get(pk=rater.study.team_id)
    imported = PreferenceDataset.objects.filter(team=team, study=None)
    copies: dict[int, PreferenceDataset] = {}
    rows = {release.sha256 for release in releases} - rows_in_use(team)
    while rows:
        found = imported.filter(manifest__source__says_of_itself__sha256__in=sorted(rows))
        new = {copy.pk: copy for copy in found.exclude(pk__in=copies).order_by("pk")}
        copies |= new
        rows = {copy.sha256 for copy in new.values()}
    known = imported.filter(erasure__pseudonyms__contains=[rater.pseudonym])
    marked = [copies[pk] for pk in copies.keys() - set(known.values_list("pk", flat=True))]
    for copy in marked:
        _mark(copy, rater.pseudonym, None)
    return marked


def rows_in_use(team: Team) -> set[str]:
    """Hashes of the rows files of releases in which nothing was erased."""
    releases = PreferenceDataset.objects.filter(team=team, study__isnull=False, erasure=None)
    return set(releases.values_list("sha256", flat=True))


def _mark(dataset: PreferenceDataset, pseudonym: str, job: ReleaseJob | None) -> DatasetErasure:
    mark, _ = DatasetErasure.objects.select_for_update().get_or_create(dataset=dataset)
    mark.pseudonyms = [*mark.pseudonyms, pseudonym]
    mark.job = job
    mark.save(update_fields=["pseudonyms", "job"])
    dataset.erasure = mark
    return mark


class Replacements:
    """Releases made by the same rules are replaced by the same release."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.jobs: dict[str, ReleaseJob] = {}

    def job_for(self, dataset: PreferenceDataset) -> ReleaseJob:
        key = json.dumps(stored_rules(dataset), sort_keys=True)
        if key not in self.jobs:
            self.jobs[key] = self._asked_for(dataset)
        return self.jobs[key]

    def _asked_for(self, dataset: PreferenceDataset) -> ReleaseJob:
        """What cannot be made does not keep anybody from leaving: the job says why."""
        try:
            with transaction.atomic():
                return request_release(study=self.study, rules=rules_of(dataset), user=None)
        except DomainError as error:
            return ReleaseJob.objects.create(
                study=self.study,
                rules=stored_rules(dataset),
                state=JobState.FAILED,
                error=str(error),
            )


def rules_of(dataset: PreferenceDataset) -> DerivationRules:
    """By which it was made. Raises DomainError where this version knows them no longer."""
    try:
        return rules_from_json(stored_rules(dataset))
    except RulesError as error:
        raise WrongStateError(
            f"Release {dataset.version} was made by rules that are not known here. {error}"
        ) from error


def stored_rules(dataset: PreferenceDataset) -> dict[str, object]:
    """The first format named a margin and criteria, and had no other choices."""
    manifest = dataset.manifest
    if manifest.get("format") != FIRST_FORMAT:
        return dict(manifest["rules"])
    filters = manifest["filters"]
    asked = DerivationRules(
        margin=float(filters["margin"]),
        criteria=None if filters["criteria"] is None else tuple(filters["criteria"]),
    )
    return asked.as_json()


def end_trainings(datasets: Iterable[PreferenceDataset]) -> None:
    """Those on them, and those by the scores of a reward model that has one of them behind it.
    What still runs stops with a checkpoint, of which no model is made; what waits does not begin.
    Afterwards none of them is resumed: `inference.selectors.cautions`."""
    touched = list(datasets)
    learned = DatasetTraining.objects.filter(
        dataset__in=touched, training_run__result__isnull=False
    )
    scoring = offspring(learned.values_list("training_run__result", flat=True))
    concerned = TrainingRun.objects.filter(
        Q(dataset_link__dataset__in=touched) | Q(reward_models__in=set().union(*scoring.values()))
    )
    runs = TrainingRun.objects.filter(
        pk__in=concerned.values("pk"), state__in=[JobState.QUEUED, JobState.RUNNING]
    )
    active = list(runs.order_by("pk").select_for_update())
    cautions = cautions_about_trainings([run.pk for run in active])
    for run in active:
        TrainingRun.objects.filter(pk=run.pk).update(error=cautions[run.pk][0].sentence)
        jobs.request_cancel(run)

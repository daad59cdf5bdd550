"""From a release to the next version of a model, and on to the study of old against new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction

from annotations.models import DatasetTraining, PreferenceDataset, Study, StudyRater
from annotations.selectors.follow_up import (
    FollowUp,
    follow_up_of,
    fresh_stimuli,
    study_corpus,
    training_link,
)
from annotations.services.datasets import release_folder
from annotations.services.studies import create_study
from inference.contracts import GenerationOptions
from inference.errors import DomainError, NothingSelectedError, WrongStateError
from inference.models import Dialogue, GenerationRun, ModelVersion, TrainingRun
from inference.selectors.run_options import options_of
from inference.services.generation import create_generation_run
from inference.services.training import start_training_run
from mood_eval.models import User

FOLLOW_UP_TEMPLATE = "multimood-trust-pairwise"


class NotFromReleaseError(DomainError):
    pass


@transaction.atomic
def train_on_release(
    *,
    dataset: PreferenceDataset,
    base: ModelVersion,
    config: Mapping[str, Any] | None = None,
    user: User | None = None,
    name: str = "",
) -> TrainingRun:
    release_folder(dataset)
    run = start_training_run(
        team=dataset.team,
        name=name,
        method=TrainingRun.Method.DPO,
        base=base,
        dataset_path=dataset.folder,
        dataset_sha256=dataset.sha256,
        config=config,
        user=user,
    )
    DatasetTraining.objects.create(dataset=dataset, training_run=run)
    return run


@transaction.atomic
def generate_for_follow_up(*, training_run: TrainingRun, user: User | None = None) -> FollowUp:
    """Lets old and new answer the fresh client turns, each with a run only if it lacks one."""
    training_run = TrainingRun.objects.select_for_update(of=("self",)).get(pk=training_run.pk)
    found = checked_follow_up(training_run)
    if found.missing:
        assert found.link is not None  # noqa: S101 - checked_follow_up refuses otherwise
        study = found.link.dataset.study
        options = generation_options(study, training_run.base)
        for model, run in ((training_run.base, found.old), (training_run.result, found.new)):
            if run is None and model is not None:
                answer_fresh(study, model, options, user)
        found = follow_up_of(training_run)
    return found


def checked_follow_up(training_run: TrainingRun) -> FollowUp:
    if training_run.result is None:
        raise WrongStateError("The training has not left a new version yet.")
    if training_link(training_run) is None:
        raise NotFromReleaseError(
            "This training run did not start from a release of a study of this team, so there is "
            "no study to follow up."
        )
    found = follow_up_of(training_run)
    if not found.stimuli:
        raise NothingSelectedError(
            "The corpus has no session left that was neither trained on nor rated. Import more "
            "dialogues, or name a split “fresh”."
        )
    return found


def generation_options(study: Study, base: ModelVersion) -> GenerationOptions:
    """As the old version answered in the study it was rated in, which shows one answer each."""
    runs = GenerationRun.objects.filter(study_runs__study=study)
    run = runs.filter(model_version=base).first() or runs.order_by("pk").first()
    return replace(options_of(run), samples=1) if run else GenerationOptions()


def answer_fresh(
    study: Study, model: ModelVersion, options: GenerationOptions, user: User | None
) -> GenerationRun:
    corpus = study_corpus(study)
    assert corpus is not None  # noqa: S101 - a study that was rated has stimuli
    stimuli = fresh_stimuli(study, corpus)
    splits = Dialogue.objects.filter(stimuli__in=stimuli).values_list("split", flat=True)
    return create_generation_run(
        team=study.team,
        model_version=model,
        corpus=corpus,
        splits=sorted(filter(None, splits.distinct())),
        options=options,
        user=user,
        stimuli=stimuli,
    )


def offer_follow_up_study(training_run: TrainingRun, user: User | None = None) -> Study:
    """A draft, "version 1 against version 2", over fresh sessions; the same one when asked again.

    Runs that are missing are started; until both are done there is nothing to compare.
    """
    found = generate_for_follow_up(training_run=training_run, user=user)
    if found.study is not None:
        return found.study
    if not found.ready:
        raise WrongStateError(
            "The study can be drafted once both versions have answered the fresh client turns."
        )
    return draft_follow_up(training_run, user)


@transaction.atomic
def draft_follow_up(training_run: TrainingRun, user: User | None) -> Study:
    link = DatasetTraining.objects.select_for_update(of=("self",)).get(training_run=training_run)
    if link.follow_up is not None:
        return link.follow_up
    found = follow_up_of(training_run)
    before = link.dataset.study
    people = before.raters.filter(kind=StudyRater.Kind.PERSON).order_by("pseudonym")
    study = create_study(
        team=before.team,
        template=FOLLOW_UP_TEMPLATE,
        runs=[run for run in (found.old, found.new) if run is not None],
        name=follow_up_name(training_run),
        raters=list(people.values_list("user__email", flat=True)),
        user=user,
    )
    link.follow_up = study
    link.save(update_fields=["follow_up"])
    return study


def follow_up_name(training_run: TrainingRun) -> str:
    """Raters read it, so it names no model."""
    generation = lineage_depth(training_run.base)
    name = f"Version {generation} against version {generation + 1}"
    taken = set(Study.objects.filter(team=training_run.team_id).values_list("name", flat=True))
    number = 2
    free = name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free


def lineage_depth(model: ModelVersion) -> int:
    """1 for a model without parent."""
    depth = 1
    while model.parent is not None:
        model, depth = model.parent, depth + 1
    return depth

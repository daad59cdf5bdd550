"""From a release to the next version of a model, and on to the study of old against new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from django.db import transaction

from annotations.analysis.words import counted
from annotations.models import (
    Amendment,
    DatasetTraining,
    PreferenceDataset,
    Study,
    StudyRater,
)
from annotations.selectors.follow_up import (
    FOLLOW_UP_TEMPLATE,
    FollowUp,
    follow_up_of,
    people_to_invite,
    study_corpus,
)
from annotations.selectors.fresh_sessions import (
    LEAST_SESSIONS,
    clients_of,
    learned_from,
    set_aside,
    with_clients,
)
from annotations.selectors.lineage import trainings_behind
from annotations.services.erasures import hold_against_erasures, usable_release
from annotations.services.studies import create_study
from inference.contracts import GenerationOptions, Modality
from inference.errors import DomainError, InvalidOptionsError, WrongStateError
from inference.models import Corpus, Dialogue, GenerationRun, ModelVersion, TrainingRun
from inference.selectors.model_versions import lineage
from inference.selectors.run_options import ONLY_MODALITY, options_of
from inference.services.generation import create_generation_run
from inference.services.model_versions import refuse_reward_model
from inference.services.training import check_method, start_training_run
from inference.services.training_corpora import UntrainableCorpusError, freeze_corpus
from inference.training.config import ON_PROMPTS, ON_RELEASES
from mood_eval.models import User


class NothingToFollowUpError(DomainError):
    """It is not known which sessions the training run learned from."""


class TooFewSessionsError(DomainError):
    """A comparison on so little that is new could show nothing."""


@transaction.atomic
def train_on_release(
    *,
    dataset: PreferenceDataset,
    base: ModelVersion,
    method: str = TrainingRun.Method.DPO,
    config: Mapping[str, Any] | None = None,
    user: User | None = None,
    name: str = "",
    preset: str = "",
    reward_models: Sequence[ModelVersion] = (),
) -> TrainingRun:
    """By dpo or reward on what raters preferred or scored, by ppo or grpo on its client turns."""
    learns_from_releases(method)
    held_out = unseen_dialogues(dataset, method, [base, *reward_models])  # takes long: before locks
    hold_against_erasures(dataset)
    usable_release(dataset)
    if dataset.study_id is None:
        config = without_clips(config or {})
    run = start_training_run(
        team=dataset.team,
        name=name,
        method=method,
        base=base,
        dataset_path=dataset.folder,
        dataset_sha256=dataset.sha256,
        config=config,
        user=user,
        preset=preset,
        reward_models=reward_models,
        held_out=held_out,
    )
    DatasetTraining.objects.create(dataset=dataset, training_run=run)
    return run


def unseen_dialogues(
    dataset: PreferenceDataset, method: str, models: Sequence[ModelVersion]
) -> Path | None:
    """A file of the study's corpus without what the release holds, what a model learned from, and
    what is set aside for training: a release has no labels to measure. None where nothing is left,
    and for reward models, which give no labels."""
    corpus = study_corpus(dataset.study) if dataset.study else None
    if corpus is None or method == TrainingRun.Method.REWARD:
        return None
    behind = trainings_behind([model.pk for model in models])
    behind = replace(behind, releases=behind.releases | {dataset.pk})
    clients = clients_of(corpus)
    seen = learned_from(corpus, behind) | with_clients(set_aside(corpus), clients)
    try:
        return freeze_corpus(corpus, clients.keys() - seen).path
    except (WrongStateError, UntrainableCorpusError):
        return None


def learns_from_releases(method: str) -> None:
    check_method(method)
    if method not in (*ON_RELEASES, *ON_PROMPTS):
        raise InvalidOptionsError(
            f"{TrainingRun.Method(method).label} learns from whole dialogues, so it needs a "
            "corpus, not a release."
        )


def without_clips(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A dataset that was made elsewhere names no clips: the run says that it saw none."""
    asked = config.get("modality", "text")
    if asked != "text":
        raise InvalidOptionsError(
            f"modality: the dataset was imported and names no clips, so nothing but text can be "
            f"trained on, not “{asked}”. Leave it out."
        )
    return {**config, "modality": "text"}


@transaction.atomic
def generate_for_follow_up(
    *, training_run: TrainingRun, user: User | None = None, least: int = LEAST_SESSIONS
) -> FollowUp:
    """Lets old and new answer the fresh client turns, each with a run only if it lacks one.

    `least`: refused where fewer independent sessions are left; at least 1.
    """
    training_run = TrainingRun.objects.select_for_update(of=("self",)).get(pk=training_run.pk)
    found = checked_follow_up(training_run, least)
    if found.missing and found.corpus is not None:
        options = generation_options(found, training_run)
        for model, run in ((training_run.base, found.old), (training_run.result, found.new)):
            if run is None and model is not None:
                answer_fresh(found.corpus, found.fresh.stimuli, model, options, user)
        found = follow_up_of(training_run)
    return found


def checked_follow_up(training_run: TrainingRun, least: int) -> FollowUp:
    if least < 1:
        raise InvalidOptionsError(f"At least one session has to be fresh, not {least}.")
    if training_run.result is None:
        raise WrongStateError("The training has not left a new version yet.")
    refuse_reward_model(training_run.result)
    found = follow_up_of(training_run)
    if found.before is None and found.corpus is None:
        raise NothingToFollowUpError(
            "This training run started neither from a corpus nor from a release of a study of this "
            "team, so there is no study to follow up. Let both versions answer client turns that "
            "you know to be new, and make a study of the two generation runs."
        )
    if found.fresh.sessions < least:
        raise TooFewSessionsError(why_too_few(found, least))
    return found


def why_too_few(found: FollowUp, least: int) -> str:
    corpus = f"“{found.corpus.name}”" if found.corpus else "The corpus"
    lower = " or allow fewer (1 is the least)" if found.fresh.sessions else ""
    return (
        f"{corpus} has {counted(found.fresh.sessions, 'fresh session')}; the comparison asks for "
        f"{least}. "
        f"{found.fresh.why} Import more dialogues, name a split “fresh”{lower}."
    )


def generation_options(found: FollowUp, training_run: TrainingRun) -> GenerationOptions:
    """As the old version answered in the study it was rated in, or last in the corpus that was
    trained on; raters are shown one answer each."""
    base = training_run.base
    if found.before is not None:
        runs = GenerationRun.objects.filter(study_runs__study=found.before)
        run = runs.filter(model_version=base).first() or runs.order_by("pk").first()
    else:
        runs = GenerationRun.objects.filter(model_version=base, corpus=found.corpus)
        run = runs.exclude(options__contains={"task": "emotion"}).order_by("-pk").first()
    return replace(options_of(run), samples=1) if run else usual_options(training_run)


def usual_options(training_run: TrainingRun) -> GenerationOptions:
    """With the modality that was trained on, or the only one that the model may be given."""
    modality = training_run.base.config.get(ONLY_MODALITY, training_run.config.get("modality"))
    if modality in get_args(Modality):
        return GenerationOptions(modality=modality)
    return GenerationOptions()


def answer_fresh(
    corpus: Corpus,
    stimuli: list[int],
    model: ModelVersion,
    options: GenerationOptions,
    user: User | None,
) -> GenerationRun:
    splits = Dialogue.objects.filter(stimuli__in=stimuli).values_list("split", flat=True)
    return create_generation_run(
        team=corpus.team,
        model_version=model,
        corpus=corpus,
        splits=sorted(filter(None, splits.distinct())),
        options=options,
        user=user,
        stimuli=stimuli,
    )


def offer_follow_up_study(
    training_run: TrainingRun, user: User | None = None, least: int = LEAST_SESSIONS
) -> Study:
    """A draft, "version 1 against version 2", over fresh sessions; the same one when asked again.

    Runs that are missing are started; until both are done there is nothing to compare.
    """
    drafted = follow_up_of(training_run).study
    if drafted is not None:
        return drafted
    found = generate_for_follow_up(training_run=training_run, user=user, least=least)
    if not found.ready:
        raise WrongStateError(
            "The study can be drafted once both versions have answered the fresh client turns."
        )
    return draft_follow_up(training_run, user, least)


@transaction.atomic
def draft_follow_up(training_run: TrainingRun, user: User | None, least: int) -> Study:
    training_run = TrainingRun.objects.select_for_update(of=("self",)).get(pk=training_run.pk)
    found = checked_follow_up(training_run, least)
    if found.study is not None:
        return found.study
    people = people_to_invite(found.before) if found.before else StudyRater.objects.none()
    study = create_study(
        team=training_run.team,
        template=FOLLOW_UP_TEMPLATE,
        runs=[run for run in (found.old, found.new) if run is not None],
        name=follow_up_name(training_run),
        raters=list(people.values_list("user__email", flat=True)),
        user=user,
    )
    followed = f"“{found.before}”" if found.before else f"the training “{training_run.name}”"
    note_what_is_fresh(study, followed, found, user)
    DatasetTraining.objects.filter(training_run=training_run).update(follow_up=study)
    return study


def note_what_is_fresh(study: Study, followed: str, found: FollowUp, user: User | None) -> None:
    """In the study's history, so that a paper can say what the comparison rests on."""
    Amendment.objects.create(
        study=study,
        by=user,
        what=f"Drafted to follow up {followed}",
        reason=" ".join(what_is_fresh(found)),
    )


def what_is_fresh(found: FollowUp) -> list[str]:
    fresh = found.fresh
    told = [
        f"{counted(found.stimuli, 'client turn')} of {counted(fresh.sessions, 'session')} that no "
        f"training of either version saw. {fresh.why}",
    ]
    if found.before is None:
        told.append("No study came before it, so nobody is invited yet.")
    else:
        told.append(
            f"Of {counted(found.invited, 'rater')}, {found.shared} also gave answers that a "
            "version learned from."
        )
    if not found.enough:
        told.append(f"The usual least number of sessions, {LEAST_SESSIONS}, was lowered.")
    if fresh.elsewhere:
        told.append(
            "Nothing is known of the sessions in what was made elsewhere and learned from: "
            f"{'; '.join(fresh.elsewhere)}."
        )
    return told


def follow_up_name(training_run: TrainingRun) -> str:
    """Raters read it, so it names no model."""
    generation = len(lineage(training_run.base).ancestors) + 1
    name = f"Version {generation} against version {generation + 1}"
    taken = set(Study.objects.filter(team=training_run.team_id).values_list("name", flat=True))
    number = 2
    free = name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free

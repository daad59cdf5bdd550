"""A blind study of one model's runs that differ in what it perceives of the client."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count, Q

from annotations.models import Amendment, Study
from annotations.services.study_drafts import create_study, free_name
from inference.errors import WrongStateError
from inference.models import GenerationRun, JobState, RunGroup
from inference.selectors.run_groups import runs_of_group
from inference.selectors.run_options import MODALITY_NAMES, options_of
from mood_eval.models import Team, User

TEMPLATE = "multimood-trust-both"
NAME = "Comparison of replies"
"""Raters read it, so it names neither the model nor what it perceived."""


@transaction.atomic
def draft_modality_study(group: RunGroup, user: User | None = None) -> Study:
    """Over the client turns that all of the runs answered; the same draft when asked again."""
    Team.objects.select_for_update(no_key=True).get(pk=group.team_id)  # a second click waits here
    runs = runs_of_group(group)
    known = study_of_exactly(runs)
    if known is not None:
        return known
    waiting = [str(run.pk) for run in runs if run.state != JobState.DONE]
    if waiting:
        raise WrongStateError(
            "The study can be drafted once every run is done. Not done: run "
            f"{', run '.join(waiting)}."
        )
    study = create_study(
        team=group.team, template=TEMPLATE, runs=runs, name=free_name(group.team, NAME), user=user
    )
    perceived = "; ".join(
        f"run {run.pk}: {MODALITY_NAMES[options_of(run).modality].lower()}" for run in runs
    )
    Amendment.objects.create(
        study=study,
        by=user,
        what="Drafted to compare modalities",
        reason=f"One model over the same client turns, options and seed ({perceived}).",
    )
    return study


def study_of_exactly(runs: list[GenerationRun]) -> Study | None:
    """The oldest study made from the template that compares these runs and no other."""
    among = Count("study_runs", filter=Q(study_runs__run__in=runs))
    studies = Study.objects.filter(template=TEMPLATE, team=runs[0].team_id).annotate(
        judged=Count("study_runs"), wanted=among
    )
    return studies.filter(judged=len(runs), wanted=len(runs)).order_by("pk").first()

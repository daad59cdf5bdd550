"""The analysis plan: drafted with the study, frozen by its launch."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from annotations.answers import OVERALL
from annotations.models import AnalysisPlan, Study
from annotations.selectors.analyses import plan_of
from annotations.selectors.plan_checks import asks_comparison, plan_problems, primary_choices
from annotations.services.study_drafts import lock_draft
from inference.errors import InvalidOptionsError, WrongStateError

FEWEST_RATERS = 5
PLAN_FIELDS = (
    "primary_criteria",
    "contrasts",
    "population",
    "cluster",
    "min_active_seconds",
    "answer_version",
    "stopping_rule",
)


@transaction.atomic
def save_plan(*, study: Study, **fields: Any) -> AnalysisPlan:
    """Of a draft; what is not given stays as it is, at first as in the default plan."""
    unknown = set(fields) - set(PLAN_FIELDS)
    if unknown:
        raise TypeError(f"not fields of a plan: {', '.join(sorted(unknown))}")
    study = lock_draft(study)
    plan = plan_of(study) or default_plan(study)
    for field, value in fields.items():
        setattr(plan, field, value)
    problems = list(plan_problems(study, plan))
    if problems:
        raise InvalidOptionsError(" ".join(problems))
    plan.save()
    return plan


@transaction.atomic
def drop_plan(*, study: Study) -> None:
    """Back to the default plan, which follows the draft until the launch."""
    AnalysisPlan.objects.filter(study=lock_draft(study)).delete()


@transaction.atomic
def freeze_plan(study: Study) -> AnalysisPlan:
    """Called by the launch. A draft without a plan gets the default one."""
    plan = plan_of(study) or default_plan(study)
    if plan.frozen_at is not None:
        raise WrongStateError("The analysis plan is frozen already.")
    plan.frozen_at = timezone.now()
    plan.save()
    return plan


def default_plan(study: Study) -> AnalysisPlan:
    """Of choices between responses the overall question is primary; otherwise every criterion of
    the first part, with Holm's correction over them."""
    parts = list(study.parts.all())
    primary = [
        f"{part.position}/{OVERALL}"
        for part in parts
        if asks_comparison(part) and part.with_overall
    ]
    if not primary and parts:
        first = f"{parts[0].position}/"
        primary = [key for key, _ in primary_choices(study) if key.startswith(first)]
    population = AnalysisPlan.Population
    return AnalysisPlan(
        study=study,
        primary_criteria=primary,
        # Fewer raters say too little of others: an interval for new ones would be all but empty.
        population=population.STIMULI_AND_RATERS
        if study.raters.count() >= FEWEST_RATERS
        else population.STIMULI,
        seed=study.seed,
        stopping_rule="The study closes when every assignment is submitted or skipped.",
    )

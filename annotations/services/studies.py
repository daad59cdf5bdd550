"""From a template and finished runs to frozen items with seeded, balanced assignments."""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from django.db import transaction
from django.utils import timezone

from annotations.design import (
    DesignItem,
    assign_items,
    counterbalance_sides,
    draw_stimuli,
    order_items,
)
from annotations.instruments import StudyTemplate, read_template, study_templates
from annotations.models import Assignment, Candidate, Item, Study, StudyPart, StudyRater, StudyRun
from annotations.services.instruments import ensure_instrument
from annotations.services.raters import add_raters
from inference.errors import (
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    UnknownNameError,
    WrongStateError,
)
from inference.models import GenerationRun, JobState, Response, Stimulus
from inference.selectors.run_options import names_emotions_only
from mood_eval.models import Team, User

SEED_BITS = 31


class BlindingError(DomainError):
    """What raters read would tell them which model they judge."""


@transaction.atomic
def create_study(
    *,
    team: Team,
    template: str,
    runs: Sequence[GenerationRun],
    name: str = "",
    raters: Sequence[str] = (),
    overlap: int | None = None,
    seed: int | None = None,
    user: User | None = None,
    limit: int | None = None,
) -> Study:
    """A draft: nothing is drawn before the launch. `raters` are e-mail addresses."""
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)  # one name is given once
    text = template_named(template)
    check_runs(team, text, runs)
    name = name.strip() or free_name(team, text)
    check_name(team, name, runs)
    if limit is not None and limit < 1:
        raise InvalidOptionsError("The number of stimuli has to be at least 1.")
    if overlap is not None and overlap < 1:
        raise InvalidOptionsError("Each item needs at least one rater.")
    study = Study.objects.create(
        team=team,
        name=name,
        template=text.slug,
        seed=secrets.randbits(SEED_BITS) if seed is None else seed,
        overlap=text.overlap if overlap is None else overlap,
        stimulus_limit=limit,
        block_size=text.block_size,
        response_fields=text.response_fields,
        consent_text=text.consent_text,
        content_note=text.content_note,
        contacts=text.contacts,
        created_by=user,
    )
    for position, run in enumerate(runs, start=1):
        StudyRun.objects.create(study=study, run=run, position=position)
    for position, part in enumerate(text.parts, start=1):
        StudyPart.objects.create(
            study=study,
            position=position,
            design=part.design,
            instrument=ensure_instrument(part.instrument),
            tie_allowed=part.tie_allowed,
            with_strength=part.with_strength,
            with_overall=part.with_overall,
        )
    add_raters(study, raters)
    return study


def template_named(slug: str) -> StudyTemplate:
    template = read_template(slug)
    if template is None:
        known = ", ".join(template.slug for template in study_templates())
        raise UnknownNameError(f"There is no study template named “{slug}”. Templates: {known}.")
    return template


def check_runs(team: Team, template: StudyTemplate, runs: Sequence[GenerationRun]) -> None:
    if any(run.team_id != team.pk for run in runs):
        raise UnknownNameError("One of the generation runs belongs to another team.")
    if len({run.pk for run in runs}) != len(runs):
        raise InvalidOptionsError("A generation run is named twice.")
    if len(runs) < template.min_runs:
        raise InvalidOptionsError(
            f"“{template.name}” needs at least {template.min_runs} generation runs, "
            f"not {len(runs)}."
        )
    without_replies = [str(run.pk) for run in runs if names_emotions_only(run.options)]
    if without_replies:
        raise InvalidOptionsError(
            f"Generation run {', '.join(without_replies)} names emotions only: there is no reply "
            "to judge."
        )


def free_name(team: Team, template: StudyTemplate) -> str:
    taken = set(Study.objects.filter(team=team).values_list("name", flat=True))
    number = 1
    while f"{template.name} {number}" in taken:
        number += 1
    return f"{template.name} {number}"


def check_name(team: Team, name: str, runs: Sequence[GenerationRun]) -> None:
    if Study.objects.filter(team=team, name=name).exists():
        raise InvalidOptionsError(f"The team already has a study named “{name}”.")
    for run in runs:
        model = run.model_version.name
        if re.search(rf"(?<!\w){re.escape(model)}(?!\w)", name, re.IGNORECASE):
            raise BlindingError(
                f"Raters see the name of the study, so it must not name a model: “{model}”."
            )


@transaction.atomic
def launch_study(study: Study) -> Study:
    """Freezes items, candidates and assignments; from here on the study is open for rating."""
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.state != Study.State.DRAFT:
        raise WrongStateError(f"Only a draft can be launched; this study is {study.state}.")
    raters = list(study.raters.order_by("pseudonym"))
    if len(raters) < study.overlap:
        raise InvalidOptionsError(
            f"Each item is to be judged by {study.overlap} raters, but only {len(raters)} "
            "are invited."
        )
    responses = answered_by_all(study)
    position: dict[int, int] = defaultdict(int)
    for part in study.parts.all():
        deal_part(study, part, raters, responses, position)
    study.state, study.launched_at = Study.State.OPEN, timezone.now()
    study.save(update_fields=["state", "launched_at"])
    return study


def answered_by_all(study: Study) -> dict[int, list[Response]]:
    """Stimulus -> its responses in the order of the runs, where every run has answered.

    Of a run with several answers a stimulus the first one stands for the model."""
    runs = [link.run for link in study.study_runs.select_related("run")]
    unfinished = [str(run.pk) for run in runs if run.state != JobState.DONE]
    if unfinished:
        raise WrongStateError(f"Generation run {', '.join(unfinished)} is not finished.")
    found: dict[int, dict[int, Response]] = defaultdict(dict)
    answers = Response.objects.filter(run__in=runs, sample=0, error="")
    for response in answers.only("id", "run", "stimulus"):
        found[response.stimulus_id][response.run_id] = response
    stimuli = sorted(key for key, answers in found.items() if len(answers) == len(runs))
    if not stimuli:
        raise NothingSelectedError("No stimulus was answered by all runs of the study.")
    if study.stimulus_limit is not None and study.stimulus_limit < len(stimuli):
        dialogues = dict(Stimulus.objects.filter(pk__in=stimuli).values_list("pk", "dialogue_id"))
        stimuli = sorted(draw_stimuli(dialogues, study.stimulus_limit, study.seed))
    return {key: [found[key][run.pk] for run in runs] for key in stimuli}


def deal_part(
    study: Study,
    part: StudyPart,
    raters: Sequence[StudyRater],
    responses: dict[int, list[Response]],
    position: dict[int, int],
) -> None:
    """Makes the part's items and gives them out; `position` counts each rater's items so far."""
    shown = make_items(part, responses)
    design = [
        DesignItem(item, answers[0].stimulus_id, tuple(answer.run_id for answer in answers))
        for item, answers in shown.items()
    ]
    by_key = {item.key: item for item in design}
    places = range(len(raters))
    seed = study.seed + part.position
    given = assign_items(
        design, places, study.overlap, seed, {place: position[place] for place in places}
    )
    assignments: list[Assignment] = []
    for place in places:
        order = order_items([by_key[key] for key in given[place]], seed, place)
        for key, answers in zip(order, sides(order, shown, seed, place), strict=True):
            position[place] += 1
            assignments.append(
                Assignment(
                    item_id=key,
                    rater=raters[place],
                    position=position[place],
                    display_order=[answer.pk for answer in answers],
                )
            )
    Assignment.objects.bulk_create(assignments, batch_size=1000)


def make_items(
    part: StudyPart, responses: dict[int, list[Response]]
) -> dict[int, tuple[Response, ...]]:
    """Item -> its candidates' responses: one for scores, each two for a choice."""
    size = 2 if part.design == StudyPart.Design.PAIRWISE else 1
    groups = [group for answers in responses.values() for group in combinations(answers, size)]
    items = Item.objects.bulk_create(
        Item(part=part, position=position, stimulus_id=group[0].stimulus_id)
        for position, group in enumerate(groups, start=1)
    )
    Candidate.objects.bulk_create(
        Candidate(item=item, response=response)
        for item, group in zip(items, groups, strict=True)
        for response in group
    )
    return {item.pk: group for item, group in zip(items, groups, strict=True)}


def sides(
    order: Sequence[int], shown: dict[int, tuple[Response, ...]], seed: int, place: int
) -> list[tuple[Response, ...]]:
    groups = [shown[key] for key in order]
    if not groups or len(groups[0]) == 1:
        return groups
    swaps = counterbalance_sides([(one.run_id, two.run_id) for one, two in groups], seed, place)
    return [
        (two, one) if swap else (one, two) for (one, two), swap in zip(groups, swaps, strict=True)
    ]


@transaction.atomic
def close_study(study: Study) -> Study:
    """Answers that arrive later are kept apart; nothing that was said is lost."""
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.state != Study.State.OPEN:
        raise WrongStateError(f"Only an open study can be closed; this study is {study.state}.")
    study.state, study.closed_at = Study.State.CLOSED, timezone.now()
    study.save(update_fields=["state", "closed_at"])
    return study

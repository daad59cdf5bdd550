"""Drafts: made from a template or empty, filled step by step, free to change until the launch."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from annotations.instruments import GateTemplate, StudyTemplate, read_template, study_templates
from annotations.models import Gate, Instrument, Study, StudyPart, StudyRun
from annotations.selectors.study_choices import SHIPPED
from annotations.services.instruments import ensure_instrument
from annotations.services.raters import add_raters
from inference.errors import DomainError, InvalidOptionsError, UnknownNameError, WrongStateError
from inference.models import GenerationRun
from inference.selectors.run_options import names_emotions_only
from mood_eval.models import Team, User

SEED_BITS = 31
OWN_DESIGN = "own"
"""In place of a template's name, where a study began empty."""
TEXTS = ("consent_text", "content_note", "contacts")
TEXTS_FROM = "multimood-trust-rating"
"""A template whose texts are those of every study."""
FROM_TEMPLATE = (
    *TEXTS,
    "overlap",
    "block_size",
    "response_fields",
    "show_chain",
    "rotate_criteria",
    "repeat_share",
    "longest_ratio",
    "guess_sources",
    "break_minutes",
    "daily_minutes",
    "check_in",
)
PART_FIELDS = (
    "design",
    "unit",
    "candidates",
    "same_raters",
    "tie_allowed",
    "with_strength",
    "with_overall",
    "resolution",
    "dispute_range",
    "dispute_disagreement",
    "dispute_flags",
)
EDITABLE = {
    *FROM_TEMPLATE,
    "stimulus_limit",
    "seed",
    "blind_researchers",
    "flag_readers",
    "flag_reading_times",
    "recruitment",
    "payment",
    "ethics_approval",
}


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
    longest_ratio: float | None = None,
    blind_researchers: bool = False,
) -> Study:
    """A draft: nothing is drawn before the launch. `raters` are e-mail addresses. What is not
    given is as the template says."""
    text = template_named(template)
    if len(runs) < text.min_runs:
        raise InvalidOptionsError(
            f"“{text.name}” needs at least {text.min_runs} generation runs, not {len(runs)}."
        )
    check_name(team, name.strip(), runs)
    study = start_draft(
        team=team,
        template=template,
        name=name,
        seed=seed,
        user=user,
        blind_researchers=blind_researchers,
    )
    ratio = study.longest_ratio if longest_ratio is None else longest_ratio
    study = choose_replies(study=study, runs=runs, limit=limit, longest_ratio=ratio)
    if overlap is not None:
        study = edit_draft(study=study, overlap=overlap)
    add_raters(study, raters)
    return study


@transaction.atomic
def start_draft(
    *,
    team: Team,
    template: str = "",
    name: str = "",
    seed: int | None = None,
    user: User | None = None,
    blind_researchers: bool = False,
) -> Study:
    """With everything the template says; without one there are no parts."""
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)  # one name is given once
    text = template_named(template) if template else None
    name = name.strip() or free_name(team, text.name if text else "Study")
    said = FROM_TEMPLATE if text else TEXTS
    check_name(team, name, ())
    study = Study.objects.create(
        team=team,
        name=name,
        template=text.slug if text else OWN_DESIGN,
        seed=secrets.randbits(SEED_BITS) if seed is None else seed,
        blind_researchers=blind_researchers,
        created_by=user,
        **{field: getattr(text or template_named(TEXTS_FROM), field) for field in said},
    )
    for position, part in enumerate(text.parts if text else (), start=1):
        row = StudyPart.objects.create(
            study=study,
            position=position,
            instrument=ensure_instrument(part.instrument),
            **{field: getattr(part, field) for field in PART_FIELDS},
        )
        if part.gate is not None:
            Gate.objects.create(part=row, **gate_rules(part.gate))
    return study


def gate_rules(gate: GateTemplate) -> dict[str, Any]:
    return {name: getattr(gate, name) for name in GateTemplate.__dataclass_fields__}


def template_named(slug: str) -> StudyTemplate:
    template = read_template(slug)
    if template is None:
        known = ", ".join(template.slug for template in study_templates())
        raise UnknownNameError(f"There is no study template named “{slug}”. Templates: {known}.")
    return template


@transaction.atomic
def rename_draft(*, study: Study, name: str, blind_researchers: bool) -> Study:
    study = lock_draft(study)
    name = name.strip()
    if name != study.name:
        Team.objects.select_for_update(no_key=True).get(pk=study.team_id)
        check_name(study.team, name, runs_of(study))
        study.name = name
    study.blind_researchers = blind_researchers
    study.save(update_fields=["name", "blind_researchers"])
    return study


@transaction.atomic
def choose_replies(
    *,
    study: Study,
    runs: Sequence[GenerationRun],
    limit: int | None = None,
    longest_ratio: float | None = None,
    seed: int | None = None,
) -> Study:
    """Whose replies are judged, and to how many client turns; the runs keep this order. Without a
    seed the study keeps its own."""
    study = lock_draft(study)
    check_runs(study.team, runs)
    check_blind(study.name, runs)
    if limit is not None and limit < 1:
        raise InvalidOptionsError("The number of stimuli has to be at least 1.")
    if longest_ratio is not None and longest_ratio < 1:
        raise InvalidOptionsError(
            "The longest reply is at least as long as the shortest: give 1 or more, such as 2."
        )
    study.study_runs.all().delete()
    StudyRun.objects.bulk_create(
        StudyRun(study=study, run=run, position=position)
        for position, run in enumerate(runs, start=1)
    )
    study.stimulus_limit, study.longest_ratio = limit, longest_ratio
    study.seed = study.seed if seed is None else seed
    study.save(update_fields=["stimulus_limit", "longest_ratio", "seed"])
    return study


@transaction.atomic
def edit_draft(*, study: Study, **changes: Any) -> Study:
    """Fields of the study itself, by name."""
    unknown = set(changes) - EDITABLE
    if unknown:
        raise TypeError(f"not fields of a draft: {', '.join(sorted(unknown))}")
    study = lock_draft(study)
    if changes.get("overlap", 1) < 1:
        raise InvalidOptionsError("Each item needs at least one rater.")
    if not 0 <= changes.get("repeat_share", 0) <= 1:
        raise InvalidOptionsError("The share of items that come again lies between 0 and 100 %.")
    for field, value in changes.items():
        setattr(study, field, value)
    study.save(update_fields=list(changes))
    return study


@transaction.atomic
def save_part(
    *, study: Study, instrument: str, position: int | None = None, **fields: Any
) -> StudyPart:
    """Changes the part at this position, or adds one behind the others. `instrument`: the number
    of a row, or the name of a shipped one as "shipped:name"."""
    study = lock_draft(study)
    asked = instrument_named(study.team, instrument)
    if position is None:
        part = StudyPart(study=study, position=study.parts.count() + 1)
    else:
        part = study.parts.get(position=position)
        changed = (part.design, part.unit, part.instrument_id) != (
            fields.get("design", part.design),
            fields.get("unit", part.unit),
            asked.pk,
        )
        if changed:
            check_no_panel(part, "change what it asks")
    part.instrument = asked
    for field in PART_FIELDS:
        setattr(part, field, fields.get(field, getattr(part, field)))
    part.save()
    return part


def instrument_named(team: Team, name: str) -> Instrument:
    if name.startswith(SHIPPED):
        return ensure_instrument(name.removeprefix(SHIPPED))
    rows = Instrument.objects.filter(Q(team=None) | Q(team=team))
    found = rows.filter(pk=int(name)).first() if name.isdecimal() else None
    if found is None:
        raise UnknownNameError("The team has no such instrument.")
    return found


@transaction.atomic
def remove_part(*, study: Study, position: int) -> Study:
    """The parts behind it move up."""
    study = lock_draft(study)
    part = study.parts.get(position=position)
    check_no_panel(part, "remove the part")
    part.delete()
    for place, row in enumerate(study.parts.order_by("position"), start=1):
        if row.position != place:
            row.position = place
            row.save(update_fields=["position"])
    return study


def check_no_panel(part: StudyPart, act: str) -> None:
    panel = part.items.count()
    if panel:
        raise InvalidOptionsError(
            f"Part {part.position} has a reference panel of {panel} items, whose answers would "
            f"be lost. Remove the panel first, then {act}."
        )


@transaction.atomic
def invite_raters(*, study: Study, emails: Sequence[str]) -> int:
    """How many are new to the draft."""
    return len(add_raters(lock_draft(study), emails))


def lock_draft(study: Study) -> Study:
    study = Study.objects.select_for_update(of=("self",)).select_related("team").get(pk=study.pk)
    if study.state != Study.State.DRAFT:
        raise WrongStateError(
            f"This study is {study.state}: what it asks and shows was frozen by its launch. "
            "Texts and times can be changed by an amendment, with a reason."
        )
    return study


def check_runs(team: Team, runs: Sequence[GenerationRun]) -> None:
    if any(run.team_id != team.pk for run in runs):
        raise UnknownNameError("One of the generation runs belongs to another team.")
    if len({run.pk for run in runs}) != len(runs):
        raise InvalidOptionsError("A generation run is named twice.")
    without_replies = [str(run.pk) for run in runs if names_emotions_only(run.options)]
    if without_replies:
        raise InvalidOptionsError(
            f"Generation run {', '.join(without_replies)} names emotions only: there is no reply "
            "to judge."
        )


def free_name(team: Team, base: str) -> str:
    taken = set(Study.objects.filter(team=team).values_list("name", flat=True))
    number = 1
    while f"{base} {number}" in taken:
        number += 1
    return f"{base} {number}"


def check_name(team: Team, name: str, runs: Iterable[GenerationRun]) -> None:
    if Study.objects.filter(team=team, name=name).exists():
        raise InvalidOptionsError(f"The team already has a study named “{name}”.")
    check_blind(name, runs)


def check_blind(name: str, runs: Iterable[GenerationRun]) -> None:
    for run in runs:
        model = run.model_version.name
        if re.search(rf"(?<!\w){re.escape(model)}(?!\w)", name, re.IGNORECASE):
            raise BlindingError(
                f"Raters see the name of the study, so it must not name a model: “{model}”."
            )


def runs_of(study: Study) -> list[GenerationRun]:
    links = study.study_runs.select_related("run__model_version")
    return [link.run for link in links]

"""Studies with given answers, written straight into the tables, for results and releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from annotations.models import (
    Assignment,
    Candidate,
    Criterion,
    Flag,
    Instrument,
    Item,
    Preference,
    Rating,
    Study,
    StudyPart,
    StudyRater,
    StudyRun,
)
from annotations.models.rating import CannotRate
from inference.models import GenerationRun, Response, Stimulus
from mood_eval.models import Team
from tests.factories import make_user

TIE = 0
NEITHER = "neither"
CLEARLY_FIRST, SLIGHTLY_FIRST, SLIGHTLY_SECOND, CLEARLY_SECOND = -2, -1, 1, 2


def make_instrument(slug: str = "small", criteria: Sequence[str] = ("empathy",)) -> Instrument:
    instrument = Instrument.objects.create(slug=slug, name=slug.title(), citation="Ada (2026).")
    for position, name in enumerate(criteria):
        Criterion.objects.create(
            instrument=instrument,
            slug=name,
            position=position,
            name=name.title(),
            definition=f"What {name} is.",
            guiding_question=f"How much {name} is there?",
        )
    return instrument


def add_criterion(instrument: Instrument, slug: str, **fields: Any) -> Criterion:
    return Criterion.objects.create(
        instrument=instrument,
        slug=slug,
        position=instrument.criteria.count(),
        name=fields.pop("name", slug.title()),
        definition=f"What {slug} is.",
        guiding_question=f"How is it with {slug}?",
        **fields,
    )


def options(*labels: str) -> list[dict[str, Any]]:
    """Of a choice: values from 0 in order."""
    return [{"value": value, "label": label} for value, label in enumerate(labels)]


def make_study(
    team: Team,
    runs: Sequence[GenerationRun],
    *,
    raters: int = 2,
    name: str = "First study",
    state: str = Study.State.OPEN,
) -> Study:
    study = Study.objects.create(
        team=team, name=name, template="test", state=state, seed=1, consent_text="I take part."
    )
    for position, run in enumerate(runs):
        StudyRun.objects.create(study=study, run=run, position=position)
    for number in range(raters):
        user = make_user(f"rater{number}-{study.pk}@example.org")
        StudyRater.objects.create(
            study=study, user=user, pseudonym=f"R{number + 1}", allows_training=True
        )
    return study


def add_part(study: Study, design: str, instrument: Instrument, **fields: Any) -> StudyPart:
    position = study.parts.count()
    return StudyPart.objects.create(
        study=study, position=position, design=design, instrument=instrument, **fields
    )


def add_item(part: StudyPart, stimulus: Stimulus, responses: Sequence[Response]) -> Item:
    item = Item.objects.create(part=part, position=part.items.count(), stimulus=stimulus)
    for response in responses:
        Candidate.objects.create(item=item, response=response)
    return item


def assign(item: Item, rater: StudyRater, **fields: Any) -> Assignment:
    fields.setdefault("state", Assignment.State.SUBMITTED)
    if fields["state"] == Assignment.State.SUBMITTED:
        fields["submitted_at"] = timezone.now()
    if fields.get("role", Assignment.Role.INDEPENDENT) == Assignment.Role.INDEPENDENT:
        fields.setdefault("slot", item.assignments.filter(slot__isnull=False).count() + 1)
    order = list(item.candidates.order_by("-response_id").values_list("response_id", flat=True))
    return Assignment.objects.create(
        item=item,
        rater=rater,
        position=rater.assignments.count() + 1,
        display_order=order,
        **fields,
    )


def score(
    item: Item, rater: StudyRater, scores: Mapping[str, int | str | None], **fields: Any
) -> Assignment:
    """Criterion -> score, or the reason why it cannot be rated. One candidate in the item."""
    assignment = assign(item, rater, **fields)
    for slug, value in scores.items():
        reason = value if isinstance(value, str) else ""
        if reason:
            assert reason in CannotRate.values
        Rating.objects.create(
            assignment=assignment,
            candidate=item.candidates.get(),
            criterion=item.part.instrument.criteria.get(slug=slug),
            score=None if reason else value,
            cannot_rate=reason,
        )
    return assignment


def answer(
    item: Item, rater: StudyRater, given: Mapping[str, int | list[Any] | str], **fields: Any
) -> Assignment:
    """Criterion -> a score or the value of an option, a list of options or of (start, end) marked,
    words, or a reason of CannotRate why there is none. One candidate in the item."""
    assignment = assign(item, rater, **fields)
    for slug, value in given.items():
        criterion = item.part.instrument.criteria.get(slug=slug)
        said: dict[str, Any] = {"score": value} if isinstance(value, int) else {"content": value}
        if value in CannotRate.values:
            said = {"cannot_rate": value}
        elif criterion.kind == Criterion.Kind.SPANS and isinstance(value, list):
            said["content"] = [
                {"start": start, "end": end, "text": "", "note": ""} for start, end in value
            ]
        Rating.objects.create(
            assignment=assignment, candidate=item.candidates.get(), criterion=criterion, **said
        )
    return assignment


def pick(
    item: Item, rater: StudyRater, response: Response | str | None, slug: str = "", **fields: Any
) -> Assignment:
    """The best of several; None for a tie, or the reason why there is no answer."""
    assignment = _given_before(item, rater, fields) or assign(item, rater, **fields)
    said: dict[str, Any] = {"strength": 0}
    if isinstance(response, str):
        said = {"cannot_rate": response}
    elif response is not None:
        said = {"strength": 1, "preferred": item.candidates.get(response=response)}
    Preference.objects.create(assignment=assignment, criterion=_criterion(item, slug), **said)
    return assignment


def rank(
    item: Item,
    rater: StudyRater,
    ranks: Mapping[Response, int] | str,
    slug: str = "",
    **fields: Any,
) -> Assignment:
    assignment = _given_before(item, rater, fields) or assign(item, rater, **fields)
    said: dict[str, Any] = {"cannot_rate": ranks}
    if not isinstance(ranks, str):
        said = {"ranks": {str(response.pk): place for response, place in ranks.items()}}
    Preference.objects.create(assignment=assignment, criterion=_criterion(item, slug), **said)
    return assignment


def _given_before(item: Item, rater: StudyRater, fields: Mapping[str, Any]) -> Assignment | None:
    role = fields.get("role", Assignment.Role.INDEPENDENT)
    return item.assignments.filter(rater=rater, role=role).first()


def _criterion(item: Item, slug: str) -> Criterion | None:
    return item.part.instrument.criteria.get(slug=slug) if slug else None


def choose(
    item: Item, rater: StudyRater, value: int | str, slug: str = "", **given: Any
) -> Assignment:
    """-2 .. 2 from the candidate of the lower response id to the other, NEITHER, or a reason."""
    assignment = _given_before(item, rater, given) or assign(item, rater, **given)
    first, second = item.candidates.order_by("response_id")
    fields: dict[str, Any] = {"strength": 0}
    if value == NEITHER:
        fields["tie_kind"] = Preference.TieKind.NEITHER_ACCEPTABLE
    elif isinstance(value, str):
        fields = {"strength": None, "cannot_rate": value}
    elif value:
        fields = {"strength": abs(value), "preferred": first if value < 0 else second}
    Preference.objects.create(
        assignment=assignment,
        criterion=_criterion(item, slug),
        **fields,
    )
    return assignment


def flag_harm(assignment: Assignment, response: Response) -> Flag:
    return Flag.objects.create(
        assignment=assignment,
        candidate=assignment.item.candidates.get(response=response),
        kind=Flag.Kind.HARM,
    )


def responses_by_stimulus(runs: Sequence[GenerationRun]) -> list[tuple[Stimulus, list[Response]]]:
    """Stimuli in corpus order, each with one response per run in the order of the runs."""
    stimuli = Stimulus.objects.filter(responses__run=runs[0]).order_by("pk")
    return [
        (stimulus, [Response.objects.get(run=run, stimulus=stimulus) for run in runs])
        for stimulus in stimuli
    ]

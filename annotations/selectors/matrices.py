"""Submitted, independent answers of persons as arrays: one matrix per criterion of a part."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from annotations.answers import OVERALL, OVERALL_QUESTION
from annotations.models import (
    Assignment,
    Candidate,
    Item,
    Preference,
    Rating,
    StudyPart,
    StudyRater,
    StudyRun,
)
from annotations.models.rating import CannotRate

NOT_SUBMITTED, SKIPPED, NO_ANSWER = "not_submitted", "skipped", "no_answer"
MISSING_LABELS = {
    NOT_SUBMITTED: "Not submitted yet",
    SKIPPED: "Skipped",
    NO_ANSWER: "No answer",
    **{str(value): str(label) for value, label in CannotRate.choices},
}
PAIRWISE_SCALE = (-2, 2)
COUNTED = Q(
    assignment__role=Assignment.Role.INDEPENDENT,
    assignment__state=Assignment.State.SUBMITTED,
    assignment__rater__kind=StudyRater.Kind.PERSON,
)
"""Ratings and preferences that enter figures."""


@dataclass(frozen=True)
class CriterionMatrix:
    """values: raters x units, NaN where a rater gave none.

    A unit is a candidate (absolute) or an item (pairwise, where the value runs from -2, clearly the
    candidate of the run that the study names first, to 2, clearly the other).
    """

    slug: str
    name: str
    guiding_question: str
    scale: tuple[int, int]
    raters: tuple[str, ...]
    units: tuple[int, ...]
    values: NDArray[np.float64]
    missing: dict[str, int]


@dataclass(frozen=True)
class _Answer:
    assignment: UUID
    criterion: int | None
    unit: int
    value: float | None
    cannot_rate: str


def independent_assignments(part: StudyPart) -> QuerySet[Assignment]:
    """First answers of persons: no repeats, adjudications, trainings or LLM judges."""
    return Assignment.objects.filter(
        item__part=part,
        role=Assignment.Role.INDEPENDENT,
        rater__kind=StudyRater.Kind.PERSON,
    )


def criterion_matrices(part: StudyPart) -> list[CriterionMatrix]:
    pairwise = part.design == StudyPart.Design.PAIRWISE
    units_of_item = _items_as_units(part) if pairwise else _candidates_as_units(part)
    answers = _choices(part) if pairwise else _scores(part)
    by_criterion: dict[int | None, list[_Answer]] = defaultdict(list)
    for answer in answers:
        by_criterion[answer.criterion].append(answer)
    assignments = list(
        independent_assignments(part).values_list("pk", "item_id", "state", "rater__pseudonym")
    )
    return [
        _matrix(name, scale, units_of_item, assignments, by_criterion[key])
        for key, name, scale in _criteria(part)
    ]


def _criteria(
    part: StudyPart,
) -> list[tuple[int | None, tuple[str, str, str], tuple[int, int]]]:
    pairwise = part.design == StudyPart.Design.PAIRWISE
    criteria: list[tuple[int | None, tuple[str, str, str], tuple[int, int]]] = [
        (
            criterion.pk,
            (criterion.slug, criterion.name, criterion.guiding_question),
            PAIRWISE_SCALE if pairwise else (criterion.scale_min, criterion.scale_max),
        )
        for criterion in part.instrument.criteria.all()
    ]
    if pairwise and part.with_overall:
        criteria.append((None, (OVERALL, "Overall", OVERALL_QUESTION), PAIRWISE_SCALE))
    return criteria


def _matrix(
    name: tuple[str, str, str],
    scale: tuple[int, int],
    units_of_item: dict[int, list[int]],
    assignments: list[tuple[UUID, int, str, str]],
    answers: Iterable[_Answer],
) -> CriterionMatrix:
    given = {(answer.assignment, answer.unit): answer for answer in answers}
    raters = sorted({pseudonym for *_, pseudonym in assignments})
    units = [unit for units in units_of_item.values() for unit in units]
    row, column = ({key: i for i, key in enumerate(keys)} for keys in (raters, units))
    values = np.full((len(raters), len(units)), np.nan)
    missing: Counter[str] = Counter()
    for pk, item, state, pseudonym in assignments:
        for unit in units_of_item[item]:
            answer = given.get((pk, unit))
            if state == Assignment.State.SUBMITTED and answer and answer.value is not None:
                values[row[pseudonym], column[unit]] = answer.value
            else:
                missing[_missing_kind(state, answer)] += 1
    slug, title, question = name
    return CriterionMatrix(
        slug=slug,
        name=title,
        guiding_question=question,
        scale=scale,
        raters=tuple(raters),
        units=tuple(units),
        values=values,
        missing=dict(sorted(missing.items())),
    )


def _missing_kind(state: str, answer: _Answer | None) -> str:
    if state == Assignment.State.SKIPPED:
        return SKIPPED
    if state != Assignment.State.SUBMITTED:
        return NOT_SUBMITTED
    return answer.cannot_rate if answer else NO_ANSWER


def _candidates_as_units(part: StudyPart) -> dict[int, list[int]]:
    units: dict[int, list[int]] = {pk: [] for pk in _item_ids(part)}
    candidates = Candidate.objects.filter(item__part=part).order_by("response_id")
    for pk, item in candidates.values_list("pk", "item_id"):
        units[item].append(pk)
    return units


def _items_as_units(part: StudyPart) -> dict[int, list[int]]:
    return {pk: [pk] for pk in _item_ids(part)}


def _item_ids(part: StudyPart) -> list[int]:
    return list(Item.objects.filter(part=part).order_by("position").values_list("pk", flat=True))


def _scores(part: StudyPart) -> list[_Answer]:
    rows = Rating.objects.filter(assignment__in=independent_assignments(part))
    fields = ("assignment_id", "criterion_id", "candidate_id", "score", "cannot_rate")
    return [_Answer(*row) for row in rows.values_list(*fields)]


def _choices(part: StudyPart) -> list[_Answer]:
    rows = Preference.objects.filter(assignment__in=independent_assignments(part))
    fields = (
        "assignment_id",
        "criterion_id",
        "assignment__item_id",
        "preferred_id",
        "strength",
        "cannot_rate",
    )
    first = first_candidates(part)
    return [
        _Answer(assignment, criterion, item, _signed(preferred, strength, first[item]), cannot_rate)
        for assignment, criterion, item, preferred, strength, cannot_rate in rows.values_list(
            *fields
        )
    ]


def first_candidates(part: StudyPart) -> dict[int, int]:
    """Item -> its candidate of the run named first: the side that counts as negative.

    The same model on the same side of every item, whichever run happened to answer a turn first:
    alpha changes when single items are turned round.
    """
    place = dict(StudyRun.objects.filter(study=part.study_id).values_list("run_id", "position"))
    rows = Candidate.objects.filter(item__part=part).values_list(
        "response__run_id", "response_id", "item_id", "pk"
    )
    last_first = sorted(rows, key=lambda row: (place.get(row[0], 0), row[1]), reverse=True)
    return {item: pk for _, _, item, pk in last_first}


def _signed(preferred: int | None, strength: int | None, first: int) -> float | None:
    if strength is None:
        return None
    return float(-strength if preferred == first else strength)

"""A part of a study as arrays, whatever its design: see study_arrays for what they hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from django.db.models import Q

from annotations.models import Assignment, StudyPart, StudyRater, StudyRun
from annotations.selectors import study_rows
from annotations.selectors.judge_evidence import facts_of_judges
from annotations.selectors.study_answers import read_part
from annotations.selectors.study_arrays import PartData
from annotations.selectors.study_beside import Beside, beside_of
from annotations.selectors.study_rows import Wanted
from annotations.selectors.study_units import Units, study_units

COUNTED = Q(
    assignment__role=Assignment.Role.INDEPENDENT,
    assignment__state=Assignment.State.SUBMITTED,
    assignment__rater__kind=StudyRater.Kind.PERSON,
)
"""Ratings and preferences that enter figures."""
Role, Kind = Assignment.Role, StudyRater.Kind


def part_data(part: StudyPart) -> PartData:
    """Of people and of judges what they answered independently; whatever else was answered stands
    apart."""
    reading = _Reading(part)
    units = study_units(part)
    people = reading.raters(Role.INDEPENDENT)
    data = reading.answers(units, Role.INDEPENDENT, people)
    judges = reading.raters(Role.INDEPENDENT, Kind.LLM)
    return replace(
        data,
        judges=(reading.answers(units, Role.INDEPENDENT, judges),) if judges else (),
        repeats=reading.answers(units, Role.REPEAT, people) if reading.has(Role.REPEAT) else None,
        beside=replace(
            reading.beside(units, data), judged=facts_of_judges(part, set(judges.values()))
        ),
    )


@dataclass(frozen=True)
class _Reading:
    """Of one part: what all its tables have in common is read once."""

    part: StudyPart

    @cached_property
    def first_version(self) -> bool:
        return study_rows.counts_first_version(self.part)

    @cached_property
    def sources(self) -> tuple[int, ...]:
        runs = StudyRun.objects.filter(study=self.part.study_id).order_by("position", "pk")
        return tuple(runs.values_list("run_id", flat=True))

    @cached_property
    def everyone(self) -> list[tuple[int, str, str, str]]:
        """(rater, pseudonym, kind, role), in the order of pseudonyms."""
        rows = Assignment.objects.filter(item__part=self.part).values_list(
            "rater_id", "rater__pseudonym", "rater__kind", "role"
        )
        return sorted(rows.order_by().distinct(), key=lambda row: row[1])

    def has(self, role: str) -> bool:
        return any(row[3] == role for row in self.everyone)

    def raters(self, role: str, kind: str = Kind.PERSON) -> dict[int, str]:
        return {pk: name for pk, name, its, given in self.everyone if (its, given) == (kind, role)}

    def answers(self, units: Units, role: str, raters: dict[int, str]) -> PartData:
        wanted = Wanted(self.part, str(role), self.first_version)
        return read_part(wanted, units, raters, self.sources)

    def beside(self, units: Units, data: PartData) -> Beside:
        further = None
        if self.has(Role.ADJUDICATION):
            people = self.raters(Role.ADJUDICATION)
            further = self.answers(units, Role.ADJUDICATION, people)
        return beside_of(data, further)

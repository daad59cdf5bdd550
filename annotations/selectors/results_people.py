"""What the raters of a study say of themselves, as counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from annotations.models import Assignment, Study, StudyRater

UNSAID = "not said"
YEARS = ((0, 1), (2, 5), (6, 10), (11, 20))


@dataclass(frozen=True)
class Facet:
    name: str
    columns: tuple[str, str]
    rows: tuple[tuple[str, int], ...]


def rater_descriptors(study: Study) -> list[Facet]:
    """Of people with a submitted independent answer; empty where nobody said anything."""
    answered = Assignment.objects.filter(
        rater=OuterRef("pk"),
        role=Assignment.Role.INDEPENDENT,
        state=Assignment.State.SUBMITTED,
    )
    people = StudyRater.objects.filter(
        Exists(answered), study=study, kind=StudyRater.Kind.PERSON
    ).values_list("pk", "profession", "licence", "years_of_practice", "languages")
    rows = list(people)
    if not any(any(value not in ("", None) for value in row[1:]) for row in rows):
        return []
    languages = (one for row in rows for one in _split(row[4]))
    return [
        _facet("Profession", (row[1] for row in rows)),
        _facet("Licence", (row[2] for row in rows)),
        _facet("Years of practice", (_years(row[3]) for row in rows)),
        _facet("Language", languages),
    ]


def _facet(name: str, values: Iterable[str]) -> Facet:
    times = Counter(" ".join(value.split()) or UNSAID for value in values)
    ordered = sorted(times.items(), key=lambda pair: (pair[0] == UNSAID, -pair[1], pair[0]))
    return Facet(name, (name, "Raters"), tuple(ordered))


def _years(years: int | None) -> str:
    if years is None:
        return ""
    span = next((span for span in YEARS if span[0] <= years <= span[1]), None)
    return f"{span[0]} to {span[1]}" if span else f"more than {YEARS[-1][1]}"


def _split(languages: str) -> list[str]:
    """A rater may name several."""
    return [part.strip() for part in languages.replace(";", ",").split(",") if part.strip()] or [""]

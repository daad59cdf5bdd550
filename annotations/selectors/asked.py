"""The questions of a part of a study, as answers to them are read."""

from __future__ import annotations

from functools import lru_cache

from annotations.answers import LETTERS, OVERALL, Asked
from annotations.models import Criterion, Preference, Study, StudyPart
from annotations.models.rating import CannotRate

REASONS: tuple[str, ...] = tuple(CannotRate.values)
TIE_KINDS: tuple[str, ...] = tuple(Preference.TieKind.values)


def criteria_in_part(part: StudyPart, study: Study) -> tuple[Criterion, ...]:
    """In the instrument's order. They are shared by all who ask: nobody may change them."""
    if study.state == Study.State.DRAFT:
        return criteria_of(part.instrument_id)
    return frozen_criteria(part.instrument_id)


def criteria_of(instrument: int) -> tuple[Criterion, ...]:
    return tuple(Criterion.objects.filter(instrument=instrument).order_by("position"))


@lru_cache(maxsize=256)
def frozen_criteria(instrument: int) -> tuple[Criterion, ...]:
    """The database refuses every change of them once a study was launched."""
    return criteria_of(instrument)


def questions_in_part(part: StudyPart, study: Study) -> dict[str, Criterion | None]:
    """Question -> its criterion; the overall question has none."""
    questions: dict[str, Criterion | None] = {c.slug: c for c in criteria_in_part(part, study)}
    if has_overall(part):
        questions.setdefault(OVERALL, None)
    return questions


def has_overall(part: StudyPart) -> bool:
    return part.with_overall and part.design != StudyPart.Design.ABSOLUTE


def asked_after_text(criterion: Criterion) -> bool:
    """Where a study shows labels after the text: they come with the reasoning, in a second step."""
    return criterion.about_labels or bool(criterion.about_chain)


def asked_of(
    part: StudyPart, criterion: Criterion | None, candidates: int, shown: str = ""
) -> Asked:
    """candidates: how many are shown. shown: the text in which passages are marked."""
    pairwise = part.design == StudyPart.Design.PAIRWISE
    return Asked(
        design=part.design,
        kind=criterion.kind if criterion else Criterion.Kind.SCORE,
        low=criterion.scale_min if criterion else 0,
        high=criterion.scale_max if criterion else 0,
        values=tuple(option["value"] for option in criterion.options) if criterion else (),
        letters=LETTERS[:candidates],
        ties=part.tie_allowed,
        strength=part.with_strength and pairwise,
        tie_kinds=TIE_KINDS if criterion is None and pairwise else (),
        reasons=REASONS,
        shown=shown,
    )

"""What is asked in a part, as its figures name it."""

from __future__ import annotations

from dataclasses import replace

from annotations.answers import OVERALL, OVERALL_QUESTION
from annotations.models import Criterion, StudyPart
from annotations.selectors.study_arrays import OPTION, PICK, RANKS, CriterionInfo

PAIRWISE_SCALE = (-2, 2)
Kind, Design = Criterion.Kind, StudyPart.Design


def criteria_of(part: StudyPart, sources: int = 0) -> list[CriterionInfo]:
    """What is asked in the part, as its figures name it. sources: models of the study."""
    criteria = list(part.instrument.criteria.all())
    if part.design == Design.ABSOLUTE:
        return [info for criterion in criteria for info in criterion_infos(criterion)]
    kind, level, scale = {
        Design.PAIRWISE: (Kind.SCORE.value, "ordinal", PAIRWISE_SCALE),
        Design.BEST_OF_N: (PICK, "nominal", (0, max(1, sources - (not part.tie_allowed)))),
        Design.RANKING: (RANKS, "ordinal", (0, max(1, sources))),
    }[Design(part.design)]
    found = [
        CriterionInfo(c.slug, c.name, c.guiding_question, scale, c.pk, kind, level)
        for c in criteria
    ]
    if part.with_overall and all(criterion.slug != OVERALL for criterion in criteria):
        found.append(CriterionInfo(OVERALL, "Overall", OVERALL_QUESTION, scale, None, kind, level))
    return found


def criterion_infos(criterion: Criterion) -> list[CriterionInfo]:
    labels = tuple((int(option["value"]), str(option["label"])) for option in criterion.options)
    low, high = criterion.scale_min, criterion.scale_max
    if criterion.kind == Kind.CHOICE and labels:
        low, high = min(value for value, _ in labels), max(value for value, _ in labels)
    info = CriterionInfo(
        criterion.slug,
        criterion.name,
        criterion.guiding_question,
        (low, high),
        criterion.pk,
        str(criterion.kind),
        str(criterion.level),
        labels if criterion.kind == Kind.CHOICE else (),
        criterion.reverse_scored,
    )
    if criterion.kind != Kind.MULTIPLE:
        return [info]
    return [
        replace(
            info,
            slug=f"{criterion.slug}.{value}",
            name=f"{criterion.name}: {label}",
            scale=(0, 1),
            kind=OPTION,
            level=str(Criterion.Level.NOMINAL),
            labels=((value, label),),
        )
        for value, label in labels
    ]

"""The criteria of a study as its codebook explains them."""

from __future__ import annotations

from annotations.exports.codebook import AskedCriterion
from annotations.models import Criterion, Study


def criteria_of_study(study: Study) -> list[AskedCriterion]:
    """In the order of parts; an instrument of two parts stands there once."""
    rows = (
        Criterion.objects.filter(instrument__parts__study=study)
        .select_related("instrument")
        .order_by("instrument__parts__position", "position")
    )
    return [_asked(criterion) for criterion in {row.pk: row for row in rows}.values()]


def _asked(criterion: Criterion) -> AskedCriterion:
    is_scale = criterion.kind == Criterion.Kind.SCORE
    named = {str(option["value"]): option["label"] for option in criterion.options}
    return AskedCriterion(
        slug=criterion.slug,
        name=criterion.name,
        question=criterion.guiding_question,
        kind=criterion.get_kind_display(),
        level=criterion.level,
        reverse_scored=criterion.reverse_scored,
        instrument=str(criterion.instrument),
        values=_anchors(criterion) if is_scale else named,
        low=criterion.scale_min if is_scale else None,
        high=criterion.scale_max if is_scale else None,
    )


def _anchors(criterion: Criterion) -> dict[str, str]:
    ends = {
        criterion.scale_min: criterion.anchor_low,
        criterion.scale_max: criterion.anchor_high,
    }
    between = {int(value): label for value, label in criterion.anchors.items()}
    return {str(value): label for value, label in sorted({**ends, **between}.items()) if label}

"""What people, and judges apart from them, scored each response on each criterion: as stored, so
that a criterion which is scored in reverse is not turned round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Avg, Count, Max, Min, Q

from annotations.derivation.evidence import RaterFacts
from annotations.derivation.rules import DerivationRules, RaterKind
from annotations.models import Rating, Study
from annotations.selectors.evidence.reading import CHUNK, Reading, trainable

Summary = dict[str, Any]
"""mean, n, min, max over the raters; low and high are the ends of the scale."""
Scores = Mapping[int, dict[str, Summary]]
"""Response -> criterion -> its scores."""


def scores_of_responses(
    study: Study, rules: DerivationRules, raters: Mapping[str, RaterFacts], kind: RaterKind
) -> Scores:
    """Of raters of this kind whom the rules admit. A criterion that two instruments of the study
    share counts as in the earlier part."""
    scales = Reading(study, rules).scales
    rows = (
        Rating.objects.filter(
            trainable([kind]),
            _admitted(rules, raters, kind),
            assignment__item__part__study=study,
            score__isnull=False,
            criterion__in=[pk for pk, scale in scales.items() if scale.ordered],
        )
        .order_by("assignment__item__part__position", "criterion", "candidate__response")
        .values_list("assignment__item__part__position", "criterion", "candidate__response")
        .annotate(mean=Avg("score"), n=Count("pk"), low=Min("score"), high=Max("score"))
    )
    found: dict[int, dict[str, Summary]] = {}
    for _, criterion, response, mean, n, least, most in rows.iterator(CHUNK):
        scale = scales[criterion]
        summary = {"mean": round(float(mean), 6), "n": n, "min": least, "max": most}
        summary |= {"low": scale.low, "high": scale.high}
        found.setdefault(response, {}).setdefault(scale.slug, summary)
    return found


def _admitted(rules: DerivationRules, raters: Mapping[str, RaterFacts], kind: RaterKind) -> Q:
    """Time, qualification and panel are asked of people only."""
    if kind == "llm":
        return Q()
    wanted = Q(assignment__active_ms__gte=1000 * rules.min_active_seconds)
    if rules.qualified_only or rules.min_panel_agreement is not None:
        names = [name for name, facts in raters.items() if admits(rules, facts)]
        wanted &= Q(assignment__rater__pseudonym__in=names)
    return wanted


def admits(rules: DerivationRules, facts: RaterFacts) -> bool:
    if rules.qualified_only and not facts.qualified:
        return False
    least, agreed = rules.min_panel_agreement, facts.panel_agreement
    return least is None or agreed is None or agreed >= least

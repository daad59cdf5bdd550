"""Everything that derivation asks of a study, in a number of queries that no answer adds to."""

from __future__ import annotations

from annotations.derivation.evidence import Evidence
from annotations.derivation.rules import DerivationRules
from annotations.models import Study
from annotations.selectors.evidence.choices import choices_of, unacceptable_in
from annotations.selectors.evidence.participation import facts_of_raters
from annotations.selectors.evidence.reading import Reading
from annotations.selectors.evidence.responses import facts_of
from annotations.selectors.evidence.scores import safety_scores_of, scores_of
from annotations.selectors.evidence.settled import settled_answers, settled_safety


def study_evidence(study: Study, rules: DerivationRules) -> Evidence:
    """Of the rules only those decide here that say whose answers count and on what: rater_kinds,
    criteria, weights and safety_criteria."""
    reading = Reading(study, rules)
    choices, scores = choices_of(reading), scores_of(reading)
    settled = settled_answers(reading)
    safety_scores = (*safety_scores_of(reading), *settled_safety(reading))
    unacceptable = unacceptable_in(reading)
    named = {score.response for score in (*scores, *settled.scores, *safety_scores)} | unacceptable
    for choice in (*choices, *settled.choices):
        named |= {choice.first, choice.second}
    return Evidence(
        choices=choices,
        scores=scores,
        settled_choices=settled.choices,
        settled_scores=settled.scores,
        settled_as_open=settled.as_open,
        safety_scores=safety_scores,
        unacceptable=unacceptable,
        responses=facts_of(study, named),
        raters=facts_of_raters(study, rules.rater_kinds),
    )

"""What a study knows of itself, for drafts of reporting checklists."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import Any

from django.db.models import Count, F, Q, Sum

from annotations.checklists import CriterionFacts, GateFacts, PartFacts, StudyFacts
from annotations.models import (
    AnalysisPlan,
    Assignment,
    Criterion,
    Gate,
    Item,
    Study,
    StudyPart,
    StudyRater,
)
from annotations.selectors.analyses import model_labels, names_shown, plan_of
from annotations.selectors.progress import fetched
from annotations.selectors.studies import raters_of_the_team

SUBMITTED = Q(state=Assignment.State.SUBMITTED)
MEDIAN = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY active_ms) / 1000
FROM annotations_assignment given
JOIN annotations_studyrater rater ON rater.id = given.rater_id
WHERE rater.study_id = %s AND given.role = 'independent' AND given.state = 'submitted'
  AND active_ms > 0
"""


def study_facts(study: Study) -> StudyFacts:
    plan = plan_of(study)
    runs = list(study.study_runs.select_related("run__model_version", "run__corpus"))
    own = Assignment.objects.filter(
        rater__study=study, role=Assignment.Role.INDEPENDENT, rater__kind=StudyRater.Kind.PERSON
    )
    work = own.aggregate(
        all=Count("pk"), done=Count("pk", filter=SUBMITTED), ms=Sum("active_ms", filter=SUBMITTED)
    )
    corpora = {link.run.corpus_id: link.run.corpus for link in runs}
    return StudyFacts(
        **own_fields(study),
        **rater_facts(study),
        **plan_facts(study, plan),
        team=study.team.name,
        rotated=study.rotate_criteria,
        guesses=study.guess_sources,
        corpora=tuple((c.name, c.licence, c.citation) for c in corpora.values()),
        splits=tuple(sorted({str(split) for link in runs for split in link.run.splits})),
        drawn=study.stimulus_limit is not None,
        stimuli=study_items(study).values("stimulus").distinct().count(),
        systems=tuple(
            # A kind would tell a blind team which model is which.
            (name, kinds(runs)[run] if names_shown(study) else "")
            for run, name in model_labels(study).items()
        ),
        parts=tuple(part_facts(study)),
        assignments=work["all"],
        submitted=work["done"],
        median_seconds=fetched(MEDIAN, [study.pk])[0][0],
        hours=(work["ms"] or 0) / 3_600_000,
        insiders=raters_of_the_team(study),
        amendments=study.amendments.filter(at__gt=F("study__launched_at")).count(),
    )


def own_fields(study: Study) -> dict[str, Any]:
    same = (
        *("name", "state", "launched_at", "closed_at", "template", "seed", "overlap"),
        *("block_size", "repeat_share", "break_minutes", "daily_minutes", "response_fields"),
        "show_chain",
        *("consent_text", "content_note", "contacts", "flag_readers"),
        *("recruitment", "payment", "ethics_approval"),
    )
    return {field: getattr(study, field) for field in same}


def kinds(runs: list[Any]) -> dict[int, str]:
    return {link.run_id: link.run.model_version.get_kind_display() for link in runs}


def study_items(study: Study) -> Any:
    return Item.objects.filter(part__study=study, pool=Item.Pool.STUDY)


def rater_facts(study: Study) -> dict[str, Any]:
    """Every rater once; words are counted as they were written, whatever their case."""
    people = study.raters.filter(kind=StudyRater.Kind.PERSON)
    rows = list(people.order_by("pseudonym"))
    stages = Counter(rater.stage for rater in rows)
    submitting = people.filter(
        assignments__state=Assignment.State.SUBMITTED,
        assignments__role=Assignment.Role.INDEPENDENT,
    )
    years = sorted(r.years_of_practice for r in rows if r.years_of_practice is not None)
    said = [r for r in rows if r.profession or r.licence or r.languages]
    described = {r.pk for r in said} | {r.pk for r in rows if r.years_of_practice is not None}
    gated = Gate.objects.filter(part__study=study, items__gt=0).exists()
    return {
        "raters": len(rows),
        "submitting": submitting.distinct().count(),
        "withdrawn": stages[StudyRater.Stage.WITHDRAWN],
        "not_qualified": stages[StudyRater.Stage.NOT_QUALIFIED],
        "qualified": stages[StudyRater.Stage.RATING] if gated else None,
        "professions": tally(r.profession for r in rows),
        "languages": tally(
            language for r in rows for language in r.languages.replace(";", ",").split(",")
        ),
        "licensed": sum(bool(r.licence) for r in rows),
        "described": len(described),
        "years": (len(years), years[0], round(median(years)), years[-1]) if years else None,
        "consented": sum(r.consented_at is not None for r in rows),
        "allows_training": sum(r.allows_training for r in rows),
        "allows_release": sum(r.allows_release for r in rows),
    }


def tally(words: Any) -> dict[str, int]:
    return dict(Counter(word.strip().lower() for word in words if word.strip()).most_common())


def plan_facts(study: Study, plan: AnalysisPlan | None) -> dict[str, Any]:
    if plan is None:
        return {}
    names = {
        f"{part.position}/{criterion.slug}": criterion.name
        for part in study.parts.prefetch_related("instrument__criteria")
        for criterion in part.instrument.criteria.all()
    }
    primary = plan.primary_criteria
    return {
        "plan_frozen_at": plan.frozen_at,
        "primary": tuple(names.get(key, "Overall") for key in primary),
        "stopping_rule": plan.stopping_rule,
        "min_active_seconds": plan.min_active_seconds,
        "answer_version": plan.get_answer_version_display(),
        "confidence": plan.confidence,
    }


def part_facts(study: Study) -> list[PartFacts]:
    parts = study.parts.select_related("instrument", "gate")
    parts = parts.prefetch_related("instrument__criteria")
    items = dict(study_items(study).values_list("part").annotate(n=Count("pk")).order_by())
    return [
        PartFacts(
            position=part.position,
            design=part.design,
            design_words=part.get_design_display(),
            unit=part.get_unit_display(),
            instrument=str(part.instrument),
            citation=part.instrument.citation,
            note=part.instrument.note,
            criteria=tuple(criterion_facts(one) for one in part.instrument.criteria.all()),
            overall=part.design != StudyPart.Design.ABSOLUTE and part.with_overall,
            ties=part.tie_allowed,
            strength=part.with_strength,
            items=items.get(part.pk, 0),
            gate=gate_facts(getattr(part, "gate", None)),
        )
        for part in parts
    ]


def criterion_facts(criterion: Criterion) -> CriterionFacts:
    return CriterionFacts(
        criterion.name,
        criterion.definition,
        criterion.guiding_question,
        scale_words(criterion),
        criterion.level,
    )


def scale_words(criterion: Criterion) -> str:
    kinds = Criterion.Kind
    if criterion.kind == kinds.SCORE:
        low = f" ({criterion.anchor_low})" if criterion.anchor_low else ""
        high = f" ({criterion.anchor_high})" if criterion.anchor_high else ""
        return f"whole scores from {criterion.scale_min}{low} to {criterion.scale_max}{high}"
    if criterion.kind in (kinds.CHOICE, kinds.MULTIPLE):
        some = "one of" if criterion.kind == kinds.CHOICE else "any of"
        return f"{some}: {', '.join(option['label'] for option in criterion.options)}"
    return criterion.get_kind_display().lower()


def gate_facts(gate: Gate | None) -> GateFacts | None:
    if gate is None or not (gate.training_items or gate.items or gate.hidden_share):
        return None
    return GateFacts(
        gate.training_items,
        gate.items,
        gate.threshold,
        gate.get_statistic_display(),
        gate.attempts,
        gate.hidden_share,
    )

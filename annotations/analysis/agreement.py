"""Agreement per criterion: coefficients with intervals, what they mean, how answers are spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotations.analysis.agreement_figures import agreement_forest, answer_bars
from annotations.analysis.agreement_of_words import read_answers
from annotations.analysis.families import Family, family_of
from annotations.analysis.sentences import agreement_methods, alpha_sentence, warnings_of
from annotations.analysis.settings import AnalysisSettings, Section, ratings_of
from annotations.analysis.software import software_words
from annotations.analysis.within_rater import within_rater_words
from annotations.figures.specs import FigureSpec
from annotations.selectors.study_arrays import MISSING_LABELS, Answers, PartData
from annotations.statistics.alpha import NOT_ASKED_FOR
from annotations.statistics.criteria_comparison import compare_criteria
from annotations.statistics.estimate import Estimate
from annotations.statistics.ratings import Ratings


@dataclass(frozen=True)
class CriterionAgreement:
    answers: Answers
    table: Ratings
    family: Family
    estimates: dict[str, Estimate]

    @property
    def headline(self) -> Estimate:
        return self.estimates[self.family.headline]

    @property
    def second(self) -> Estimate:
        return self.estimates[self.family.second]


def agreement_section(data: PartData, settings: AnalysisSettings) -> Section:
    found, differences = measured(data, settings)
    by_slug = {one.answers.criterion.slug: one for one in found}
    read = [answers for answers in data.answers if not answers.criterion.has_coefficient]
    results = {
        "percent": settings.percent,
        "methods": _methods(found, read, settings),
        "gate": data.beside.gate if data.beside else "",
        "within_rater": "" if data.compares else within_rater_words(data),
        "criteria": [
            _criterion(data, by_slug[answers.criterion.slug], settings)
            if answers.criterion.slug in by_slug
            else read_answers(data, answers, settings)
            for answers in data.answers
        ],
        "differences": differences,
        "differences_note": (
            f"Differences of alpha between criteria on the same level. Paired: every criterion in "
            f"the same {settings.resamples:,} resamples (seed {settings.seed}). "
            "Intervals are not adjusted for the number of comparisons."
        ),
    }
    figures: dict[str, FigureSpec] = {}
    if found:
        figures["forest"] = agreement_forest(data, found, settings)
    for one in found if not data.compares else ():  # choices are the comparison itself
        figures[f"bars:{one.answers.criterion.slug}"] = answer_bars(data, one.answers)
    return Section(results, figures)


def measured(
    data: PartData, settings: AnalysisSettings
) -> tuple[list[CriterionAgreement], list[dict[str, Any]]]:
    """(each criterion that has a coefficient, differences of alpha within a family)."""
    from annotations.analysis.agreement_estimates import estimates_of

    families: dict[Family, list[Answers]] = {}
    for answers in data.answers:
        if answers.criterion.has_coefficient:
            families.setdefault(family_of(answers.criterion), []).append(answers)
    found: dict[str, CriterionAgreement] = {}
    differences: list[dict[str, Any]] = []
    for family, own in families.items():
        tables = [ratings_of(data, answers, settings) for answers in own]
        alphas, pairs = compare_criteria(
            tables,
            family.level,
            confidence=settings.confidence,
            resamples=settings.resamples,
            seed=settings.seed,
        )
        for answers, table, alpha in zip(own, tables, alphas, strict=True):
            estimates = estimates_of(data, answers, table, family, alpha, settings)
            found[answers.criterion.slug] = CriterionAgreement(answers, table, family, estimates)
        names = [answers.criterion.name for answers in own]
        differences += [
            estimate.as_json() | {"one": names[first], "two": names[second]}
            for (first, second), estimate in pairs.items()
        ]
    ordered = [found[a.criterion.slug] for a in data.answers if a.criterion.slug in found]
    return ordered, differences


def _methods(
    found: Sequence[CriterionAgreement], read: Sequence[Answers], settings: AnalysisSettings
) -> str:
    made: dict[Family, tuple[list[str], list[Estimate]]] = {}
    for one in found:
        names, estimates = made.setdefault(one.family, ([], []))
        names.append(one.answers.criterion.name)
        estimates.append(one.headline)
    unmeasured = [answers.criterion.name for answers in read]
    return agreement_methods(made, unmeasured, settings, software_words())


def _criterion(
    data: PartData, one: CriterionAgreement, settings: AnalysisSettings
) -> dict[str, Any]:
    criterion, family = one.answers.criterion, one.family
    return {
        "slug": criterion.slug,
        "name": criterion.name,
        "form": criterion.kind,
        "level": criterion.level,
        "guiding_question": criterion.guiding_question,
        "scale": list(criterion.scale),
        "primary": settings.is_primary(data.key, criterion.slug),
        "headline": family.headline,
        "second": family.second,
        "sentence": alpha_sentence(criterion.name, one.headline, family.figure, family.did),
        "warnings": warnings_of(
            criterion.name,
            one.table,
            one.estimates,
            family,
            _coded_labels(one.answers),
            blind=data.compares,
        ),
        "statistics": {name: estimate.as_json() for name, estimate in one.estimates.items()},
        "table": _table(one.estimates, family.labels),
        "further": _table(one.estimates, family.further),
        "counts": counts_of(one.headline),
        "missing": missing_of(one.answers),
    }


def _coded_labels(answers: Answers) -> dict[int, str]:
    from annotations.analysis.settings import coded

    labels = answers.criterion.labels
    places = coded(answers.criterion, np.array([value for value, _ in labels], dtype=np.float64))
    return {int(place): f"“{label}”" for place, (_, label) in zip(places, labels, strict=True)}


def counts_of(estimate: Estimate) -> dict[str, int]:
    return {
        name: getattr(estimate, name) for name in ("n_items", "n_pairable", "n_raters", "n_ratings")
    }


def missing_of(answers: Answers) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "label": MISSING_LABELS[kind], "n": n} for kind, n in answers.missing.items()
    ]


def _table(estimates: dict[str, Estimate], labels: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": label,
            "value": estimates[name].value,
            "low": estimates[name].low,
            "high": estimates[name].high,
            "reason": _reason(estimates[name]),
            "digits": 3 if name.startswith("alpha") else 2,
        }
        for name, label in labels.items()
    ]


def _reason(estimate: Estimate) -> str:
    """Only why a figure or its interval is not there although it was asked for."""
    if estimate.value is None:
        return estimate.undefined_because
    unasked = estimate.no_interval_because == NOT_ASKED_FOR
    return "" if unasked else estimate.no_interval_because

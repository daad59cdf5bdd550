"""Raters: severity, drift, fit, speed, use of the scale, agreement with others and themselves."""

from __future__ import annotations

from annotations.analysis.guesses import guesses_results
from annotations.analysis.raters_absolute import absolute_raters
from annotations.analysis.raters_agreement import criterion_pairs
from annotations.analysis.raters_beside import beside_results
from annotations.analysis.raters_choosing import choosing_raters
from annotations.analysis.raters_pairwise import pairwise_raters
from annotations.analysis.settings import AnalysisSettings, Section
from annotations.selectors.study_arrays import PartData


def raters_section(data: PartData, settings: AnalysisSettings) -> Section:
    made = _by_design(data, settings)
    figures = dict(made.figures)
    criteria = []
    for answers in data.answers:
        if not answers.criterion.has_coefficient:
            continue
        shown, pictures = criterion_pairs(data, answers, settings)
        criteria.append(shown)
        figures |= {f"{key}:{answers.criterion.slug}": picture for key, picture in pictures.items()}
    results = {
        **made.results,
        **beside_results(data, settings),
        "guesses": guesses_results(data, settings),
        "criteria": criteria,
    }
    return Section(results, figures)


def _by_design(data: PartData, settings: AnalysisSettings) -> Section:
    if data.pairwise:
        return pairwise_raters(data, settings)
    return choosing_raters(data, settings) if data.compares else absolute_raters(data, settings)

"""Models against each other: only where comparisons are open."""

from __future__ import annotations

from annotations.analysis import words
from annotations.analysis.models_absolute import absolute_models
from annotations.analysis.models_choices import choice_models
from annotations.analysis.models_pairwise import pairwise_models
from annotations.analysis.sentences import comparison_methods
from annotations.analysis.settings import AnalysisSettings, Section
from annotations.analysis.software import software_words
from annotations.models import StudyPart
from annotations.selectors.study_arrays import Answers, PartData

Design = StudyPart.Design


SHARES_METHODS = (
    "answers without an order, and whether an option was chosen, were compared as shares of a "
    "model's answers, with Wilson intervals on the effective number of answers, and by differences "
    "of shares made like differences of scores."
)
MAKERS = {
    Design.ABSOLUTE.value: absolute_models,
    Design.PAIRWISE.value: pairwise_models,
    Design.BEST_OF_N.value: choice_models,
    Design.RANKING.value: choice_models,
}


def models_section(data: PartData, settings: AnalysisSettings) -> Section:
    found = MAKERS[data.part.design](data, settings)
    methods = comparison_methods(data.part.design, settings, software_words())
    unordered = [answers.criterion.name for answers in data.answers if _unordered(answers)]
    if unordered and not data.compares:
        methods = f"{words.listed(unordered)}: {SHARES_METHODS} {methods}"
    results = {"percent": settings.percent, "methods": methods, **found.results}
    return Section(results, found.figures)


def _unordered(answers: Answers) -> bool:
    return answers.criterion.has_coefficient and not answers.criterion.is_scored

"""A part of a study as the tables of the statistics registry."""

from __future__ import annotations

import numpy as np

from annotations.analysis.settings import AnalysisSettings, coded, ratings_of
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.table_files import CriterionTable

STILL_OPEN = "comparisons of models stay closed until the study is closed"
CHOICES = "it is of scores, and here raters chose between responses"
TELLS_WHO_WINS = ("severity", "severity_ordinal", "drift", "fit", "dawid_skene", "prevalence_index")
"""Of choices: where they lie is the comparison itself."""


def part_tables(
    data: PartData, settings: AnalysisSettings, *, with_contrasts: bool
) -> dict[str, CriterionTable]:
    """Criterion -> its table; without contrasts, nothing that tells how the models compare."""
    withheld = {}
    if data.compares:
        withheld["model_contrast"] = CHOICES
    elif not with_contrasts:
        withheld["model_contrast"] = STILL_OPEN
    if data.compares and not with_contrasts:
        withheld |= dict.fromkeys(TELLS_WHO_WINS, STILL_OPEN)
    models = None
    if not data.compares:
        models = tuple(settings.models[run] for run in data.units.run.tolist())
    stimuli = np.unique(data.units.stimulus, return_inverse=True)[1].astype(np.int64)
    return {
        answers.criterion.slug: _of_rankings(data, answers, settings, withheld)
        if answers.ballots is not None
        else CriterionTable(
            people=ratings_of(data, answers, settings),
            judges={
                name: coded(answers.criterion, scores)
                for judges in data.judges
                for name, scores in zip(judges.raters, judges.answers[place].values, strict=True)
            },
            order=data.order,
            models=models,
            stimuli=stimuli,
            withheld=withheld,
        )
        for place, answers in enumerate(data.answers)
        if answers.criterion.has_coefficient
    }


def _of_rankings(
    data: PartData, answers: Answers, settings: AnalysisSettings, withheld: dict[str, str]
) -> CriterionTable:
    """Every response is an item, rated by its rank."""
    return CriterionTable(people=ratings_of(data, answers, settings), withheld=withheld)

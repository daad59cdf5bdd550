"""Pictures of mean scores and of their differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annotations.analysis import words
from annotations.analysis.settings import AnalysisSettings
from annotations.figures.specs import Forest, Mark
from annotations.selectors.study_arrays import PartData
from annotations.statistics.estimate import Estimate

if TYPE_CHECKING:
    from annotations.analysis.models_absolute import Pair, Rated


def means_figure(
    data: PartData,
    rated: list[Rated],
    means: dict[str, tuple[Estimate, ...]],
    settings: AnalysisSettings,
) -> Forest:
    marks, said = [], []
    for one in rated:
        for mean in means[one.answers.criterion.slug]:
            label = f"{one.answers.criterion.name}: {mean.rows[0]['model']}"
            marks.append(Mark(label=label, value=mean.value, low=mean.low, high=mean.high))
            said.append(f"{label} {words.number(mean.value)}")
    first = next(mean for found in means.values() for mean in found if mean.value is not None)
    return Forest(
        key=words.figure_key("means", f"part{data.key}"),
        title="Mean scores by criterion and model",
        description=f"{'; '.join(said)}.",
        caption=(
            f"{first.method}. {settings.percent} intervals. {words.generalised(settings)} "
            f"{words.BEFORE_ADJUDICATION}"
        ),
        marks=tuple(marks),
        x_label="mean score",
        measure="mean",
    )


def contrasts_figure(
    data: PartData,
    rated: list[Rated],
    contrasts: dict[str, list[dict[str, Any]]],
    number: int,
    pair: Pair,
    compared: int,
    settings: AnalysisSettings,
) -> Forest:
    found = {
        one.answers.criterion.name: row
        for one in rated
        for row in contrasts[one.answers.criterion.slug]
        if (row["one"], row["two"]) == pair
    }
    marks = [
        Mark(
            label=name,
            value=row["value"],
            low=None if row["value"] is None else row["low"],
            high=None if row["value"] is None else row["high"],
            note=words.p_words(row["p_holm"]),
        )
        for name, row in found.items()
    ]
    stimuli = max((row["n_stimuli"] for row in found.values()), default=0)
    how = (
        "from a mixed model with random client turns and raters"
        if settings.new_raters
        else f"by bootstrap over {settings.cluster_word}s (BCa, seed {settings.seed})"
    )
    said = "; ".join(f"{mark.label} {words.number(mark.value)}" for mark in marks)
    return Forest(
        key=words.figure_key("contrasts", f"part{data.key}", str(number)),
        title=f"{pair[0]} minus {pair[1]}, by criterion",
        description=f"{said}.",
        caption=(
            f"Mean difference of scores, {pair[0]} minus {pair[1]}, on "
            f"{words.counted(stimuli, 'client turn')} that both answered; {settings.percent} "
            f"intervals {how}; p with Holm's correction over "
            f"{words.counted(compared, 'comparison')}. {words.generalised(settings)}"
        ),
        marks=tuple(marks),
        x_label="difference in points",
        measure="difference",
        reference=0.0,
    )

"""Scores of single responses: means by model, paired differences, subgroups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.models_absolute_figures import contrasts_figure, means_figure
from annotations.analysis.models_absolute_groups import difference_groups
from annotations.analysis.models_labels import label_note, share_row, shares_figure, shares_of
from annotations.analysis.models_pairwise import model_pairs
from annotations.analysis.settings import AnalysisSettings, Section, clusters_of
from annotations.figures.specs import FigureSpec
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.estimate import Estimate
from annotations.statistics.model_contrast import model_contrasts
from annotations.statistics.model_means import model_means
from annotations.statistics.model_scores import Scores, scores
from annotations.statistics.multiplicity import holm

Pair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Rated:
    """One criterion, or one answer to it, as long arrays."""

    answers: Answers
    table: Scores
    units: NDArray[np.intp]
    """Unit of each rating."""
    label: str = ""
    """Of an answer without order: what is asked is whether it was given."""

    @property
    def key(self) -> str:
        return f"{self.answers.criterion.slug}={self.label}"

    @property
    def name(self) -> str:
        name = self.answers.criterion.name
        return f"{name}, “{self.label}”" if self.label else name


def absolute_models(data: PartData, settings: AnalysisSettings) -> Section:
    rated = [one for answers in data.answers for one in _rated(data, answers, settings)]
    pairs = model_pairs(settings)
    contrasts = _contrasts(rated, pairs, settings)
    scored = [one for one in rated if not one.label]
    means = {one.answers.criterion.slug: _means(one, settings) for one in scored}
    of_answers: dict[str, list[Rated]] = {answers.criterion.slug: [] for answers in data.answers}
    for one in rated:
        of_answers[one.answers.criterion.slug].append(one)
    criteria = []
    figures: dict[str, FigureSpec] = {}
    for answers in data.answers:
        slug, own = answers.criterion.slug, of_answers[answers.criterion.slug]
        shares = shares_of(data, answers, settings)
        criteria.append(
            {
                "slug": slug,
                "name": answers.criterion.name,
                "primary": settings.is_primary(data.key, slug),
                "reverse_scored": answers.criterion.reverse_scored,
                "means": [
                    mean.as_json() | {"model": mean.rows[0]["model"]}
                    for mean in means.get(slug, ())
                ],
                "label_shares": [share_row(share) for share in shares],
                "label_note": label_note(answers),
                "contrasts": [row for one in own for row in contrasts[one.key]],
                "groups": [
                    group
                    for one in own
                    if not one.label
                    for group in difference_groups(data, one, pairs, settings)
                ],
            }
        )
        if any(share.value is not None for share in shares):
            figures[f"labels:{slug}"] = shares_figure(data, answers, shares, settings)
    if any(mean.value is not None for found in means.values() for mean in found):
        figures["overview"] = means_figure(data, scored, means, settings)
    own_contrasts = {one.answers.criterion.slug: contrasts[one.key] for one in scored}
    if any(row["value"] is not None for rows in own_contrasts.values() for row in rows):
        compared = sum(len(rows) for rows in contrasts.values())
        for number, pair in enumerate(pairs, start=1):
            figures[f"contrasts{number}"] = contrasts_figure(
                data, scored, own_contrasts, number, pair, compared, settings
            )
    results = {
        "criteria": criteria,
        "note": _note(settings),
        "contrast_pictures": [name for name in figures if name.startswith("contrasts")],
    }
    return Section(results, figures)


def _rated(data: PartData, answers: Answers, settings: AnalysisSettings) -> list[Rated]:
    """Answers without an order are taken one by one, each as given (1) or not (0); of two possible
    ones the second says all."""
    raters, units = np.nonzero(~np.isnan(answers.values))
    names = np.array([settings.models[run] for run in data.units.run.tolist()], dtype=object)
    given = answers.values[raters, units]
    criterion = answers.criterion
    wanted: list[tuple[str, NDArray[np.float64]]] = []
    if criterion.is_scored:
        wanted = [("", given)]
    elif criterion.has_coefficient:
        labels = criterion.labels[1:] if len(criterion.labels) == 2 else criterion.labels
        wanted = [(label, (given == value).astype(np.float64)) for value, label in labels]
    return [
        Rated(
            answers,
            # Names are compared often: as numbers they are fast.
            scores(
                values,
                names[units].astype(str),
                data.units.stimulus[units],
                raters,
                clusters_of(data, settings)[units],
            ),
            units,
            label,
        )
        for label, values in wanted
    ]


def _means(one: Rated, settings: AnalysisSettings) -> tuple[Estimate, ...]:
    return model_means(
        one.table,
        list(settings.models.values()),
        criterion=one.answers.criterion.name,
        population="stimuli and raters" if settings.new_raters else "stimuli",
        confidence=settings.confidence,
    )


def _contrasts(
    rated: list[Rated], pairs: list[Pair], settings: AnalysisSettings
) -> dict[str, list[dict[str, Any]]]:
    """Key -> its differences; Holm over all criteria and pairs of models of the part."""
    found: dict[str, list[dict[str, Any]]] = {one.key: [] for one in rated}
    for one, two in pairs:
        made = model_contrasts(
            {entry.key: entry.table for entry in rated},
            one,
            two,
            confidence=settings.confidence,
            resamples=settings.resamples,
            seed=settings.seed,
        )
        for key, estimate in made.items():
            found[key].append(_contrast((one, two), estimate, settings))
    everything = [row for rows in found.values() for row in rows]
    for row, p in zip(everything, holm([row["p"] for row in everything]), strict=True):
        row["p_holm"] = None if np.isnan(p) else float(p)
    for entry in rated:
        for row in found[entry.key]:
            row["label"] = entry.label
            row["sentence"] = _sentence(entry, row, settings)
    return found


def _contrast(pair: Pair, found: Estimate, settings: AnalysisSettings) -> dict[str, Any]:
    """With the mixed model's interval and p where the claim is to hold for new raters."""
    row: Mapping[str, Any] = found.rows[0] if found.rows else {}
    mixed = settings.new_raters and row.get("mixed_low") is not None
    return {
        "one": pair[0],
        "two": pair[1],
        "value": row["mixed_difference"] if mixed else found.value,
        "low": row["mixed_low"] if mixed else found.low,
        "high": row["mixed_high"] if mixed else found.high,
        "p": row.get("mixed_p") if mixed else row.get("p"),
        "n_stimuli": row.get("n_stimuli", 0),
        "population": settings.population if mixed else "new client turns",
        "undefined_because": words.reason(found),
        "notes": list(found.notes),
        "estimate": found.as_json(),
    }


def _sentence(rated: Rated, row: dict[str, Any], settings: AnalysisSettings) -> str:
    one, two, value = row["one"], row["two"], row["value"]
    if value is None:
        return f"{rated.name}: {one} and {two} cannot be compared: {row['undefined_because']}."
    more = "higher" if value >= 0 else "lower"
    ends = words.interval_words(row["low"], row["high"])
    said = f"{one} scored {abs(value):.2f} points {more} than {two}"
    if rated.label:
        said = f"the share of this answer is {abs(100 * value):.0f} percentage points {more} for "
        said += f"{one} than for {two}"
        low, high = (None if end is None else 100 * end for end in (row["low"], row["high"]))
        ends = words.interval_words(low, high, 0)
    turned = " (a low score is a good one)" if rated.answers.criterion.reverse_scored else ""
    return (
        f"{rated.name}: {said}{turned} on the same "
        f"{words.counted(row['n_stimuli'], 'client turn')} "
        f"({settings.percent} interval of the difference {ends}, to {row['population']}; "
        f"{words.p_words(row['p_holm'])} with Holm's correction over criteria and pairs of models)."
    )


def _note(settings: AnalysisSettings) -> str:
    return (
        f"Means and differences are per client turn; intervals resample {settings.cluster_word}s "
        f"and generalise to {settings.population}."
    )

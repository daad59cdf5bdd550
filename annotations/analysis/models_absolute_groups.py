"""Differences of scores between two models, by the labels of the client turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis.settings import AnalysisSettings, clusters_of
from annotations.analysis.subgroups import Split, longer_of_stimulus, splits
from annotations.selectors.study_arrays import PartData
from annotations.statistics.clustered import clustered_variance, deviation_of_group, encoded
from annotations.statistics.multiplicity import holm

if TYPE_CHECKING:
    from annotations.analysis.models_absolute import Pair, Rated

FEWEST_STIMULI = 5
"""Of a group, below which its difference is not shown."""


def difference_groups(
    data: PartData, one: Rated, pairs: list[Pair], settings: AnalysisSettings
) -> list[dict[str, Any]]:
    found = []
    runs = {name: run for run, name in settings.models.items()}
    by_pair = {pair: longer_of_stimulus(data, runs[pair[0]], runs[pair[1]]) for pair in pairs}
    same = [dict.fromkeys(pairs, split) for split in splits(data)]
    for of_pair in (*same, by_pair):
        rows = [
            row
            for pair, split in of_pair.items()
            for row in _group_rows(data, one, split, pair, settings)
        ]
        if rows:
            split = next(iter(of_pair.values()))
            found.append(
                {
                    "name": split.name,
                    "heading": split.heading,
                    "measure": "Difference of means",
                    "is_share": False,
                    "rows": rows,
                    "note": (
                        f"paired differences per client turn, each group against all others with "
                        f"Holm's correction over the groups of a pair; {len(rows)} comparisons in "
                        f"all. Groups of fewer than {FEWEST_STIMULI} client turns are left out."
                    ),
                }
            )
    return found


def _group_rows(
    data: PartData, one: Rated, split: Split, pair: Pair, settings: AnalysisSettings
) -> list[dict[str, Any]]:
    difference, labels, clusters = _paired(data, one, split, pair, settings)
    groups = [encoded(clusters)[1]]
    rows: list[dict[str, Any]] = []
    for label in sorted(set(labels.tolist()) - {""}):
        inside = labels == label
        if inside.sum() < FEWEST_STIMULI:
            continue
        own, others = difference[inside], int((~inside).sum())
        influence = (own - own.mean()) / len(own)
        variance = clustered_variance(influence, [encoded(clusters[inside])[1]])
        half = (
            None
            if variance is None or variance.value == 0
            else float(variance.critical(settings.confidence) * np.sqrt(variance.value))
        )
        value = float(own.mean())
        rows.append(
            {
                "label": str(label),
                "one": pair[0],
                "two": pair[1],
                "n": int(inside.sum()),
                "value": value,
                "low": None if half is None else value - half,
                "high": None if half is None else value + half,
                "p": deviation_of_group(difference, inside, groups)[1] if others > 1 else None,
            }
        )
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = None if np.isnan(p) else float(p)
    return rows


def _paired(
    data: PartData, one: Rated, split: Split, pair: Pair, settings: AnalysisSettings
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.int64]]:
    """Per client turn that both models answered: difference of means, its label, its cluster."""
    values = one.answers.values
    with np.errstate(invalid="ignore"):
        count = (~np.isnan(values)).sum(axis=0)
        mean = np.divide(
            np.nansum(values, axis=0), count, out=np.zeros(len(count)), where=count > 0
        )
    names = settings.models
    runs = {name: run for run, name in names.items()}
    side = [(data.units.run == runs[name]) & (count > 0) for name in pair]
    first, second = (dict(zip(data.units.stimulus[s].tolist(), mean[s], strict=True)) for s in side)
    both = sorted(first.keys() & second.keys())
    place = {stimulus: index for index, stimulus in enumerate(data.units.stimulus.tolist())}
    at = np.array([place[stimulus] for stimulus in both], dtype=np.intp)
    difference = np.array([first[stimulus] - second[stimulus] for stimulus in both])
    return difference, split.labels[at], clusters_of(data, settings)[at]

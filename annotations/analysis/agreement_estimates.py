"""The figures of agreement of one criterion, as its family says."""

from __future__ import annotations

import numpy as np

from annotations.analysis.families import RANKED, Family
from annotations.analysis.settings import AnalysisSettings, clusters_of
from annotations.selectors.study_arrays import Answers, Ballots, PartData
from annotations.statistics.alpha import alpha
from annotations.statistics.alpha_raters import alpha_ci_new_raters
from annotations.statistics.chance_corrected import (
    brennan_prediger,
    conger,
    fleiss,
    gwet_ac1,
    gwet_ac2_quadratic,
    percent_exact,
    percent_within_1,
)
from annotations.statistics.estimate import Estimate
from annotations.statistics.icc_incomplete import crossed_iccs
from annotations.statistics.rank_agreement import Rankings, kendall_tau, kendall_w
from annotations.statistics.ratings import Ratings, ratings


def estimates_of(
    data: PartData,
    answers: Answers,
    table: Ratings,
    family: Family,
    known: Estimate,
    settings: AnalysisSettings,
) -> dict[str, Estimate]:
    """known: alpha on the family's level, with its interval."""
    new_raters = alpha_ci_new_raters(
        table,
        family.level,
        confidence=settings.confidence,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    found = [known, new_raters]
    if family is RANKED:
        found += _of_rankings(data, answers, settings)
    elif family.ordered:
        found += _of_scores(table, family, settings)
    else:
        found += _of_labels(table, settings)
    return {estimate.name: estimate for estimate in found}


def _of_scores(table: Ratings, family: Family, settings: AnalysisSettings) -> list[Estimate]:
    confidence = settings.confidence
    other = "interval" if family.level == "ordinal" else "ordinal"
    return [
        alpha(table, other, resamples=0),  # type: ignore[arg-type]
        alpha(table, "nominal", resamples=0),
        gwet_ac2_quadratic(table, confidence=confidence),
        *crossed_iccs(table, confidence=confidence, seed=settings.seed),
        percent_exact(table, confidence=confidence),
        percent_within_1(table, confidence=confidence),
    ]


def _of_labels(table: Ratings, settings: AnalysisSettings) -> list[Estimate]:
    chosen = (gwet_ac1, fleiss, brennan_prediger, conger, percent_exact)
    return [figure(table, confidence=settings.confidence) for figure in chosen]


def _of_rankings(data: PartData, answers: Answers, settings: AnalysisSettings) -> list[Estimate]:
    ballots = answers.ballots
    assert ballots is not None  # noqa: S101
    ranked = rankings_of(data, ballots, settings)
    drawing = (settings.confidence, settings.resamples, settings.seed)
    first = ratings(
        answers.values,
        scale=answers.criterion.scale,
        raters=data.raters,
        items=tuple(map(str, data.units.pk.tolist())),
        clusters=clusters_of(data, settings),
    )
    return [
        *(
            figure(ranked, confidence=drawing[0], resamples=drawing[1], seed=drawing[2])
            for figure in (kendall_tau, kendall_w)
        ),
        percent_exact(first, confidence=settings.confidence),
    ]


def rankings_of(data: PartData, ballots: Ballots, settings: AnalysisSettings) -> Rankings:
    clusters = np.unique(clusters_of(data, settings), return_inverse=True)[1].astype(np.int64)
    return Rankings(ballots.ranks, ballots.rater, ballots.unit, clusters)

"""The best of several responses, and rankings: shares, Plackett-Luce, pairs, places shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from annotations.analysis import words
from annotations.analysis.choices import Votes, pairs_of, places_chosen, votes_of
from annotations.analysis.models_pairwise import compare_models, named, overview_of
from annotations.analysis.resolved import resolved_figures, resolved_results
from annotations.analysis.settings import AnalysisSettings, Section, clusters_of
from annotations.answers import LETTERS
from annotations.figures.specs import Bars, FigureSpec, Forest, Mark
from annotations.models import StudyPart
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.comparisons import Comparisons
from annotations.statistics.davidson import bt_davidson
from annotations.statistics.estimate import Estimate
from annotations.statistics.plackett_luce import plackett_luce
from annotations.statistics.ranking import Ranking
from annotations.statistics.shares import clustered_share

BEST = {
    StudyPart.Design.BEST_OF_N.value: "chosen as the best",
    StudyPart.Design.RANKING.value: "ranked first",
}


def choice_models(data: PartData, settings: AnalysisSettings) -> Section:
    criteria: list[dict[str, Any]] = []
    figures: dict[str, FigureSpec] = {}
    for answers in data.answers:
        votes = votes_of(data, answers, settings.models)
        made, units = pairs_of(data, votes, settings)
        ranked = _ranked(data, votes, made, settings)
        shown, pictures = compare_models(data, answers, made, units, settings, ranked)
        shares = {
            name: _share(data, votes, place, name, settings)
            for place, name in enumerate(settings.models.values())
        }
        shown |= {
            "shares": [
                _row(name, found, votes, place)
                for place, (name, found) in enumerate(shares.items())
            ],
            "share_sentence": _sentence(data, answers, votes, shares),
            "position": _position(data, votes, settings),
            **resolved_results(data, answers, settings),
        }
        if len(votes):
            pictures["shares"] = _shares_figure(data, answers, votes, shares, settings)
            pictures["places"] = _places_figure(data, answers, votes)
        criteria.append(shown)
        figures |= named(pictures | resolved_figures(data, answers, shown, settings), answers)
    note = (
        "Pairs of models count the answers that decide between them: of the best of several those "
        "in which one of the two was chosen, of rankings all. Ties are ties of all that share the "
        "first place."
    )
    results = {"criteria": criteria, "note": note}
    return Section(results, figures | overview_of(criteria, figures, "shares"))


def _ranked(data: PartData, votes: Votes, made: Comparisons, settings: AnalysisSettings) -> Ranking:
    """Plackett-Luce; where rankings hold ties, Davidson's model of their pairs."""
    drawing: dict[str, Any] = {
        "confidence": settings.confidence,
        "resamples": settings.resamples,
        "seed": settings.seed,
    }
    whole = data.part.design == StudyPart.Design.RANKING
    if whole and votes.tied.any():
        return bt_davidson(made, **drawing)
    decided = votes.kept(votes.best >= 0)
    order = np.argsort(np.where(np.isnan(decided.ranks), np.inf, decided.ranks), kind="stable")
    times = decided.there.sum(axis=1)
    by_rank = np.take_along_axis(decided.sources, order, axis=1).tolist()
    shown = [row[:n] for row, n in zip(by_rank, times.tolist(), strict=True)]
    found = plackett_luce(
        shown if whole else [row[:1] for row in shown],
        models=tuple(settings.models.values()),
        shown=None if whole else shown,
        clusters=clusters_of(data, settings)[decided.unit],
        **drawing,
    )
    raters = len(np.unique(decided.rater))
    return replace(found, estimate=replace(found.estimate, n_raters=raters))


def _share(
    data: PartData, votes: Votes, place: int, name: str, settings: AnalysisSettings
) -> Estimate:
    """Of the answers in which the model's response was shown."""
    own = votes.kept((votes.sources == place).any(axis=1))
    best = own.best
    at = np.arange(len(own))
    hits = (best >= 0) & (own.sources[at, np.maximum(best, 0)] == place)
    return clustered_share(
        "share_best",
        hits,
        clusters_of(data, settings)[own.unit],
        own.rater if settings.new_raters else None,
        confidence=settings.confidence,
        words=f"Share of the answers in which a response was shown and {BEST[data.part.design]}",
        rows=({"model": name},),
    )


def _chance(votes: Votes, place: int | None = None) -> float | None:
    """One over the number shown, on average."""
    chosen = votes if place is None else votes.kept((votes.sources == place).any(axis=1))
    return float((1 / chosen.there.sum(axis=1)).mean()) if len(chosen) else None


def _row(name: str, found: Estimate, votes: Votes, place: int) -> dict[str, Any]:
    return {
        "model": name,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n_ratings": found.n_ratings,
        "chance": _chance(votes, place),
        "undefined_because": words.reason(found),
        "estimate": found.as_json(),
    }


def _percent(value: float | None) -> str:
    return "undefined" if value is None else f"{100 * value:.0f} %"


def _with_ends(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return _percent(found.value)
    return f"{_percent(found.value)} ({100 * found.low:.0f} % to {100 * found.high:.0f} %)"


def _sentence(data: PartData, answers: Answers, votes: Votes, shares: dict[str, Estimate]) -> str:
    name = answers.criterion.name
    if not len(votes):
        return f"{name}: no answer has been submitted."
    ties = int((votes.best < 0).sum())
    listed = words.listed([f"{model} {_with_ends(found)}" for model, found in shares.items()])
    return (
        f"{name}: of {words.counted(len(votes), 'answer')}, shares {BEST[data.part.design]}: "
        f"{listed}; {words.counted(ties, 'tie')} for the first place. Chance alone would give "
        f"{_percent(_chance(votes))}."
    )


def _position(data: PartData, votes: Votes, settings: AnalysisSettings) -> str:
    decided = votes.kept(votes.best >= 0)
    if not len(decided):
        return ""
    at = np.arange(len(decided))
    first = decided.shown[at, decided.best] == 0
    found = clustered_share(
        "position_effect",
        first,
        clusters_of(data, settings)[decided.unit],
        decided.rater,
        confidence=settings.confidence,
    )
    ends = (
        f", {settings.percent} interval {100 * found.low:.0f} % to {100 * found.high:.0f} %"
        if found.low is not None and found.high is not None
        else ""
    )
    return (
        f"Place: of {words.counted(len(decided), 'decided answer')}, {_percent(found.value)} were "
        f"for the response shown first, as A{ends}; {_percent(_chance(decided))} would be no "
        "effect of the place."
    )


def _shares_figure(
    data: PartData,
    answers: Answers,
    votes: Votes,
    shares: dict[str, Estimate],
    settings: AnalysisSettings,
) -> Forest:
    best = BEST[data.part.design]
    marks = tuple(
        Mark(label=name, value=found.value, low=found.low, high=found.high)
        for name, found in shares.items()
    )
    said = "; ".join(f"{mark.label} {_percent(mark.value)}" for mark in marks)
    method = next(iter(shares.values())).method
    ties = words.counted(int((votes.best < 0).sum()), "tie")
    return Forest(
        key=words.figure_key("shares", f"part{data.key}", answers.criterion.slug),
        title=f"Shares {best}: {answers.criterion.name}",
        description=f"{said}.",
        caption=(
            f"{words.counted(len(votes), 'answer')} by "
            f"{words.counted(len(np.unique(votes.rater)), 'rater')}, {ties} among them. {method}. "
            f"{settings.percent} intervals. The line is what chance alone would give. "
            f"{words.generalised(settings)} {words.BEFORE_ADJUDICATION}"
        ),
        marks=marks,
        x_label=f"share {best}",
        measure="share",
        reference=_chance(votes),
    )


def _places_figure(data: PartData, answers: Answers, votes: Votes) -> Bars:
    counts = places_chosen(votes, votes.shown.shape[1]).tolist()
    labels = tuple(LETTERS[: len(counts)])
    said = ", ".join(f"{label}: {n}" for label, n in zip(labels, counts, strict=True))
    return Bars(
        key=words.figure_key("places", f"part{data.key}", answers.criterion.slug),
        title=f"Place at which the response was shown that stood first: {answers.criterion.name}",
        description=f"{said}.",
        caption=(
            f"{words.counted(sum(counts), 'decided answer')}; A was shown first. Places are "
            f"balanced over raters and models. {words.BEFORE_ADJUDICATION}"
        ),
        x_label="place shown",
        labels=labels,
        counts=tuple(counts),
        y_label="answers",
    )

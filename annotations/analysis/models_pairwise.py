"""Choices between two responses: wins, ties and losses, Davidson's ranking, position, subgroups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.resolved import resolved_figures, resolved_results
from annotations.analysis.settings import AnalysisSettings, Section, clusters_of
from annotations.analysis.subgroups import LENGTH, splits
from annotations.figures.specs import (
    FigureSpec,
    Forest,
    Gap,
    GapMatrix,
    Mark,
    Pair,
    WinTieLoss,
)
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.comparisons import Comparisons, comparisons
from annotations.statistics.davidson import bt_davidson
from annotations.statistics.estimate import Estimate
from annotations.statistics.ranking import Ranking
from annotations.statistics.win_rates import position_effect, win_rate, win_rate_by


def pairwise_models(data: PartData, settings: AnalysisSettings) -> Section:
    criteria: list[dict[str, Any]] = []
    figures: dict[str, FigureSpec] = {}
    for answers in data.answers:
        made, units = compared(data, answers, settings)
        shown, pictures = compare_models(data, answers, made, units, settings)
        shown |= {
            "position": _position(made, settings),
            **resolved_results(data, answers, settings),
        }
        criteria.append(shown)
        figures |= named(pictures | resolved_figures(data, answers, shown, settings), answers)
    return Section({"criteria": criteria}, figures | overview_of(criteria, figures, "wins"))


def named(pictures: Mapping[str, FigureSpec], answers: Answers) -> dict[str, FigureSpec]:
    return {f"{name}:{answers.criterion.slug}": picture for name, picture in pictures.items()}


def overview_of(
    criteria: list[dict[str, Any]], figures: Mapping[str, FigureSpec], kind: str
) -> dict[str, FigureSpec]:
    """What the plan names, or the last question, stands for the part."""
    leading = next((c for c in criteria if c["primary"]), criteria[-1] if criteria else None)
    found = figures.get(f"{kind}:{leading['slug']}") if leading else None
    return {"overview": found} if found else {}


def compared(
    data: PartData, answers: Answers, settings: AnalysisSettings
) -> tuple[Comparisons, NDArray[np.intp]]:
    """(one comparison per answer, the unit each is of)."""
    raters, units = np.nonzero(~np.isnan(answers.values))
    runs = list(settings.models)
    index = {run: place for place, run in enumerate(runs)}
    clusters = clusters_of(data, settings)
    made = comparisons(
        [index[run] for run in data.units.run[units].tolist()],
        [index[run] for run in data.units.other_run[units].tolist()],
        answers.values[raters, units].astype(np.int64),
        models=tuple(settings.models.values()),
        stimuli=clusters[units],
        raters=raters,
        first_shown=data.first_shown[raters, units] == 1,
    )
    return made, units


def compare_models(
    data: PartData,
    answers: Answers,
    made: Comparisons,
    units: NDArray[np.intp],
    settings: AnalysisSettings,
    ranked: Ranking | None = None,
) -> tuple[dict[str, Any], dict[str, FigureSpec]]:
    """units: of each comparison. ranked: where it is not Davidson's of the comparisons."""
    criterion = answers.criterion
    pairs = model_pairs(settings)
    population = "stimuli and raters" if settings.new_raters else "stimuli"
    rates = {
        pair: win_rate(
            made,
            *pair,
            confidence=settings.confidence,
            population=population,  # type: ignore[arg-type]
        )
        for pair in pairs
    }
    rates = {pair: rate for pair, rate in rates.items() if rate.n_ratings}
    if ranked is None:
        ranked = bt_davidson(
            made, confidence=settings.confidence, resamples=settings.resamples, seed=settings.seed
        )
    shown = {
        "slug": criterion.slug,
        "name": criterion.name,
        "primary": settings.is_primary(data.key, criterion.slug),
        "wins": [_win(pair, rate, criterion.name) for pair, rate in rates.items()],
        "ranking": list(ranked.estimate.rows),
        "ranking_undefined": words.reason(ranked.estimate),
        "ranking_model": ranking_model(ranked),
        "gaps": list(ranked.gaps),
        "tie": ranked.tie.as_json() if ranked.tie else None,
        "groups": _groups(data, made, units, list(rates), settings),
        "method": next((rate.method for rate in rates.values()), ""),
    }
    figures: dict[str, FigureSpec] = {}
    if rates:
        figures["wins"] = _wins_figure(data, answers, rates, settings)
    if ranked.estimate.value is not None:
        figures["ranking"] = _ranking_figure(data, answers, ranked, settings)
        if len(settings.models) > 2:
            figures["gaps"] = _gaps_figure(data, answers, ranked, settings)
    return shown, figures


def ranking_model(ranked: Ranking) -> str:
    return "Plackett-Luce" if ranked.estimate.name == "plackett_luce" else "Davidson"


def model_pairs(settings: AnalysisSettings) -> list[tuple[str, str]]:
    """As planned, or every pair in the study's order."""
    names = settings.models
    if settings.contrasts:
        return [(names[one], names[two]) for one, two in settings.contrasts]
    order = list(names.values())
    return [(one, two) for place, one in enumerate(order) for two in order[place + 1 :]]


def _counts(rate: Estimate) -> dict[str, int]:
    found = {str(row["outcome"]): int(row["n"]) for row in rate.rows}
    return {word: found.get(word, 0) for word in ("win", "tie", "loss")}


def _win(pair: tuple[str, str], rate: Estimate, criterion: str) -> dict[str, Any]:
    n = _counts(rate)
    one, two = pair
    ends = (
        f" (interval {100 * rate.low:.0f} % to {100 * rate.high:.0f} %)"
        if rate.low is not None and rate.high is not None
        else ""
    )
    share = "undefined" if rate.value is None else f"{100 * rate.value:.0f} %{ends}"
    return {
        "first": one,
        "second": two,
        "first_wins": n["win"],
        "ties": n["tie"],
        "second_wins": n["loss"],
        "answers": rate.n_ratings,
        "value": rate.value,
        "low": rate.low,
        "high": rate.high,
        "notes": list(rate.notes),
        "sentence": (
            f"{criterion}: {one} was preferred to {two} in {n['win']:,} of {rate.n_ratings:,} "
            f"answers, {two} in {n['loss']:,}, with {words.counted(n['tie'], 'tie')}. Counting "
            f"ties as half, the win rate of {one} is {share}."
        ),
    }


def _position(made: Comparisons, settings: AnalysisSettings) -> str:
    effect = position_effect(made, confidence=settings.confidence)
    if effect.value is None:
        return ""
    ends = (
        f", {settings.percent} interval {100 * effect.low:.0f} % to {100 * effect.high:.0f} %"
        if effect.low is not None and effect.high is not None
        else ""
    )
    return (
        f"Side: of {effect.n_ratings:,} decided answers, {100 * effect.value:.0f} % were for the "
        f"response shown as A{ends}; 50 % would be no effect of the side."
    )


def _groups(
    data: PartData,
    made: Comparisons,
    units: NDArray[np.intp],
    pairs: list[tuple[str, str]],
    settings: AnalysisSettings,
) -> list[dict[str, Any]]:
    found = []
    for split in splits(data):
        labels = split.labels[units].astype(str)
        kept = labels != ""
        rows = []
        for one, two in pairs:
            by = win_rate_by(
                made.where(kept), labels[kept], one, two, confidence=settings.confidence
            )
            rows += [{"one": one, "two": two, **row, "value": row["share"]} for row in by.rows]
        if rows:
            found.append(
                {
                    "name": split.name,
                    "heading": split.heading,
                    "measure": "Win rate of the first, ties half",
                    "is_share": True,
                    "rows": rows,
                    "note": _group_note(split.name, len(rows), len(pairs)),
                }
            )
    return found


def _group_note(name: str, rows: int, pairs: int) -> str:
    across = f" for each of {pairs} pairs of models" if pairs > 1 else ""
    text = (
        f"each group against all others, with Holm's correction over the groups{across}; {rows} "
        "comparisons in all."
    )
    if name == LENGTH:
        return f"thirds of the difference in length; {text}"
    return text


def _wins_figure(
    data: PartData,
    answers: Answers,
    rates: dict[tuple[str, str], Estimate],
    settings: AnalysisSettings,
) -> WinTieLoss:
    name = answers.criterion.name
    pairs = []
    for (one, two), rate in rates.items():
        n = _counts(rate)
        note = "" if rate.value is None else f"{100 * rate.value:.0f} %"
        if rate.low is not None and rate.high is not None:
            note += f" ({100 * rate.low:.0f}\u2013{100 * rate.high:.0f})"
        pairs.append(
            Pair(first=one, second=two, wins=n["win"], ties=n["tie"], losses=n["loss"], note=note)
        )
    said = "; ".join(
        f"{p.first} won {p.wins}, {p.second} won {p.losses}, {p.ties} ties" for p in pairs
    )
    method = next(iter(rates.values())).method
    total = sum(rate.n_ratings for rate in rates.values())
    raters = max(rate.n_raters for rate in rates.values())
    return WinTieLoss(
        key=words.figure_key("wins", f"part{data.key}", answers.criterion.slug),
        title=f"Wins, ties and losses: {name}",
        description=f"{said}.",
        caption=(
            f"{words.counted(total, 'answer')} by {words.counted(raters, 'rater')}. "
            f"{method}. {words.BEFORE_ADJUDICATION}"
        ),
        pairs=tuple(pairs),
        note_label="win rate, ties half",
    )


def _ranking_figure(
    data: PartData, answers: Answers, ranked: Ranking, settings: AnalysisSettings
) -> Forest:
    marks = []
    for row in ranked.estimate.rows:
        span = (
            f" ({row['rank_low']}\u2013{row['rank_high']})" if row["rank_low"] is not None else ""
        )
        marks.append(
            Mark(
                label=row["model"],
                value=row["theta"],
                low=row["low"],
                high=row["high"],
                note=f"rank {row['rank']}{span}",
            )
        )
    said = "; ".join(f"{mark.label}: {mark.note}" for mark in marks)
    return Forest(
        key=words.figure_key("ranking", f"part{data.key}", answers.criterion.slug),
        title=f"{ranking_model(ranked)} ranking: {answers.criterion.name}",
        description=f"Abilities on a log scale that sums to zero. {said}.",
        caption=_ranking_caption(ranked, settings),
        marks=tuple(marks),
        x_label="Log ability (sum zero)",
        measure="log ability",
        reference=0.0,
    )


def _ranking_caption(ranked: Ranking, settings: AnalysisSettings) -> str:
    estimate = ranked.estimate
    left_out = estimate.undefined_resamples or 0
    over = words.counted(estimate.n_clusters or 0, settings.cluster_word)
    model = {
        "plackett_luce": "Plackett-Luce model (Plackett 1975; Luce 1959)",
        "bt_davidson": "Bradley-Terry model with ties (Davidson 1970)",
    }[estimate.name]
    return (
        f"{model} of {estimate.n_ratings:,} {'choices' if ranked.tie is None else 'answers'} by "
        f"{words.counted(estimate.n_raters, 'rater')}; {settings.percent} intervals and rank "
        f"intervals by bootstrap over {over} "
        f"({settings.resamples:,} resamples, seed {settings.seed}; undefined in "
        f"{100 * left_out:.1f} %). To new client turns judged by these raters. Exploratory unless "
        "the plan names it."
    )


def _gaps_figure(
    data: PartData, answers: Answers, ranked: Ranking, settings: AnalysisSettings
) -> GapMatrix:
    order = [str(row["model"]) for row in ranked.estimate.rows]
    place = {name: index for index, name in enumerate(order)}
    cells: list[list[Gap | None]] = [[None] * len(order) for _ in order]
    for gap in ranked.gaps:
        one, two = place[gap["one"]], place[gap["two"]]
        value, low, high = gap["difference"], gap["low"], gap["high"]
        cells[one][two] = Gap(value=value, low=low, high=high, p_holm=gap["p_holm"])
        cells[two][one] = Gap(
            value=-value, low=_minus(high), high=_minus(low), p_holm=gap["p_holm"]
        )
    return GapMatrix(
        key=words.figure_key("gaps", f"part{data.key}", answers.criterion.slug),
        title=f"Gaps between models: {answers.criterion.name}",
        description=f"Differences of log ability between {len(order)} models, row minus column.",
        caption=f"p with Holm's correction over all gaps. {_ranking_caption(ranked, settings)}",
        measure="difference of log ability",
        labels=tuple(order),
        gaps=tuple(tuple(row) for row in cells),
    )


def _minus(value: float | None) -> float | None:
    return None if value is None else -value

"""LLM judges beside people, on the items that both rated; never pooled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.families import Family, family_of
from annotations.analysis.judge_panel import (
    answered,
    counted_judges,
    left_out,
    panel_facts,
    panel_members,
    panel_scores,
)
from annotations.analysis.settings import (
    AnalysisSettings,
    Section,
    clusters_of,
    coded,
    coded_scale,
    ratings_of,
)
from annotations.figures.specs import BlandAltman, FigureSpec, Mark
from annotations.selectors.judge_evidence import JudgeFacts
from annotations.selectors.study_arrays import Answers, PartData
from annotations.statistics.alpha import alpha
from annotations.statistics.alternative_annotator import judge_alternative_annotator
from annotations.statistics.estimate import Estimate
from annotations.statistics.judge_alpha import judge_alpha
from annotations.statistics.judges import (
    judge_bias,
    judge_concordance,
    judge_tau_b,
)
from annotations.statistics.ratings import Ratings, ratings

LABELS = {
    "judge_alpha": "Alpha of judge and people",
    "judge_alternative_annotator": "Alternative annotator test, winning rate",
    "judge_bias": "Bias, judge minus people",
    "judge_concordance": "Concordance (Lin)",
    "judge_tau_b": "Rank correlation (tau-b)",
}


def judges_section(data: PartData, settings: AnalysisSettings) -> Section:
    criteria: list[dict[str, Any]] = []
    figures: dict[str, FigureSpec] = {}
    judged_by: dict[str, JudgeFacts] = data.beside.judged if data.beside else {}
    for judges in data.judges:
        for answers, judged in zip(data.answers, judges.answers, strict=True):
            if not answers.criterion.has_coefficient or answers.ballots is not None:
                continue  # of words, passages and rankings no figure beside people is defined
            table, family = ratings_of(data, answers, settings), family_of(answers.criterion)
            rows = []
            said = coded(answers.criterion, judged.values)
            everyone = {
                judge: row for judge, row in zip(judges.raters, said, strict=True) if answered(row)
            }
            known = dict(judged_by)
            members = panel_members(judges.raters, said, judged_by)
            counted = counted_judges(len(members), len(judges.raters))
            if len(members) > 1:
                panel, together = f"Panel of {counted}", np.array(list(members.values()))
                everyone[panel] = panel_scores(together, family, data.pairwise)
                known[panel] = panel_facts(known[judge] for judge in members if judge in known)
            for judge, scores in everyone.items():
                found = _estimates(table, scores, family, settings)
                rows += [_row(judge, estimate) for estimate in found]
                facts = known.get(judge)
                drawn = family.ordered and _bland_altman(
                    data, answers, judge, scores, found, settings, facts
                )
                if drawn:
                    figures[f"bland{len(figures)}:{answers.criterion.slug}"] = drawn
            if len(members) > 1:
                rows.append(_among_judges(data, answers, members, counted, settings))
            criteria.append(
                {
                    "slug": answers.criterion.slug,
                    "name": answers.criterion.name,
                    "table": rows,
                    "left_out": left_out(len(members), len(judges.raters)),
                }
            )
    named = {judge for judges in data.judges for judge in _who_answered(judges)}
    results = {
        "criteria": criteria,
        "percent": settings.percent,
        "judges": [
            {"name": name, **asdict(facts)}
            for name, facts in sorted(judged_by.items())
            if name in named
        ],
        "people": len(data.raters),
    }
    return Section(results, figures)


def _who_answered(judges: PartData) -> list[str]:
    return [
        judge
        for number, judge in enumerate(judges.raters)
        if any(answered(answers.values[number]) for answers in judges.answers)
    ]


def _among_judges(
    data: PartData,
    answers: Answers,
    members: Mapping[str, NDArray[np.float64]],
    counted: str,
    settings: AnalysisSettings,
) -> dict[str, Any]:
    """Of the judges without people."""
    table = ratings(
        np.array(list(members.values())),
        scale=coded_scale(answers.criterion),
        raters=tuple(members),
        items=tuple(map(str, data.units.pk.tolist())),
        clusters=clusters_of(data, settings),
    )
    level = family_of(answers.criterion).level
    found = alpha(
        table,
        level,
        confidence=settings.confidence,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    row = _row(counted, found)
    return row | {"label": "Alpha of the judges among themselves"}


def _estimates(
    people: Ratings, judge: NDArray[np.float64], family: Family, settings: AnalysisSettings
) -> list[Estimate]:
    drawing: dict[str, Any] = {
        "confidence": settings.confidence,
        "resamples": settings.resamples,
        "seed": settings.seed,
    }
    if not family.ordered:
        return [
            judge_alpha(people, judge, family.level, **drawing),
            judge_alternative_annotator(people, judge, closeness="accuracy"),
        ]
    return [
        judge_alpha(people, judge, family.level, **drawing),
        judge_alternative_annotator(people, judge),
        judge_bias(people, judge, confidence=settings.confidence),
        judge_concordance(people, judge, **drawing),
        judge_tau_b(people, judge, confidence=settings.confidence),
    ]


def _row(judge: str, found: Estimate) -> dict[str, Any]:
    return {
        "judge": judge,
        "name": found.name,
        "label": LABELS.get(found.name, found.name),
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "note": _note(found),
        "estimate": found.as_json(),
    }


def _note(found: Estimate) -> str:
    if found.value is None:
        return f"undefined because {words.reason(found)}"
    if found.name == "judge_alpha":
        among = next((row for row in found.rows if row["who"] == "people"), None)
        return (
            f"of people alone, on the same items: {words.number(among['alpha'])}" if among else ""
        )
    if found.name == "judge_bias":
        row = found.rows[0]
        limits = words.interval_words(row["loa_low"], row["loa_high"])
        return f"limits of agreement {limits}, in points of the scale"
    if found.name == "judge_alternative_annotator":
        return "0.5 and more: the judge may stand in for a person, by this test"
    return ""


def _bland_altman(
    data: PartData,
    answers: Answers,
    judge: str,
    scores: NDArray[np.float64],
    found: list[Estimate],
    settings: AnalysisSettings,
    facts: JudgeFacts | None,
) -> BlandAltman | None:
    bias = next(estimate for estimate in found if estimate.name == "judge_bias")
    if bias.value is None:
        return None
    said = coded(answers.criterion, answers.values)
    given = (~np.isnan(said)).sum(axis=0)
    both = (given > 0) & ~np.isnan(scores)
    people = np.nansum(said[:, both], axis=0) / given[both]
    row = bias.rows[0]
    name = answers.criterion.name
    return BlandAltman(
        key=words.figure_key("judge", f"part{data.key}", answers.criterion.slug, judge),
        title=f"{judge} against people: {name}",
        description=(
            f"Differences of {judge} from the mean of the people: bias {words.number(bias.value)}, "
            f"limits of agreement {words.interval_words(row['loa_low'], row['loa_high'])}."
        ),
        caption=(
            f"{words.counted(int(both.sum()), 'item')} that {judge} and "
            f"{words.counted(bias.n_raters, 'person', 'people')} scored on {name}; bias with "
            f"{settings.percent} interval and limits of agreement (Bland & Altman 1986). People "
            f"and judges are never pooled.{_evidence(facts)}"
        ),
        x_label="mean of judge and people",
        y_label="judge minus people",
        points=tuple(
            (float(x), float(y))
            for x, y in zip((scores[both] + people) / 2, scores[both] - people, strict=True)
        ),
        bias=Mark(label="bias", value=bias.value, low=bias.low, high=bias.high),
        lower_limit=_limit("lower limit", row, "loa_low"),
        upper_limit=_limit("upper limit", row, "loa_high"),
    )


def _evidence(facts: JudgeFacts | None) -> str:
    return "".join(f" {sentence}" for sentence in facts.differences) if facts else ""


def _limit(label: str, row: Any, name: str) -> Mark:
    return Mark(
        label=label, value=row[name], low=row.get(f"{name}_low"), high=row.get(f"{name}_high")
    )

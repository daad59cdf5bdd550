"""Every statistic of a table of ratings, by its name in docs/statistics.md.

The modules that compute are imported when they are asked for, because whoever only reads the names
should not wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from annotations.statistics import registry_tables as of
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.ratings import RatingsError

if TYPE_CHECKING:
    from annotations.statistics.alpha_levels import Level
    from annotations.statistics.table_files import CriterionTable

ALL = "all"


@dataclass(frozen=True)
class Statistic:
    description: str
    compute: Callable[[of.Tables, str], Estimate]
    """From all tables and the criterion in question. May raise RatingsError."""
    needs_scale: bool = False
    """Whether categories that nobody used change it."""


STATISTICS: Mapping[str, Statistic] = {
    "alpha_ordinal": Statistic("Krippendorff's alpha, ordinal", of.alpha_of("ordinal")),
    "alpha_interval": Statistic("Krippendorff's alpha, interval", of.alpha_of("interval")),
    "alpha_nominal": Statistic("Krippendorff's alpha, nominal", of.alpha_of("nominal")),
    "alpha_ratio": Statistic("Krippendorff's alpha, ratio", of.alpha_of("ratio")),
    "alpha_ci_new_raters": Statistic(
        "alpha with an interval for new raters too", of.alpha_ci_new_raters
    ),
    "alpha_leave_one_rater_out": Statistic(
        "alpha without each rater in turn", of.alpha_leave_one_rater_out
    ),
    "item_disagreement": Statistic("items, the most disputed first", of.item_disagreement),
    "reliability_diff": Statistic("alpha less that of every other criterion", of.reliability_diff),
    "pairwise_agreement": Statistic(
        "every pair of raters", of.plain("pairwise_agreement", "pairwise_agreement")
    ),
    "gwet_ac1": Statistic(
        "Gwet's AC1", of.with_confidence("chance_corrected", "gwet_ac1"), needs_scale=True
    ),
    "gwet_ac2_quadratic": Statistic(
        "Gwet's AC2, quadratic weights",
        of.with_confidence("chance_corrected", "gwet_ac2_quadratic"),
        needs_scale=True,
    ),
    "brennan_prediger": Statistic(
        "Brennan and Prediger's kappa",
        of.with_confidence("chance_corrected", "brennan_prediger"),
        needs_scale=True,
    ),
    "fleiss": Statistic("Fleiss' kappa", of.with_confidence("chance_corrected", "fleiss")),
    "conger": Statistic("Conger's kappa", of.with_confidence("chance_corrected", "conger")),
    "percent_exact": Statistic(
        "share of identical pairs of ratings",
        of.with_confidence("chance_corrected", "percent_exact"),
    ),
    "percent_within_1": Statistic(
        "share of pairs at most 1 apart",
        of.with_confidence("chance_corrected", "percent_within_1"),
    ),
    **{
        f"icc_{form}": Statistic(
            f"intraclass correlation ({form.replace('_', ',')}), complete tables",
            of.with_confidence("icc", f"icc_{form}"),
        )
        for form in ("1_1", "1_k", "2_1", "2_k", "3_1", "3_k")
    },
    "icc_a1": Statistic("ICC(A,1), ratings may be missing", of.crossed_icc(0)),
    "icc_ak": Statistic("ICC(A,k), ratings may be missing", of.crossed_icc(1)),
    "icc_c1": Statistic("ICC(C,1), ratings may be missing", of.crossed_icc(2)),
    "cohen_kappa": Statistic("Cohen's kappa", of.with_confidence("kappa", "cohen_kappa")),
    "scott_pi": Statistic("Scott's pi", of.with_confidence("kappa", "scott_pi")),
    "light_kappa": Statistic("Light's kappa", of.plain("kappa", "light_kappa")),
    "stuart_maxwell": Statistic(
        "do two raters use categories equally often", of.plain("kappa", "stuart_maxwell")
    ),
    "bhapkar": Statistic("the same, variance as observed", of.plain("kappa", "bhapkar")),
    "bowker": Statistic("are disagreements as often one way", of.plain("kappa", "bowker")),
    "prevalence_index": Statistic(
        "of two answers, how one-sided", of.plain("kappa", "prevalence_index")
    ),
    "bias_index": Statistic("of two answers, how raters differ", of.plain("kappa", "bias_index")),
    "pabak": Statistic(
        "kappa adjusted for prevalence and bias",
        of.with_confidence("kappa", "pabak"),
        needs_scale=True,
    ),
    "severity": Statistic(
        "how high each rater scores", of.with_confidence("severity", "severity", seeded=True)
    ),
    "severity_ordinal": Statistic(
        "the same by an ordinal model", of.plain("severity_ordinal", "severity_ordinal")
    ),
    "drift": Statistic("how each rater's scores move; needs a column order", of.drift),
    "fit": Statistic(
        "infit and outfit of each rater", of.with_confidence("severity", "fit", seeded=True)
    ),
    "halo": Statistic("correlations of criteria within raters", of.halo),
    "model_contrast": Statistic("differences of models; needs a column model", of.model_contrast),
    **{
        name: Statistic(f"{words}; needs a column kind", of.judge(module, name, needs))
        for name, words, module, needs in (
            ("judge_alpha", "alpha of judge and people", "judge_alpha", "level"),
            (
                "judge_alternative_annotator",
                "may the judge stand in for a person",
                "alternative_annotator",
                "",
            ),
            ("judge_bias", "judge less people", "judges", "confidence"),
            ("judge_concordance", "Lin's concordance with people", "judges", "drawing"),
            ("judge_pearson", "Pearson's correlation with people", "judges", "drawing"),
            ("judge_spearman", "Spearman's correlation with people", "judges", "drawing"),
            ("judge_tau_b", "Kendall's tau-b with people", "judges", "confidence"),
        )
    },
    "dawid_skene": Statistic("true class and error rates, by EM", of.dawid_skene),
    "planner": Statistic("interval widths to expect, from this pilot", of.planner),
}
DEFAULT = (
    "alpha_ordinal",
    "alpha_interval",
    "alpha_nominal",
    "alpha_ratio",
    "alpha_ci_new_raters",
    "gwet_ac2_quadratic",
    "percent_exact",
    "percent_within_1",
    "icc_a1",
    "icc_ak",
    "icc_c1",
)
OCCURRING = (
    "No scale is declared: its categories are taken to be those that occur, {}. A declared scale "
    "with others gives another value."
)


class UnknownStatisticError(RatingsError):
    pass


def chosen_names(asked: Sequence[str], known: Sequence[str], default: Sequence[str]) -> list[str]:
    """Each once; "all" stands for every one. Raises UnknownStatisticError, which lists them."""
    if not asked:
        return list(default)
    unknown = [name for name in asked if name not in known and name != ALL]
    if unknown:
        raise UnknownStatisticError(
            f"There is no statistic “{unknown[0]}” here. There are: {', '.join(known)}; or {ALL}."
        )
    return list(known) if ALL in asked else list(dict.fromkeys(asked))


def compute(
    names: Sequence[str],
    tables: Mapping[str, CriterionTable],
    *,
    level: Level = "ordinal",
    confidence: float = CONFIDENCE,
    seed: int | None = None,
    resamples: int | None = None,
) -> dict[str, dict[str, Estimate]]:
    """Criterion -> name -> estimate. names: of STATISTICS, "all", or none for DEFAULT.

    level: of alpha_ci_new_raters, alpha_leave_one_rater_out, item_disagreement, reliability_diff
    and judge_alpha. What cannot be computed says why. Raises UnknownStatisticError.
    """
    chosen = chosen_names(names, list(STATISTICS), DEFAULT)
    settings = of.Settings.of(level, confidence, seed, resamples)
    everything = of.Tables(tables, settings)
    return {
        criterion: {name: _estimate(name, everything, criterion) for name in chosen}
        for criterion in tables
    }


def _estimate(name: str, tables: of.Tables, criterion: str) -> Estimate:
    statistic, table = STATISTICS[name], tables.by_criterion[criterion]
    if name in table.withheld:
        return undefined(name, table.withheld[name])
    try:
        estimate = statistic.compute(tables, criterion)
    except RatingsError as error:
        return undefined(name, str(error).rstrip("."), **table.people.counts())
    if not statistic.needs_scale or table.people.scale is not None or estimate.value is None:
        return estimate
    occurring = ", ".join(f"{value:g}" for value in table.people.categories)
    return replace(estimate, notes=(*estimate.notes, OCCURRING.format(occurring)))

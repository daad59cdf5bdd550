"""Which figures are compared, on which data, with whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from annotations.statistics import icc, icc_incomplete, judges, kappa
from annotations.statistics.alpha import alpha
from annotations.statistics.alpha_levels import LEVELS, Level
from annotations.statistics.chance_corrected import brennan_prediger, fleiss
from annotations.statistics.estimate import Estimate
from annotations.statistics.multiplicity import Method, adjust
from annotations.statistics.proportions import clopper_pearson, sign_test, wilson
from annotations.statistics.ratings import Ratings
from annotations.statistics.severity import severity
from annotations.statistics.weights import Weighting
from tools.comparison_parts import peers, tables
from tools.comparison_parts.answers import Ask
from tools.comparison_parts.rows import Row, estimated, number, row
from tools.comparison_parts.tables import Data

Packages = Sequence[str]
ALPHAS: list[tuple[Data, Level]] = [
    *[(tables.KRIPPENDORFF, level) for level in LEVELS],
    (tables.FLEISS, "nominal"),
    (tables.SIMULATED, "ordinal"),
    (tables.CONSTANT, "ordinal"),
    (tables.ONE_PAIR, "ordinal"),
    (tables.ONLY_ALONE, "ordinal"),
    (tables.TRANSPOSED, "ordinal"),
]
KAPPAS: list[tuple[Data, Weighting]] = [
    (tables.VISION, "unweighted"),
    (tables.VISION, "linear"),
    (tables.VISION, "quadratic"),
    (tables.EVEN, "unweighted"),
    (tables.SKEWED, "unweighted"),
    (tables.CONSTANT, "unweighted"),
    (tables.JUDGES_1_4, "quadratic"),
    (tables.JUDGES_HOLES, "quadratic"),
]
ICC_FORMS = {
    "icc_1_1": "ICC(1,1)",
    "icc_1_k": "ICC(1,k)",
    "icc_2_1": "ICC(A,1)",
    "icc_2_k": "ICC(A,k)",
    "icc_3_1": "ICC(C,1)",
    "icc_3_k": "ICC(C,k)",
}
"""Ours -> pingouin's."""
ICCS = [
    *[(tables.SHROUT_FLEISS, name) for name in ICC_FORMS],
    *[(data, "icc_2_1") for data in (tables.BLAND_ALTMAN, tables.CONSTANT, tables.HOLES)],
]
CORRECTIONS: dict[Method, str] = {
    "holm": "holm",
    "bh": "fdr_bh",
    "by": "fdr_by",
    "bonferroni": "bonferroni",
}
"""Ours -> that of statsmodels and pingouin."""


def rows(available: Packages) -> list[Row]:
    makers = (
        alphas,
        fleiss_kappas,
        cohen_kappas,
        tests_of_two_raters,
        complete_iccs,
        variance_components,
        two_methods,
        shares,
        corrections,
    )
    return [found for maker in makers for found in maker(available)]


def alphas(available: Packages) -> list[Row]:
    return [
        row(
            f"alpha_{level}",
            data.name,
            estimated(data, partial(alpha, level=level)),
            {"krippendorff": peers.krippendorff_alpha(data.values, level)},
            available,
        )
        for data, level in ALPHAS
    ]


def fleiss_kappas(available: Packages) -> list[Row]:
    asked: list[tuple[str, Data, Callable[[Ratings], Estimate], Ask]] = [
        ("", data, fleiss, peers.statsmodels_fleiss(data.values, "fleiss"))
        for data in (tables.FLEISS, tables.KRIPPENDORFF, tables.CONSTANT)
    ]
    gaps, whole = tables.KRIPPENDORFF, tables.FLEISS
    counts = peers.statsmodels_fleiss_of_counts(gaps.values, range(1, 6))
    asked.append((", as counts", gaps, fleiss, counts))
    free = peers.statsmodels_fleiss(whole.values, "randolph")
    asked.append(("", whole, brennan_prediger, free))
    return [
        row(
            statistic.__name__,
            data.name + how,
            estimated(data, statistic),
            {"statsmodels": ask},
            available,
        )
        for how, data, statistic, ask in asked
    ]


def cohen_kappas(available: Packages) -> list[Row]:
    return [
        row(
            "cohen_kappa" if weighting == "unweighted" else f"cohen_kappa, {weighting}",
            data.name,
            estimated(data, partial(kappa.cohen_kappa, weighting=weighting)),
            {
                "statsmodels": peers.statsmodels_cohen(data.values, weighting),
                "scikit-learn": peers.sklearn_cohen(data.values, weighting, data.scale),
            },
            available,
        )
        for data, weighting in KAPPAS
    ]


def tests_of_two_raters(available: Packages) -> list[Row]:
    data = tables.VISION
    return [
        row(
            test.__name__,
            data.name,
            estimated(data, test),
            {"statsmodels": peers.statsmodels_square(data.values, test.__name__)},
            available,
        )
        for test in (kappa.stuart_maxwell, kappa.bhapkar, kappa.bowker)
    ]


def complete_iccs(available: Packages) -> list[Row]:
    return [
        row(
            name,
            data.name,
            estimated(data, getattr(icc, name)),
            {"pingouin": peers.pingouin_icc(data.values, ICC_FORMS[name])},
            available,
        )
        for data, name in ICCS
    ]


def variance_components(available: Packages) -> list[Row]:
    data, large = tables.HOLES, tables.SIMULATED
    asked: list[tuple[Data, Callable[[Ratings], Estimate], dict[str, Ask]]] = [
        (
            data,
            icc_incomplete.icc_a1,
            {
                "statsmodels": peers.statsmodels_crossed(
                    data.values, lambda i, r, e: i / (i + r + e)
                ),
                "pingouin": peers.pingouin_icc(data.values, "ICC(A,1)", "omit"),
            },
        ),
        (
            data,
            icc_incomplete.icc_c1,
            {
                "statsmodels": peers.statsmodels_crossed(data.values, lambda i, r, e: i / (i + e)),
                "pingouin": peers.pingouin_icc(data.values, "ICC(C,1)", "omit"),
            },
        ),
        (
            data,
            severity,
            {"statsmodels": peers.statsmodels_crossed(data.values, lambda i, r, e: r**0.5)},
        ),
        (
            large,
            icc_incomplete.icc_a1,
            {"pingouin": peers.pingouin_icc(large.values, "ICC(A,1)", "omit")},
        ),
    ]
    return [
        row(statistic.__name__, data.name, estimated(data, statistic), asks, available)
        for data, statistic, asks in asked
    ]


def two_methods(available: Packages) -> list[Row]:
    """One meter as the person, the other as the judge."""
    data = tables.BLAND_ALTMAN
    person, judge = replace(data, values=data.values[:1]), data.values[1]
    asked: list[tuple[Callable[..., Estimate], dict[str, Ask]]] = [
        (judges.judge_bias, {"statsmodels": peers.statsmodels_mean(judge - data.values[0])}),
        *[
            (
                statistic,
                {
                    "scipy": peers.scipy_correlation(data.values, scipy_name),
                    "pingouin": peers.pingouin_correlation(data.values, pingouin_name),
                },
            )
            for statistic, scipy_name, pingouin_name in (
                (judges.judge_pearson, "pearsonr", "pearson"),
                (judges.judge_spearman, "spearmanr", "spearman"),
                (judges.judge_tau_b, "kendalltau", "kendall"),
            )
        ],
    ]
    return [
        row(
            statistic.__name__,
            data.name,
            estimated(person, partial(statistic, judge=judge)),
            asks,
            available,
        )
        for statistic, asks in asked
    ]


def shares(available: Packages) -> list[Row]:
    methods = ((wilson, "wilson", "wilson"), (clopper_pearson, "beta", "exact"))
    found = [
        row(
            f"{ours.__name__}, {('lower', 'upper')[end]} end",
            f"{hits} of {n}",
            number(ours(hits, n)[end]),
            {
                "statsmodels": peers.statsmodels_share_end(hits, n, end, statsmodels_name),
                "scipy": peers.scipy_share_end(hits, n, end, scipy_name),
            },
            available,
        )
        for ours, statsmodels_name, scipy_name in methods
        for hits, n, end in ((37, 50, 0), (0, 12, 1))
    ]
    asks = {
        "statsmodels": peers.statsmodels_sign_test(37, 50),
        "scipy": peers.scipy_sign_test(37, 50),
    }
    return [*found, row("sign_test", "37 of 50", number(sign_test(37, 50)), asks, available)]


def corrections(available: Packages) -> list[Row]:
    p = tables.P_VALUES
    gap = (*p[:2], float("nan"), *p[3:])
    found = [_correction(method, p, "0.008 among seven p", available) for method in CORRECTIONS]
    with_gap: tuple[Method, ...] = ("holm", "bh")
    where = "the same, the third p undefined"
    return [*found, *[_correction(method, gap, where, available) for method in with_gap]]


def _correction(method: Method, p: Sequence[float], data: str, available: Packages) -> Row:
    place = 1
    asks = {
        "statsmodels": peers.statsmodels_adjusted(p, place, CORRECTIONS[method]),
        "pingouin": peers.pingouin_adjusted(p, place, CORRECTIONS[method]),
    }
    if method in ("bh", "by"):
        asks["scipy"] = peers.scipy_adjusted(p, place, method)
    adjusted = adjust(list(p), method)
    return row(method, data, number(float(adjusted[place])), asks, available)

"""Other packages, each called as its documentation has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.alpha_levels import Level
from tools.comparison_parts.answers import Ask, Found
from tools.comparison_parts.tables import Table

# krippendorff


def krippendorff_alpha(values: Table, level: Level) -> Ask:
    def ask() -> float:
        import krippendorff

        return float(krippendorff.alpha(reliability_data=values, level_of_measurement=level))

    return ask


# statsmodels


def statsmodels_cohen(values: Table, weights: str) -> Ask:
    """As its documentation has it: the table by `to_table`, the weights by name."""

    def ask() -> Found:
        from statsmodels.stats.inter_rater import cohens_kappa, to_table

        table = to_table(values.T)[0]
        wanted = None if weights == "unweighted" else weights
        result = cohens_kappa(table, wt=wanted)
        complete = int((~np.isnan(values)).all(axis=0).sum())
        remarks: list[str] = []
        if table.sum() > complete:
            remarks.append(
                f"its table holds {int(table.sum())} pairs; {complete} items have two ratings"
            )
        used = np.unique(values[~np.isnan(values)])
        if weights == "quadratic" and not _even(used) and not remarks:
            distances = cohens_kappa(table, weights=used, wt=wanted).kappa
            remarks.append(
                f"takes the scores that occur as 1, 2, 3, ...; told their values, {distances:.6f}"
            )
        return Found(result.kappa, result.kappa_low, result.kappa_upp, tuple(remarks))

    return ask


def statsmodels_fleiss(values: Table, method: str) -> Ask:
    def ask() -> Found:
        from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

        table, categories = aggregate_raters(values.T)
        counted = ("counts a missing rating as a category",) if np.isnan(categories).any() else ()
        return Found(float(fleiss_kappa(table, method=method)), remarks=counted)

    return ask


def statsmodels_fleiss_of_counts(values: Table, categories: Sequence[float]) -> Ask:
    """The way round `aggregate_raters`: counts made by hand, missing ratings left out."""

    def ask() -> float:
        from statsmodels.stats.inter_rater import fleiss_kappa

        return float(
            fleiss_kappa(np.stack([(values == c).sum(axis=0) for c in categories], axis=1))
        )

    return ask


def statsmodels_square(values: Table, test: str) -> Ask:
    def ask() -> float:
        from statsmodels.stats.contingency_tables import SquareTable
        from statsmodels.stats.inter_rater import to_table

        table = SquareTable(to_table(values.T)[0])
        result = table.symmetry() if test == "bowker" else table.homogeneity(method=test)
        return float(result.statistic)

    return ask


def statsmodels_crossed(values: Table, of_variances: Callable[[float, float, float], float]) -> Ask:
    """Items and raters as variance components of one group; the figure is made of the three."""

    def ask() -> float:
        item, rater, residual = crossed_variances(values)
        return of_variances(item, rater, residual)

    return ask


def crossed_variances(values: Table) -> tuple[float, float, float]:
    """Of items, raters and residuals, by MixedLM."""
    import pandas as pd
    from statsmodels.regression.mixed_linear_model import MixedLM

    frame = long_frame(values).assign(all=1)
    model = MixedLM.from_formula(
        "score ~ 1",
        frame,
        groups="all",
        re_formula="0",
        vc_formula={"item": "0 + C(item)", "rater": "0 + C(rater)"},
    )
    result = model.fit(reml=True)
    found = pd.Series(result.vcomp, index=model.exog_vc.names)
    return float(found["item"]), float(found["rater"]), float(result.scale)


def statsmodels_mean(values: Table) -> Ask:
    def ask() -> Found:
        from statsmodels.stats.weightstats import DescrStatsW

        found = DescrStatsW(values)
        low, high = found.tconfint_mean()
        return Found(float(found.mean), float(low), float(high))

    return ask


def statsmodels_share_end(successes: int, n: int, end: int, method: str) -> Ask:
    def ask() -> float:
        from statsmodels.stats.proportion import proportion_confint

        return float(proportion_confint(successes, n, method=method)[end])

    return ask


def statsmodels_sign_test(successes: int, n: int) -> Ask:
    def ask() -> float:
        from statsmodels.stats.proportion import binom_test

        return float(binom_test(successes, n))

    return ask


def statsmodels_adjusted(p: Sequence[float], place: int, method: str) -> Ask:
    def ask() -> Found:
        from statsmodels.stats.multitest import multipletests

        def adjusted(values: Sequence[float]) -> float:
            return float(multipletests(values, method=method)[1][place])

        found = adjusted(p)
        remarks: tuple[str, ...] = ()
        if np.isnan(p).any() and math.isclose(found, adjusted([*np.nan_to_num(p, nan=1.0)])):
            remarks = ("counts the missing p into the family",)
        return Found(found, remarks=remarks)

    return ask


# pingouin


def pingouin_icc(values: Table, form: str, nan_policy: str = "raise") -> Ask:
    def ask() -> Found:
        import pingouin

        result = pingouin.intraclass_corr(
            long_frame(values),
            targets="item",
            raters="rater",
            ratings="score",
            nan_policy=nan_policy,
        )
        row = result.set_index("Type").loc[form]
        left, items = int(row["df1"]) + 1, values.shape[1]
        deleted = (f"deletes whole items: {left} of {items} left",) if left < items else ()
        low, high = map(float, row["CI95"])
        return Found(float(row["ICC"]), low, high, deleted)

    return ask


def pingouin_correlation(values: Table, method: str) -> Ask:
    def ask() -> Found:
        import pingouin

        (row,) = pingouin.corr(*values, method=method).to_dict("records")
        low, high = map(float, row["CI95"])
        return Found(float(row["r"]), low, high)

    return ask


def pingouin_adjusted(p: Sequence[float], place: int, method: str) -> Ask:
    def ask() -> float:
        import pingouin

        return float(pingouin.multicomp(list(p), method=method)[1][place])

    return ask


# scikit-learn


def sklearn_cohen(values: Table, weights: str, scale: tuple[float, float] | None) -> Ask:
    def ask() -> Found:
        from sklearn.metrics import cohen_kappa_score

        wanted = None if weights == "unweighted" else weights
        first, second = values
        found = float(cohen_kappa_score(first, second, weights=wanted))
        remarks: tuple[str, ...] = ()
        if scale is not None and wanted is not None:
            labels = np.arange(scale[0], scale[1] + 1)
            whole = float(cohen_kappa_score(first, second, weights=wanted, labels=labels))
            if math.isfinite(whole) and not math.isclose(whole, found):
                remarks = (
                    "takes the scores that occur as 1, 2, 3, ...; told the whole scale, "
                    f"{whole:.6f}",
                )
        return Found(found, remarks=remarks)

    return ask


# scipy


def scipy_share_end(successes: int, n: int, end: int, method: str) -> Ask:
    def ask() -> float:
        from scipy.stats import binomtest

        return float(binomtest(successes, n).proportion_ci(method=method)[end])

    return ask


def scipy_sign_test(successes: int, n: int) -> Ask:
    def ask() -> float:
        from scipy.stats import binomtest

        return float(binomtest(successes, n).pvalue)

    return ask


def scipy_adjusted(p: Sequence[float], place: int, method: str) -> Ask:
    def ask() -> float:
        from scipy.stats import false_discovery_control

        return float(false_discovery_control(p, method=method)[place])

    return ask


def scipy_correlation(values: Table, name: str) -> Ask:
    def ask() -> Found:
        from scipy import stats

        result = getattr(stats, name)(*values)
        if not hasattr(result, "confidence_interval"):
            return Found(float(result.statistic))
        interval = result.confidence_interval()
        return Found(float(result.statistic), float(interval.low), float(interval.high))

    return ask


def long_frame(values: Table) -> Any:
    """One row a rating: rater, item, score."""
    import pandas as pd

    raters, items = np.nonzero(~np.isnan(values))
    return pd.DataFrame({"rater": raters, "item": items, "score": values[raters, items]})


def _even(used: NDArray[np.float64]) -> bool:
    return bool(np.allclose(np.diff(used), 1))

"""Two raters: kappas, the figures that explain them, and whether both use the scale alike.

Only the items that both rated count here; with ratings missing, Conger's kappa uses the rest too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri

from annotations.statistics.chance_corrected import (
    EVERY_RATING_THE_SAME,
    NO_SPREAD,
    brennan_prediger,
    chance_of_conger,
    chance_of_fleiss,
    linearised,
    tally,
    why_no_agreement,
)
from annotations.statistics.codes import category_codes
from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.ratings import Ratings
from annotations.statistics.weights import Weighting, agreement_weights, identity

Counts = NDArray[np.float64]
NO_DISAGREEMENT = "the raters never disagree, so there is nothing to test"
A_TEST = "a test statistic has a p value instead"
A_DESCRIPTION = "it describes these answers and is not an estimate for others"


def cohen_kappa(
    table: Ratings, *, weighting: Weighting = "unweighted", confidence: float = CONFIDENCE
) -> Estimate:
    """Chance is each of the two raters drawing from their own answers.

    Cohen (1960), A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20, 37-46. Standard error: Fleiss, Cohen & Everitt (1969), Large sample standard
    errors of kappa and weighted kappa, Psychological Bulletin 72, 323-327.
    """
    return _two_rater_kappa("cohen_kappa", "Cohen's kappa", table, weighting, confidence)


def scott_pi(
    table: Ratings, *, weighting: Weighting = "unweighted", confidence: float = CONFIDENCE
) -> Estimate:
    """Chance is both raters drawing from the answers of the two together.

    Scott (1955), Reliability of content analysis, Public Opinion Quarterly 19, 321-325.
    """
    return _two_rater_kappa("scott_pi", "Scott's pi", table, weighting, confidence)


def light_kappa(table: Ratings) -> Estimate:
    """Mean of Cohen's kappas over the pairs of raters; rows: one per pair.

    Light (1971), Measures of response agreement for qualitative data, Psychological Bulletin 76,
    365-377.
    """
    reason = why_no_agreement(table)
    if reason:
        return undefined("light_kappa", reason, **table.counts())
    weights = identity(table.categories)
    rows: list[dict[str, Any]] = [
        {
            "rater_one": table.raters[one],
            "rater_two": table.raters[two],
            "n_items": int(counts.sum()),
            "kappa": kappa_of_counts(counts, weights),
        }
        for one, two, counts in pair_counts(table)
    ]
    defined = [row["kappa"] for row in rows if row["kappa"] is not None]
    if not defined:
        return undefined("light_kappa", EVERY_RATING_THE_SAME, rows=tuple(rows), **table.counts())
    return Estimate(
        name="light_kappa",
        value=float(np.mean(defined)),
        no_interval_because="the pairs share raters and items; Conger's kappa has an interval",
        method=f"Light's kappa, the mean of Cohen's kappas over {len(defined)} pairs of raters",
        rows=tuple(rows),
        **table.counts(),
    )


def stuart_maxwell(table: Ratings) -> Estimate:
    """Do both raters use each category equally often? Value: chi-squared; rows: its df and p.

    Stuart (1955), A test for homogeneity of the marginal distributions in a two-way
    classification, Biometrika 42, 412-416; Maxwell (1970).
    """
    return _homogeneity("stuart_maxwell", "Stuart-Maxwell test of marginal homogeneity", table)


def bhapkar(table: Ratings) -> Estimate:
    """As Stuart-Maxwell, with the variance as observed rather than under the null.

    Bhapkar (1966), A note on the equivalence of two test criteria for hypotheses in categorical
    data, Journal of the American Statistical Association 61, 228-235.
    """
    return _homogeneity("bhapkar", "Bhapkar's test of marginal homogeneity", table)


def bowker(table: Ratings) -> Estimate:
    """Are disagreements as often one way as the other? Value: chi-squared; rows: its df and p.

    One degree of freedom for each pair of categories that the raters ever swapped. Bowker (1948),
    A test for symmetry in contingency tables, Journal of the American Statistical Association 43,
    572-574.
    """
    reason = _why_not_two_raters(table)
    if reason:
        return undefined("bowker", reason, **table.counts())
    counts = two_rater_counts(table)
    upper = np.triu_indices(len(counts), 1)
    one_way, other_way = counts[upper], counts.T[upper]
    swapped = one_way + other_way > 0
    if not swapped.any():
        return undefined("bowker", NO_DISAGREEMENT, **table.counts())
    difference = (one_way - other_way)[swapped]
    chi2 = float((difference**2 / (one_way + other_way)[swapped]).sum())
    return _test("bowker", "Bowker's test of symmetry", table, chi2, int(swapped.sum()))


def prevalence_index(table: Ratings) -> Estimate:
    """How much more often both say one answer than the other, 0 to 1; high values depress kappa.

    Byrt, Bishop & Carlin (1993), Bias, prevalence and kappa, Journal of Clinical Epidemiology 46,
    423-429.
    """
    return _index("prevalence_index", "(both yes - both no) / items, absolute", table, (0, 0, 1, 1))


def bias_index(table: Ratings) -> Estimate:
    """How much more often one rater says yes than the other, 0 to 1 (Byrt et al., 1993)."""
    return _index("bias_index", "difference between the raters' shares", table, (0, 1, 1, 0))


def pabak(table: Ratings, *, confidence: float = CONFIDENCE) -> Estimate:
    """Kappa adjusted for prevalence and bias: twice the observed agreement, minus one.

    Of two categories it is Brennan and Prediger's kappa, which gives the interval.
    """
    reason = _why_not_two_by_two(table)
    if reason:
        return undefined("pabak", reason, **table.counts())
    found = brennan_prediger(_both_rated(table), confidence=confidence)
    if found.value is None:
        return undefined("pabak", found.undefined_because, **table.counts())
    return Estimate(
        name="pabak",
        value=found.value,
        low=found.low,
        high=found.high,
        no_interval_because=found.no_interval_because,
        standard_error=found.standard_error,
        confidence=confidence,
        n_clusters=found.n_clusters,
        method=found.method.replace("Brennan and Prediger's kappa", "PABAK"),
        notes=found.notes,
        **table.counts(),
    )


def pair_counts(table: Ratings) -> Iterator[tuple[int, int, Counts]]:
    """Per pair of raters with an item in common: both rows, and how often each answer met each.

    The last is categories x categories, the first rater down.
    """
    size = table.categories.size + 1
    codes = category_codes(table.values, table.categories) + 1
    scaled = codes * size
    for one in range(len(codes)):
        for two in range(one + 1, len(codes)):
            cells = np.bincount(scaled[one] + codes[two], minlength=size * size)
            counts = cells.reshape(size, size)[1:, 1:].astype(np.float64)
            if counts.any():
                yield one, two, counts


def two_rater_counts(table: Ratings) -> Counts:
    """categories x categories, the first rater down. Needs two raters with an item in common."""
    [(_, _, counts)] = pair_counts(table)
    return counts


def kappa_of_counts(counts: Counts, weights: NDArray[np.float64]) -> float | None:
    """None where both raters gave one and the same answer throughout."""
    shares = counts / counts.sum()
    chance = float(shares.sum(axis=1) @ weights @ shares.sum(axis=0))
    if 1 - chance < 1e-12:
        return None
    return (float((weights * shares).sum()) - chance) / (1 - chance)


def _two_rater_kappa(
    name: str, words: str, table: Ratings, weighting: Weighting, confidence: float
) -> Estimate:
    reason = _why_not_two_raters(table)
    if reason:
        return undefined(name, reason, **table.counts())
    both = _both_rated(table)
    if both.categories.size < 2:
        return undefined(name, EVERY_RATING_THE_SAME, **table.counts())
    data = tally(both, agreement_weights(weighting, both.categories))
    chance = (chance_of_conger if name == "cohen_kappa" else chance_of_fleiss)(data)
    if 1 - chance.agreement < 1e-12:
        return undefined(name, EVERY_RATING_THE_SAME, **table.counts())
    result = linearised(data, chance)
    how = "" if weighting == "unweighted" else f" with {weighting} weights"
    items = result.terms.size
    known: dict[str, Any] = {
        "name": name,
        "value": result.value,
        "confidence": confidence,
        "n_clusters": None if data.clusters is None else int(data.clusters.max()) + 1,
        "method": f"{words}{how} over {items} items that both rated; large-sample standard error, "
        "normal interval",
        **table.counts(),
    }
    units = items if data.clusters is None else known["n_clusters"]
    if units < 2:
        return Estimate(**known, no_interval_because="there is only one item or cluster of items")
    # The large-sample error divides by n where the linearised one divides by n - 1.
    error = result.standard_error(data.clusters) * ((units - 1) / units) ** 0.5
    if error < 1e-12:
        return Estimate(**known, no_interval_because=f"all items {NO_SPREAD}")
    half = float(ndtri((1 + confidence) / 2)) * error
    return Estimate(
        **known,
        standard_error=error,
        low=result.value - half,
        high=min(result.value + half, 1.0),
    )


def _both_rated(table: Ratings) -> Ratings:
    both = table.given.sum(axis=0) == 2
    return Ratings(
        values=table.values[:, both],
        scale=table.scale,
        raters=table.raters,
        items=tuple(np.array(table.items, dtype=object)[both]),
        clusters=None if table.clusters is None else table.clusters[both],
    )


def _why_not_two_raters(table: Ratings) -> str:
    if len(table.raters) != 2:
        return f"it compares two raters, and the table has {len(table.raters)}"
    return why_no_agreement(table)


def _why_not_two_by_two(table: Ratings) -> str:
    if table.categories.size != 2:
        return f"it is of two possible answers, and the scale has {table.categories.size}"
    return _why_not_two_raters(table)


def _index(name: str, method: str, table: Ratings, cells: tuple[int, int, int, int]) -> Estimate:
    reason = _why_not_two_by_two(table)
    if reason:
        return undefined(name, reason, **table.counts())
    counts = two_rater_counts(table)
    row_one, column_one, row_two, column_two = cells
    difference = counts[row_one, column_one] - counts[row_two, column_two]
    return Estimate(
        name=name,
        value=float(abs(difference) / counts.sum()),
        no_interval_because=A_DESCRIPTION,
        method=method,
        **table.counts(),
    )


def _homogeneity(name: str, words: str, table: Ratings) -> Estimate:
    reason = _why_not_two_raters(table)
    if reason:
        return undefined(name, reason, **table.counts())
    counts = two_rater_counts(table)
    difference = counts.sum(axis=1) - counts.sum(axis=0)
    variance = np.diag(counts.sum(axis=1) + counts.sum(axis=0)) - counts - counts.T
    # Categories that nobody confuses with another make the variance singular: its rank is the df.
    freedom = int(np.linalg.matrix_rank(variance, hermitian=True))
    if freedom == 0:
        return undefined(name, NO_DISAGREEMENT, **table.counts())
    chi2 = float(difference @ np.linalg.pinv(variance, hermitian=True) @ difference)
    items = float(counts.sum())
    if name == "bhapkar":
        if items - chi2 < 1e-9 * items:
            return undefined(name, "all disagreements go the same way", **table.counts())
        chi2 = chi2 / (1 - chi2 / items)
    return _test(name, words, table, chi2, freedom)


def _test(name: str, words: str, table: Ratings, chi2: float, freedom: int) -> Estimate:
    return Estimate(
        name=name,
        value=chi2,
        no_interval_because=A_TEST,
        method=f"{words}, chi-squared with {freedom} degrees of freedom",
        rows=({"df": freedom, "p": float(chdtrc(freedom, chi2))},),
        **table.counts(),
    )

"""Agreement figures as sentences that a psychologist can read and a paper can quote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from annotations.analysis import words
from annotations.analysis.families import NOMINAL, ORDINAL, Family
from annotations.analysis.settings import AnalysisSettings
from annotations.statistics.estimate import Estimate
from annotations.statistics.ratings import Ratings, Scale

NARROW = 1 / 3
"""Of the scale: where the middle 80 % of the answers lie within it, there is little to agree on."""
LOW_ALPHA = 0.4
WIDE = 0.4
SLIGHT = 0.1
"""An interval that ends below it holds nothing that a reader would call agreement."""
ONE_SIDED = 0.85
NUMBER_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def alpha_sentence(
    name: str, found: Estimate, figure: str = "ordinal alpha", did: str = "rated"
) -> str:
    """What the figure says, with how much it rests on."""
    raters = counted_raters(found.n_raters)
    if found.n_ratings == 0:
        return f"Nobody has submitted a rating of {name} yet."
    if found.value is None:
        return (
            f"{raters} {did} {name} ({words.counted(found.n_ratings, 'rating')}); agreement is "
            f"undefined because {words.reason(found)}."
        )
    text = (
        f"{raters} {did} {name} on {words.counted(found.n_pairable, 'item')} in common: {figure} "
        f"is {words.number(found.value)}"
    )
    if found.low is None or found.high is None:
        return (
            f"{text}, where 1 is perfect agreement and 0 is what chance alone would give. There is "
            f"no interval, because {found.no_interval_because.removeprefix('because ')}."
        )
    ends = words.interval_words(found.low, found.high)
    percent = f"{100 * found.confidence:g} %"
    return f"{text} ({percent} interval {ends}): {_meaning(found.low, found.high)}."


def _meaning(low: float, high: float) -> str:
    if low <= 0 <= high:
        return (
            "an interval that includes 0, which is what chance alone would give: whether these "
            "raters agree at all is open"
        )
    if high < 0:
        return "below 0: these raters disagree more than chance alone would make them"
    if high < SLIGHT:
        return "practically what chance alone would give"
    beyond = "they agree beyond chance, where 1 is perfect agreement and 0 is chance"
    if high - low > WIDE:
        return f"{beyond}; how far is still open, since the interval is wide"
    return beyond


def warnings_of(
    name: str,
    table: Ratings,
    found: Mapping[str, Estimate],
    family: Family = ORDINAL,
    labels: Mapping[int, str] | None = None,
    *,
    blind: bool = False,
) -> list[str]:
    """What a reader has to know before believing the figure; empty where there is nothing.

    labels: what values are called; blind: say nothing of which answers were given.
    """
    given = table.values[table.given]
    headline = found[family.headline]
    if given.size == 0 or table.scale is None:
        return []
    warnings = []
    if family.ordered:
        warnings += _low_variance(given, table.scale, found, family, blind=blind)
    warnings += _prevalence(given, table, found, family, labels or {}, blind=blind)
    if headline.n_pairable and headline.n_pairable < 20:
        warnings.append(
            f"Few items: {words.counted(headline.n_pairable, 'item')} with two ratings. Figures on "
            "so few move much with every further item."
        )
    return warnings


def _low_variance(
    given: NDArray[np.float64],
    scale: Scale,
    found: Mapping[str, Estimate],
    family: Family,
    *,
    blind: bool,
) -> list[str]:
    alpha = found[family.headline]
    low, high = np.percentile(given, [10, 90], method="inverted_cdf")
    narrow = high - low <= (scale.high - scale.low) * NARROW
    if not narrow or (alpha.value is not None and alpha.value >= LOW_ALPHA):
        return []
    where = "close together" if blind else f"between {low:g} and {high:g}"
    return [
        f"Low variance: nearly all answers lie {where}. With so little variation alpha says little "
        f"about the raters. Read it beside the others: {_beside(found, family)}."
    ]


def _prevalence(
    given: NDArray[np.float64],
    table: Ratings,
    found: Mapping[str, Estimate],
    family: Family,
    labels: Mapping[int, str],
    *,
    blind: bool,
) -> list[str]:
    values, counts = np.unique(given, return_counts=True)
    most = counts.max() / given.size
    two_sided = len(values) <= 2 and len(table.categories) <= 3
    if most <= ONE_SIDED or not (two_sided or (family is NOMINAL)):
        return []
    common = values[counts.argmax()]
    which = "one and the same" if blind else labels.get(int(common), f"{common:g}")
    return [
        f"Prevalence: {100 * most:.0f} % of the answers are {which}. Chance-corrected figures "
        f"fall when one answer is this common, even where raters agree: {_beside(found, family)}."
    ]


def _beside(found: Mapping[str, Estimate], family: Family) -> str:
    second = found[family.second]
    exact = found["percent_exact"].value
    text = (
        f"{family.second_label} is {words.number(second.value)}, "
        if second.value is not None
        else ""
    )
    if exact is None:
        return f"{text}no item has two ratings"
    text += f"{100 * exact:.0f} % of pairs of answers are identical"
    near = found["percent_within_1"].value if "percent_within_1" in found else None
    return text if near is None else f"{text} and {100 * near:.0f} % at most one point apart"


def counted_raters(count: int) -> str:
    word = NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else f"{count:,}"
    return f"{word} rater" if count == 1 else f"{word} raters"


def agreement_methods(
    made: Mapping[Family, tuple[list[str], list[Estimate]]],
    read: Sequence[str],
    settings: AnalysisSettings,
    software: str,
) -> str:
    """A paragraph for the methods section, made of what was computed.

    made: by family, the criteria and their headline figures; read: criteria without a coefficient.
    """
    found = [estimate for _, estimates in made.values() for estimate in estimates]
    names = [name for own, _ in made.values() for name in own]
    parts = []
    if found:
        raters = max(estimate.n_raters for estimate in found)
        pairable = words.spanned([estimate.n_pairable for estimate in found], "item")
        ratings = words.counted(sum(estimate.n_ratings for estimate in found), "rating")
        parts.append(
            f"{counted_raters(raters)} gave {ratings} on {words.listed(names)}; {pairable} had at "
            "least two independent ratings. Agreement was computed from independent first ratings, "
            "before any adjudication."
        )
    for family, (own, estimates) in made.items():
        of = f" of {words.listed(own)}" if len(made) > 1 else ""
        over = words.bootstrap_words(settings, estimates)
        parts.append(
            f"Inter-rater reliability{of} is {family.methods.format(over=over)}, resampling "
            f"together what belongs to one {settings.cluster_word}; beside it stand "
            f"{family.methods_beside}."
        )
    if read:
        parts.append(
            f"{words.listed(read)}: answers in words and marked passages have no coefficient of "
            "this kind; they are counted, and overlap of passages is the F1 of characters between "
            "two raters (Hripcsak & Rothschild, 2005)."
        )
    parts.append(
        "Ratings that could not be given are missing by reason and enter no figure. "
        f"{settings.version_words} Computed with {software}."
    )
    return " ".join(parts)


def comparison_methods(design: str, settings: AnalysisSettings, software: str) -> str:
    bootstrap = (
        f"by bootstrap over {settings.cluster_word}s ({settings.resamples:,} resamples, seed "
        f"{settings.seed})"
    )
    if design in ("best_of_n", "ranking"):
        what = _choice_methods(design, bootstrap, settings)
    elif design == "pairwise":
        sides = " and rater" if settings.new_raters else ""
        what = (
            "Models were compared by wins, ties and losses, a win rate counting ties as half, with "
            f"{settings.percent} Wilson intervals on the effective number of answers, clustered by "
            f"{settings.cluster_word}{sides} (Cameron, Gelbach & Miller, 2011), and ranked by the "
            f"Bradley-Terry model with ties (Davidson, 1970), with intervals of abilities and "
            f"ranks {bootstrap}; p-values of gaps are Holm-adjusted."
        )
    elif settings.new_raters:
        what = (
            "Models were compared on the same client turns by a linear mixed model of the "
            "differences of scores with crossed random effects of client turns and raters, from "
            f"which the {settings.percent} intervals and p-values come; p-values are Holm-adjusted "
            "over criteria and pairs of models."
        )
    else:
        what = (
            "Models were compared by paired differences of mean scores on the same client turns, "
            f"with {settings.percent} BCa intervals {bootstrap}; p-values are of t tests clustered "
            f"by {settings.cluster_word}, Holm-adjusted over criteria and pairs of models."
        )
    return f"{what} Claims are meant to hold for {settings.population}. Computed with {software}."


def _choice_methods(design: str, bootstrap: str, settings: AnalysisSettings) -> str:
    best = "chosen as the best" if design == "best_of_n" else "ranked first"
    sides = " and rater" if settings.new_raters else ""
    return (
        f"Models were compared by the share of the answers in which a response was shown and "
        f"{best}, with {settings.percent} Wilson intervals on the effective number of answers, "
        f"clustered by {settings.cluster_word}{sides} (Cameron, Gelbach & Miller, 2011), and "
        f"ranked by the Plackett-Luce model (Plackett, 1975; Luce, 1959), or, where rankings held "
        f"ties, by the Bradley-Terry model with ties (Davidson, 1970) of their pairs, with "
        f"intervals of abilities and ranks {bootstrap}; p-values of gaps are Holm-adjusted. Shares "
        "called “as resolved” count settled items and enter no other figure."
    )

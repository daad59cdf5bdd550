"""Which figures of agreement belong to which answers: scores, answers without order, rankings."""

from __future__ import annotations

from dataclasses import dataclass, field

from annotations.selectors.study_arrays import RANKS, CriterionInfo
from annotations.statistics.alpha_levels import Level


@dataclass(frozen=True)
class Family:
    level: Level
    headline: str
    """The figure that stands for the criterion, by its name in docs/statistics.md."""
    second: str
    """The one beside it, drawn hollow."""
    figure: str
    """The headline in a sentence."""
    second_label: str
    caption: str
    """Both in a caption."""
    methods: str
    methods_beside: str
    labels: dict[str, str] = field(hash=False)
    """Name -> what it is called in the table."""
    further: dict[str, str] = field(hash=False)
    did: str = "rated"
    ordered: bool = True


SCORED = {
    "gwet_ac2_quadratic": "Gwet's AC2, quadratic",
    "icc_a1": "ICC(A,1), one rater",
    "percent_exact": "Identical pairs, share",
    "percent_within_1": "At most 1 apart, share",
}
SCORED_FURTHER = {
    "icc_ak": "ICC(A,k), mean of an item's raters",
    "icc_c1": "ICC(C,1), consistency of one rater",
}
BESIDE_SCORES = (
    "Gwet's AC2 with quadratic weights (Gwet, 2014), the share of identical pairs of answers, and "
    "the intraclass correlation ICC(A,1) from crossed random effects fitted by REML (ten Hove, "
    "Jorgensen & van der Ark, 2022)"
)
AC2_CAPTION = "Krippendorff's alpha, {} (filled), and Gwet's AC2 with quadratic weights (hollow)"
ALPHA_METHODS = (
    "Krippendorff's alpha on the {} level (Krippendorff, 2011) with {{over}} (Efron, 1987)"
)
ORDINAL = Family(
    level="ordinal",
    headline="alpha_ordinal",
    second="gwet_ac2_quadratic",
    figure="ordinal alpha",
    second_label="Gwet's AC2",
    caption=AC2_CAPTION.format("ordinal"),
    methods=ALPHA_METHODS.format("ordinal"),
    methods_beside=BESIDE_SCORES,
    labels={"alpha_ordinal": "Alpha, ordinal", **SCORED},
    further={
        "alpha_ci_new_raters": "Alpha, ordinal, for new raters",
        "alpha_interval": "Alpha, interval level",
        "alpha_nominal": "Alpha, nominal",
        **SCORED_FURTHER,
    },
)
INTERVAL = Family(
    level="interval",
    headline="alpha_interval",
    second="gwet_ac2_quadratic",
    figure="interval alpha",
    second_label="Gwet's AC2",
    caption=AC2_CAPTION.format("interval level"),
    methods=ALPHA_METHODS.format("interval"),
    methods_beside=BESIDE_SCORES,
    labels={"alpha_interval": "Alpha, interval level", **SCORED},
    further={
        "alpha_ci_new_raters": "Alpha, interval level, for new raters",
        "alpha_ordinal": "Alpha, ordinal",
        "alpha_nominal": "Alpha, nominal",
        **SCORED_FURTHER,
    },
)
NOMINAL = Family(
    level="nominal",
    headline="alpha_nominal",
    second="gwet_ac1",
    figure="nominal alpha",
    second_label="Gwet's AC1",
    caption="Krippendorff's alpha, nominal (filled), and Gwet's AC1 (hollow)",
    methods=ALPHA_METHODS.format("nominal"),
    methods_beside=(
        "Gwet's AC1 (Gwet, 2008), Fleiss' kappa (Fleiss, 1971), and the share of identical pairs "
        "of answers"
    ),
    labels={
        "alpha_nominal": "Alpha, nominal",
        "gwet_ac1": "Gwet's AC1",
        "fleiss": "Fleiss' kappa",
        "percent_exact": "Identical pairs, share",
    },
    further={
        "alpha_ci_new_raters": "Alpha, nominal, for new raters",
        "brennan_prediger": "Brennan and Prediger's kappa",
        "conger": "Conger's kappa",
    },
    ordered=False,
)
RANKED = Family(
    level="ordinal",
    headline="kendall_tau",
    second="kendall_w",
    figure="Kendall's tau between two raters",
    second_label="Kendall's W",
    caption="Kendall's tau-b of two raters (filled) and Kendall's W (hollow), means over items",
    methods="the mean over items of Kendall's tau-b between two raters (Kendall, 1945) with {over}",
    methods_beside=(
        "the mean of Kendall's W (Kendall & Babington Smith, 1939), Krippendorff's ordinal alpha "
        "of the ranks, and the share of pairs of raters who put the same response first"
    ),
    labels={
        "kendall_tau": "Kendall's tau, two raters",
        "kendall_w": "Kendall's W, all raters of an item",
        "alpha_ordinal": "Alpha of the ranks, ordinal",
        "percent_exact": "Same response first, share of pairs",
    },
    further={"alpha_ci_new_raters": "Alpha of the ranks, for new raters"},
    did="ranked by",
    ordered=False,
)
BY_LEVEL = {"nominal": NOMINAL, "ordinal": ORDINAL, "interval": INTERVAL}


def family_of(criterion: CriterionInfo) -> Family:
    return RANKED if criterion.kind == RANKS else BY_LEVEL[criterion.level]

"""The tables of the report, from the stored results: for the page, LaTeX and CSV alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Cell = str | int | float | None
Results = Mapping[str, Any]


@dataclass(frozen=True)
class ReportTable:
    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def report_tables(sections: Mapping[str, Results]) -> list[ReportTable]:
    """Those that have rows."""
    found = [
        _agreement(sections.get("agreement", {})),
        _missing(sections.get("agreement", {})),
        _of_criteria(sections, "means", MEANS, "Mean scores by model.", _mean),
        _of_criteria(sections, "contrasts", CONTRASTS, "Differences between models.", _contrast),
        _of_criteria(sections, "label_shares", LABEL_SHARES, "Shares of answers.", _label_share),
        _of_criteria(sections, "shares", SHARES, "Shares chosen or ranked first.", _share),
        _of_criteria(sections, "resolved", RESOLVED, "Shares as resolved.", _resolved),
        _of_criteria(sections, "wins", WINS, "Answers by model preferred.", _win),
        _of_criteria(sections, "ranking", RANKING, "Rankings by model.", _rank),
    ]
    return [table for table in found if table.rows]


AGREEMENT = (
    *("Part", "Criterion", "Figure", "Value", "Low", "High", "Beside it", "Value beside"),
    *("Low beside", "High beside", "Identical pairs", "ICC(A,1)", "Items", "Raters", "Ratings"),
)
FIGURE_NAMES = {
    "alpha_ordinal": "Alpha (ordinal)",
    "alpha_interval": "Alpha (interval)",
    "alpha_nominal": "Alpha (nominal)",
    "kendall_tau": "Kendall's tau",
    "kendall_w": "Kendall's W",
    "gwet_ac2_quadratic": "AC2",
    "gwet_ac1": "AC1",
    "passage_f1": "F1 of marked passages",
}
MISSING = ("Part", "Criterion", "Code", "Reason", "Answers")
ENDS = ("value", "low", "high")
MEANS = ("Part", "Criterion", "Model", "Mean", "Low", "High", "Ratings")
LABEL_SHARES = ("Part", "Criterion", "Model", "Answer", "Share", "Low", "High", "Answers")
SHARES = ("Part", "Criterion", "Model", "Share", "Low", "High", "By chance", "Answers")
RESOLVED = ("Part", "Criterion", "Model", "Items won", "Share", "Low", "High")
CONTRASTS = (
    "Part",
    "Criterion",
    "Answer",
    "First",
    "Second",
    "Difference",
    "Low",
    "High",
    "p",
    "p (Holm)",
)
WINS = (
    *("Part", "Criterion", "First", "Second", "First preferred", "Ties", "Second preferred"),
    *("Win rate", "Low", "High"),
)
RANKING = (
    *("Part", "Criterion", "Model", "Log ability", "Low", "High", "Elo", "Rank", "Rank low"),
    *("Rank high", "Ranked first"),
)


def _agreement(section: Results) -> ReportTable:
    rows = [
        _agreement_row(part["position"], criterion)
        for part in section.get("parts", ())
        for criterion in part["criteria"]
        if criterion["statistics"]
    ]
    return ReportTable("agreement", "Agreement between raters.", AGREEMENT, tuple(rows))


def _agreement_row(position: int, criterion: Results) -> tuple[Cell, ...]:
    found = criterion["statistics"]
    headline = criterion["headline"] or next(iter(found))
    first, second = found[headline], found.get(criterion["second"], {})
    return (
        position,
        criterion["name"],
        FIGURE_NAMES[headline],
        *(first[key] for key in ENDS),
        FIGURE_NAMES.get(criterion["second"]),
        *(second.get(key) for key in ENDS),
        *(found.get(name, {}).get("value") for name in ("percent_exact", "icc_a1")),
        *(first[key] for key in ("n_pairable", "n_raters", "n_ratings")),
    )


def _missing(section: Results) -> ReportTable:
    """Each reason for a missing answer has a row of its own."""
    rows = tuple(
        (part["position"], criterion["name"], gap["kind"], gap["label"], gap["n"])
        for part in section.get("parts", ())
        for criterion in part["criteria"]
        for gap in criterion["missing"]
    )
    return ReportTable("missing", "Missing answers by reason.", MISSING, rows)


def _of_criteria(
    sections: Mapping[str, Results],
    name: str,
    columns: tuple[str, ...],
    caption: str,
    row: Callable[[Results], tuple[Cell, ...]],
) -> ReportTable:
    rows = tuple(
        (part["position"], criterion["name"], *row(entry))
        for part in sections.get("models", {}).get("parts", ())
        for criterion in part["criteria"]
        for entry in criterion.get(name) or ()
    )
    return ReportTable(name, caption, columns, rows)


def _mean(row: Results) -> tuple[Cell, ...]:
    return (row["model"], row["value"], row["low"], row["high"], row["n_ratings"])


def _contrast(row: Results) -> tuple[Cell, ...]:
    keys = ("one", "two", "value", "low", "high", "p", "p_holm")
    return (row.get("label") or None, *(row[key] for key in keys))


def _label_share(row: Results) -> tuple[Cell, ...]:
    return tuple(row[key] for key in ("model", "label", *ENDS, "n_ratings"))


def _share(row: Results) -> tuple[Cell, ...]:
    return tuple(row[key] for key in ("model", *ENDS, "chance", "n_ratings"))


def _resolved(row: Results) -> tuple[Cell, ...]:
    return tuple(row[key] for key in ("model", "n", *ENDS))


def _win(row: Results) -> tuple[Cell, ...]:
    keys = ("first", "second", "first_wins", "ties", "second_wins", "value", "low", "high")
    return tuple(row[key] for key in keys)


def _rank(row: Results) -> tuple[Cell, ...]:
    keys = ("model", "theta", "low", "high", "elo", "rank", "rank_low", "rank_high")
    return (*(row[key] for key in keys), row["share_ranked_first"])

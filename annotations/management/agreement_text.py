"""Agreement figures for a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotations.analysis.sentences import alpha_sentence
from annotations.statistics.estimate import Estimate
from inference.management.base import text_table

FIGURES = ("statistic", "value", "low", "high", "items", "raters", "ratings")
CRITERIA = (
    *("criterion", "figure", "value", "low", "high", "beside", "exact %", "items in common"),
    *("raters", "ratings"),
)


def figures_text(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Criterion -> statistic -> estimate, as in the JSON."""
    return "\n\n".join(_criterion_text(name, figures) for name, figures in found.items())


def _criterion_text(criterion: str, figures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (
            name,
            _number(one["value"], "undefined"),
            _number(one["low"]),
            _number(one["high"]),
            *(one[count] for count in ("n_items", "n_raters", "n_ratings")),
        )
        for name, one in figures.items()
    ]
    lines = [criterion, text_table(FIGURES, rows)]
    alpha = figures.get("alpha_ordinal")
    if alpha is not None:
        # Rows are of no use to the sentence, and an Estimate takes them as a tuple.
        lines.append(alpha_sentence(criterion, Estimate(**{**alpha, "rows": (), "notes": ()})))
    for name, one in figures.items():
        if one["value"] is None:
            because = one["undefined_because"].removeprefix("because ")
            lines.append(f"{name} is undefined because {because}.")
        elif one["low"] is None:
            because = one["no_interval_because"].removeprefix("because ")
            lines.append(f"{name} has no interval because {because}.")
        lines += [f"{name}: {note}" for note in one["notes"]]
        if one["rows"]:
            lines.append(f"{name} has {len(one['rows'])} rows; --json gives them.")
    return "\n".join(lines)


def study_text(report: Mapping[str, Any]) -> str:
    lines = [
        f"{report['name']} ({report['state']}): {report['submitted']} of "
        f"{report['assignments']} assignments submitted by {report['raters']} raters."
    ]
    for part in report["parts"]:
        lines += ["", f"Part {part['position']}, {part['design']}: {part['instrument']}"]
        lines.append(text_table(CRITERIA, [_criterion_row(found) for found in part["criteria"]]))
        for found in part["criteria"]:
            lines += [found["sentence"], *found["warnings"]]
    return "\n".join(lines)


def _criterion_row(found: Mapping[str, Any]) -> tuple[object, ...]:
    counts = found["counts"]
    ends = tuple(counts[name] for name in ("n_pairable", "n_raters", "n_ratings"))
    if not found["headline"]:
        return (found["slug"], "none", "", "", "", "", "", *ends)
    statistics = found["statistics"]
    headline, exact = statistics[found["headline"]], statistics["percent_exact"]["value"]
    return (
        found["slug"],
        found["headline"],
        _number(headline["value"], "undefined"),
        _number(headline["low"]),
        _number(headline["high"]),
        _number(statistics[found["second"]]["value"], "undefined"),
        "undefined" if exact is None else f"{100 * exact:.1f}",
        *ends,
    )


def _number(value: float | None, without: str = "") -> str:
    return without if value is None else f"{value:.3f}"

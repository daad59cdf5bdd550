"""A plan in words and as a picture: how wide an interval of agreement to expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from annotations.analysis.words import counted, listed, number
from annotations.figures.specs import Lines, Series

if TYPE_CHECKING:
    from annotations.statistics.planner import Plan, WinRatePower


def planning_figure(plan: Plan) -> Lines:
    """One line per number of raters; rows of an undefined plan are none, and so are its lines."""
    by_raters: dict[int, list[Mapping[str, Any]]] = {}
    for row in plan.rows:
        by_raters.setdefault(row["raters"], []).append(row)
    percent = f"{100 * plan.confidence:g} %"
    return Lines(
        key="planner",
        title=f"Expected width of the {percent} interval of alpha",
        description=" ".join(map(_line_words, by_raters.values())),
        caption=(
            f"Method: {plan.method}. Alpha {number(plan.alpha)}; seed {plan.seed}. To new items "
            "judged by these raters; for new raters intervals are wider."
        ),
        x_label="items",
        y_label=f"width of the {percent} interval",
        series=tuple(
            Series(
                label=counted(raters, "rater"),
                points=tuple((float(row["items"]), row["width"]) for row in rows),
            )
            for raters, rows in by_raters.items()
        ),
        log_x=True,
    )


def plan_sentences(plan: Plan) -> list[str]:
    """For each number of raters what the middle number of items brings."""
    items = sorted({row["items"] for row in plan.rows})
    return [_row_words(row) for row in plan.rows if row["items"] == items[len(items) // 2]]


def width_table(plan: Plan) -> list[dict[str, Any]]:
    """A row per number of items, with one cell (a row of the plan) per number of raters."""
    return [
        {"items": items, "cells": [row for row in plan.rows if row["items"] == items]}
        for items in sorted({row["items"] for row in plan.rows})
    ]


def power_sentence(found: WinRatePower) -> str:
    said = (
        f"To tell a win rate of {_percent(found.win_rate)} from 50 %, with a "
        f"{_percent(found.power)} chance of succeeding, collect "
        f"{counted(found.non_ties, 'answer')} that are not ties"
    )
    if found.design_effect == 1:
        return f"{said}."
    return (
        f"{said}: {found.independent:,} if every answer stood alone, times a design effect of "
        f"{found.design_effect:.2f} because answers that belong together say less."
    )


def _row_words(row: Mapping[str, Any]) -> str:
    who = f"With {counted(row['raters'], 'rater')} on each of {counted(row['items'], 'item')}"
    if row["width"] is None:
        return f"{who}, people would agree on everything too often for an interval to be made."
    return (
        f"{who}, expect an interval about {number(row['width'])} wide, for example "
        f"{number(row['low'])} to {number(row['high'])}."
    )


def _line_words(rows: list[Mapping[str, Any]]) -> str:
    widths = [
        f"{number(row['width'])} with {counted(row['items'], 'item')}"
        for row in rows
        if row["width"] is not None
    ]
    who = counted(rows[0]["raters"], "rater")
    return f"{who}: {listed(widths)}." if widths else f"{who}: undefined."


def _percent(share: float) -> str:
    return f"{100 * share:g} %"

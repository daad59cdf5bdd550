"""What a researcher is told before the launch is what the design holds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from math import sqrt
from pathlib import Path

import pytest

from annotations.design import (
    DesignError,
    DesignItem,
    DesignReport,
    Planned,
    PlannedDesign,
    PlannedPart,
    counterbalance_study,
    design_report,
    place_reference,
    place_repeats,
)
from annotations.design.planned import Cells, PartDesign
from tests.annotations.design.designs import crossed, work_of

PANEL = range(1_000_000, 1_000_030)


def planned_part(
    items: Sequence[DesignItem],
    design: PartDesign,
    scale: tuple[float, float] | None = None,
    name: str = "Choices",
) -> PlannedPart:
    return PlannedPart(
        name=name,
        design=design,
        items=items,
        criteria=["empathy", "safety"],
        seconds_per_item=90,
        scale=scale,
        ties=design == "pairwise",
        reference_items=PANEL,
    )


def planned(part: PlannedPart, raters: int, overlap: int, share: float = 0.0) -> PlannedDesign:
    work = work_of(part.items, raters, overlap, seed=1)
    orders = counterbalance_study(work, seed=1)
    return PlannedDesign(
        parts=[part],
        work={
            rater: place_repeats([item.key for item in items], share, 1, rater)
            for rater, items in work.items()
        },
        shown={
            (rater, item.key): order
            for rater, items in work.items()
            for item, order in zip(items, orders[rater], strict=True)
        },
        source_names={0: "Alpha", 1: "Beta", 2: "Gamma"},
    )


def warned(report: DesignReport, words: str) -> bool:
    return any(words in sentence for sentence in report.warnings)


def test_cells_count_independent_ratings_of_a_pairwise_design() -> None:
    design = planned(planned_part(crossed(60, 3, 2), "pairwise", (-2, 2)), 6, 2, share=0.1)
    report = design_report(design)
    part = report.parts[0]
    assert part.cells == {
        "item": Cells(180, 2, 2, 2.0),
        "source": Cells(3, 240, 240, 240.0),
        "source pair": Cells(3, 120, 120, 120.0),
        "rater": Cells(6, 60, 60, 60.0),
        "criterion": Cells(2, 360, 360, 360.0),
    }
    assert [row.places for row in part.sources] == [(120, 120)] * 3
    assert [(row.names, row.one_first, row.other_first) for row in part.pairs] == [
        (("Alpha", "Beta"), 60, 60),
        (("Alpha", "Gamma"), 60, 60),
        (("Beta", "Gamma"), 60, 60),
    ]
    assert report.overlap.pairs == 15
    assert report.overlap.mean == pytest.approx(180 / 15)
    assert report.overlap.groups == (tuple(range(6)),)
    assert report.warnings == ()


def test_repeats_and_reference_items_are_work_but_no_ratings() -> None:
    items = crossed(40, 1)
    keys = [item.key for item in items]
    work = {
        0: place_reference(place_repeats(keys, 0.1, 1, 0), PANEL, 0.05, 1, 0),
        1: [Planned(key) for key in keys],
    }
    part = planned_part(items, "absolute", (1, 10))
    report = design_report(PlannedDesign(parts=[part], work=work), simulations=0)
    first, second = report.raters
    assert (first.items, first.repeats, first.references) == (40, 4, 2)
    assert first.hours == pytest.approx(46 * 90 / 3600)
    assert first.blocks == (23, 23)
    assert second.blocks == (20, 20)
    assert report.parts[0].cells["item"] == Cells(40, 2, 2, 2.0)
    assert warned(report, "Rater 1 has too few items for one to come again")
    assert report.parts[0].intervals == ()


def test_single_responses_count_pairs_within_raters() -> None:
    items = crossed(30, 3)
    work = {rater: [Planned(item.key) for item in items] for rater in range(2)}
    design = PlannedDesign(parts=[planned_part(items, "absolute", (1, 10))], work=work)
    report = design_report(design, simulations=0)
    assert report.parts[0].within_rater_pairs == 2 * 30 * 3
    assert [row.ratings for row in report.parts[0].pairs] == [60, 60, 60]
    apart = {rater: [Planned(i.key) for i in items if i.sources == (rater,)] for rater in range(3)}
    report = design_report(replace(design, work=apart), simulations=0)
    assert report.parts[0].within_rater_pairs == 0
    assert warned(report, "No rater judges two responses to the same client turn")
    assert warned(report, "With one rater per item no agreement can be computed.")


def test_what_a_reviewer_would_attack_is_said() -> None:
    items = [item for item in crossed(200, 3, 2) if item.sources != (1, 2)]
    design = planned(planned_part(items, "pairwise"), 2, 1)
    report = design_report(design, simulations=0)
    assert warned(report, "Never compared with each other: Beta and Gamma.")
    assert warned(report, "All raters have more than 4 hours of work (up to 5.0)")
    one_sided = {key: tuple(sorted(order)) for key, order in design.shown.items()}
    report = design_report(replace(design, shown=one_sided), simulations=0)
    assert warned(report, "on one side clearly more often than on the other: Alpha and Beta; Alpha")


def test_uneven_and_unlinked_designs_are_said() -> None:
    items = crossed(4, 1)
    part = planned_part(items, "absolute")
    work = {
        0: [Planned(0), Planned(1)],
        1: [Planned(0), Planned(1)],
        2: [Planned(2)],
        3: [Planned(2)],
        4: [],
    }
    report = design_report(PlannedDesign(parts=[part], work=work), simulations=0)
    assert warned(report, "Some items have no rater.")
    assert warned(report, "2 groups without a common item (of 2, 2 raters)")
    assert warned(report, "Rater 4 has no items.")
    assert report.overlap.groups == ((0, 1), (2, 3))
    work[4] = [Planned(3)]
    report = design_report(PlannedDesign(parts=[part], work=work), simulations=0)
    assert warned(report, "Items have from 1 to 2 raters.")
    nothing = design_report(PlannedDesign(parts=[part], work={0: []}), simulations=2)
    assert nothing.warnings == ("Nobody rates anything.",)


def test_intervals_narrow_with_more_items_and_small_studies_are_warned() -> None:
    small = design_report(planned(planned_part(crossed(15, 2, 2), "pairwise", (-2, 2)), 3, 2))
    large = design_report(planned(planned_part(crossed(240, 2, 2), "pairwise", (-2, 2)), 12, 2))
    for one, other in zip(small.parts[0].intervals, large.parts[0].intervals, strict=True):
        assert one.statistic == other.statistic
        assert one.width is not None
        assert other.width is not None
        # 16 times the items: a quarter of the width, more or less.
        assert 2.5 < one.width / other.width < 6.5
    assert [interval.statistic for interval in small.parts[0].intervals] == [
        "alpha_ordinal",
        "win_rate",
    ]
    assert warned(small, "The interval of alpha is expected to be")
    assert warned(small, "The interval of a win rate is expected to be")
    assert large.warnings == ()
    assert len(large.notes) == 2


def test_the_expected_win_rate_interval_has_the_width_of_independent_answers_at_least() -> None:
    report = design_report(planned(planned_part(crossed(400, 2, 2), "pairwise"), 40, 1))
    (interval,) = report.parts[0].intervals
    independent = 2 * 1.96 * sqrt(0.8 / 4 / 400)
    assert interval.width is not None
    assert independent < interval.width < 1.6 * independent
    best = design_report(planned(planned_part(crossed(400, 4, 4), "best_of_n"), 40, 1))
    widths = [interval.width for interval in best.parts[0].intervals]
    assert len(widths) == 6
    # Half of the answers name one of the two, none of them a tie.
    assert all(w is not None and w > 1.3 * interval.width for w in widths)


def test_a_design_of_one_rater_per_item_has_no_alpha() -> None:
    report = design_report(planned(planned_part(crossed(40, 2), "absolute", (1, 10)), 4, 1))
    assert report.parts[0].intervals == ()


def test_of_many_pairs_the_least_and_the_most_covered_are_simulated() -> None:
    items = [item for item in crossed(12, 7, 2) if item.sources != (0, 1) or item.stimulus < 5]
    report = design_report(planned(planned_part(items, "pairwise"), 6, 2), simulations=5)
    assert [interval.answers for interval in report.parts[0].intervals] == [10, 24]


def test_parts_are_reported_apart_and_work_together() -> None:
    scores = planned_part(crossed(20, 2), "absolute", (1, 10), name="Scores")
    moved = [replace(item, key=item.key + 500) for item in crossed(20, 2, 2)]
    choices = planned_part(moved, "pairwise", (-1, 1))
    one, two = planned(scores, 3, 2), planned(choices, 3, 1)
    both = PlannedDesign(
        parts=[scores, choices],
        work={rater: [*one.work[rater], *two.work[rater]] for rater in range(3)},
        shown={**one.shown, **two.shown},
    )
    report = design_report(both, simulations=0)
    assert [part.cells["item"].most for part in report.parts] == [2, 1]
    assert [row.items for row in report.raters] == [
        len(one.work[rater]) + len(two.work[rater]) for rater in range(3)
    ]
    assert warned(report, "With one rater per item no agreement can be computed in “Choices”.")


def test_the_report_is_the_same_every_time_and_can_be_stored() -> None:
    design = planned(planned_part(crossed(30, 3, 3), "ranking", (1, 3)), 4, 2)
    report = design_report(design, seed=4)
    assert report == design_report(design, seed=4)
    assert report.parts[0].intervals != design_report(design, seed=5).parts[0].intervals
    assert json.loads(json.dumps(report.as_json()))["parts"][0]["cells"]["item"]["most"] == 2


def test_work_of_no_part_is_refused() -> None:
    design = planned(planned_part(crossed(5, 1), "absolute"), 2, 1)
    with pytest.raises(DesignError, match="Item 77"):
        design_report(replace(design, work={0: [Planned(77)]}))


def test_a_report_on_ten_thousand_items_simulates_on_a_part_of_them() -> None:
    design = planned(planned_part(crossed(1667, 4, 2), "pairwise", (-2, 2)), 200, 3, share=0.1)
    report = design_report(design)
    assert len(report.parts[0].intervals) == 7
    assert any("1,000 items instead of 10,002" in note for note in report.notes)
    assert any("about 4,000 answers" in note for note in report.notes)


def test_the_design_loads_neither_scipy_nor_django() -> None:
    program = (
        "import sys, annotations.design;"
        "print([n for n in ('scipy', 'django', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"

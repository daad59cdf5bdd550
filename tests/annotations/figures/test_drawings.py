"""What can be read in the pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.figures.canvas import shorten, span, spread, text_width, ticks
from annotations.figures.render import as_csv, inline_svg
from annotations.figures.specs import FigureSpec, Forest, Gap, Mark, Pair
from annotations.figures.style import contrast, number, p_text, ramp, text_on
from tests.annotations.figures import examples
from tests.annotations.figures.examples import hostile, parsed

EXAMPLES = examples.every_kind()
HOSTILE = {f"hostile {name}": hostile(figure) for name, figure in EXAMPLES.items()}
LARGE: dict[str, FigureSpec] = {
    "60 raters": examples.heat_map(60),
    "30 raters": examples.heat_map(30),
    "20 raters": examples.heat_map(20),
    "60 severities": examples.caterpillar(60),
    "60 spreads": examples.stacked(60),
    "60 drifts": examples.drift(60),
    "20 models": examples.ranking(20),
    "20 models compared": examples.gap_matrix(20),
    "190 pairs": examples.win_tie_loss(20),
    "101 scores": examples.bars(101),
}


@dataclass(frozen=True)
class Words:
    text: str
    x: float
    y: float
    size: float
    fill: str
    anchor: str
    turned: bool


@cache
def root_of(figure: FigureSpec) -> ET.Element:
    return parsed(inline_svg(figure, id_prefix="x"))


def words(figure: FigureSpec) -> list[Words]:
    return [
        Words(
            e.text or "",
            float(e.attrib["x"]),
            float(e.attrib["y"]),
            float(e.attrib["font-size"].removesuffix("px")),
            e.attrib.get("fill", "#000000"),
            e.attrib.get("text-anchor", "start"),
            "rotate" in e.attrib.get("transform", ""),
        )
        for e in root_of(figure).iter()
        if e.tag.endswith("}text")
    ]


def texts(figure: FigureSpec) -> list[str]:
    return [found.text for found in words(figure)]


@pytest.mark.parametrize("name", [*EXAMPLES, *LARGE, *HOSTILE])
def test_text_is_large_enough_and_stays_on_the_sheet(name: str) -> None:
    figure = (EXAMPLES | LARGE | HOSTILE)[name]
    width, height = (float(root_of(figure).attrib[name]) for name in ("width", "height"))
    assert width == 720
    for found in words(figure):
        assert found.size >= 11
        length = text_width(found.text, found.size)
        before = {"start": 0.0, "middle": length / 2, "end": length}[found.anchor]
        if not found.turned:
            assert found.x - before >= -1
            assert found.x - before + length <= width + 1
        assert 0 < found.y < height


@pytest.mark.parametrize("name", LARGE)
def test_every_one_of_very_many_is_named(name: str) -> None:
    figure = LARGE[name]
    drawn = set(texts(figure))
    last = {"60": "Rater 60", "20": "Model 19", "30": "Rater 30", "19": "Model 20", "10": "100"}
    assert ("Rater 20" if name == "20 raters" else last[name[:2]]) in drawn


def test_an_undefined_value_is_a_word() -> None:
    assert texts(examples.forest()).count("undefined") == 2
    assert texts(examples.caterpillar()).count("undefined") == 1
    assert texts(examples.influence()).count("undefined") == 1
    assert texts(examples.gap_matrix()).count("undefined") == 1
    assert "undefined: Rater late" in texts(examples.drift())
    assert "undefined" in texts(examples.drift(60))
    assert "undefined: no ratings" in texts(examples.stacked())
    assert "undefined: no comparisons" in texts(examples.win_tie_loss())


def test_undefined_limits_of_agreement_are_words() -> None:
    figure = replace(examples.bland_altman(), upper_limit=Mark(label="upper", value=None))
    assert "upper: undefined" in texts(figure)


def test_a_full_value_that_is_undefined_is_a_word() -> None:
    figure = replace(examples.influence(), full=Mark(label="all raters", value=None))
    assert "all raters: undefined" in texts(figure)


def test_values_intervals_and_ranks_stand_beside_their_marks() -> None:
    marks = (Mark(label="A", value=-0.004, low=-0.5, high=1234.5, note="rank 1 (1\u20132)"),)
    drawn = texts(Forest(**examples.about("a", "A"), marks=marks, x_label="Elo"))
    assert "0.00 [\u22120.50, 1,234.50]" in drawn
    assert "rank 1 (1\u20132)" in drawn


def test_severity_is_drawn_in_order_of_the_value_with_undefined_last() -> None:
    figure = examples.caterpillar()
    places = {found.text: found.y for found in words(figure)}
    ordered = sorted(
        figure.marks, key=lambda mark: -99.0 if mark.value is None else mark.value, reverse=True
    )
    drawn = [places[mark.label] for mark in ordered]
    assert drawn == sorted(drawn)


def test_a_cell_with_too_few_in_common_says_how_many() -> None:
    drawn = texts(examples.heat_map())
    assert drawn.count("n = 4") == 2
    assert "second line: n; hatched: too few in common" in drawn


def test_a_coefficient_has_two_digits_and_its_overlap_below() -> None:
    figure = examples.heat_map()
    drawn = texts(figure)
    value, n = figure.values[1][0], figure.counts[1][0]
    assert value is not None
    assert drawn[drawn.index(f"{value:.2f}".removeprefix("0")) + 1] == str(n)


def test_text_in_a_matrix_has_contrast_in_every_cell() -> None:
    for figure in (examples.heat_map(20), examples.gap_matrix(8), examples.stacked()):
        shaded = rectangles(root_of(figure))
        checked = 0
        for found in words(figure):
            for x0, y0, x1, y1, fill in shaded:
                if x0 < found.x < x1 and y0 < found.y - 3 < y1:
                    assert contrast(found.fill, fill) >= 4.5
                    checked += 1
        assert checked > 25


def rectangles(root: ET.Element) -> list[tuple[float, float, float, float, str]]:
    """Filled ones, other than the sheet itself."""
    found = []
    for element in root.iter():
        fill = element.attrib.get("fill", "")
        if element.tag.endswith("}path") and re.fullmatch(r"#\w{6}", fill):
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", element.attrib["d"])]
            xs, ys = numbers[::2], numbers[1::2]
            if max(xs) - min(xs) < 700:
                found.append((min(xs), min(ys), max(xs), max(ys), fill))
    return found


@given(st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_text_has_contrast_on_every_shade(share: float) -> None:
    assert contrast(text_on(ramp(share)), ramp(share)) >= 4.5


def test_the_ramp_darkens_evenly_enough_that_no_value_is_a_boundary() -> None:
    """Neither .667 nor .800 nor any other value changes the colour by a jump."""
    shades = [contrast(ramp(i / 100), "#ffffff") for i in range(101)]
    steps = [later / earlier for earlier, later in pairwise(shades)]
    assert all(1 < step < 1.06 for step in steps)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_a_gap_has_its_interval_and_its_corrected_p() -> None:
    gaps = ((None, None), (Gap(value=0.5, low=0.1, high=0.9, p_holm=0.0004), None))
    figure = replace(examples.gap_matrix(2), gaps=gaps)
    drawn = texts(figure)
    assert [text for text in ("0.50", "[0.10, 0.90]", "p < .001") if text in drawn] != []
    bold = [e.text for e in root_of(figure).iter() if e.attrib.get("font-weight") == "700"]
    assert bold == ["0.50"]


def test_narrow_cells_leave_out_what_the_table_has_and_say_so() -> None:
    drawn = texts(examples.gap_matrix(20))
    assert not [text for text in drawn if text.startswith("[")]
    assert any("what has no room is in the data table" in text for text in drawn)


def test_wins_carry_counts_and_shares_and_the_note() -> None:
    pairs = (Pair(first="A", second="B", wins=50, ties=25, losses=25, note="67 % [60, 73]"),)
    drawn = texts(replace(examples.win_tie_loss(), pairs=pairs))
    assert {"50 (50 %)", "25 (25 %)", "67 % [60, 73]", "A", "B"} <= set(drawn)


def test_segments_say_their_category_so_that_order_is_read_without_colour() -> None:
    figure = examples.stacked(1, 3)
    drawn = texts(figure)
    for category, count in zip(figure.categories, figure.bars[0].counts, strict=True):
        assert drawn.count(category) == (2 if count else 1)


def test_every_line_is_named_at_its_end_without_touching_another() -> None:
    figure = examples.drift()
    named = [w for w in words(figure) if w.text.startswith("Rater ")]
    assert len(named) == len(figure.series) - 1
    places = sorted(w.y for w in named)
    assert all(b - a >= 11 for a, b in pairwise(places))


def test_lines_differ_in_their_dashes_as_well() -> None:
    dashes = {
        element.attrib.get("stroke-dasharray", "")
        for element in root_of(examples.planning()).iter()
        if element.attrib.get("stroke-width") == "1.8"
    }
    assert len(dashes) == 4


def test_equal_points_are_one_circle_and_very_many_are_binned() -> None:
    assert any("area: how many of them" in text for text in texts(examples.bland_altman()))
    many = texts(examples.bland_altman(4000, whole=False))
    assert any("the darker, the more" in text for text in many)


def test_a_long_label_is_shortened_in_the_picture_and_whole_in_the_table() -> None:
    label = "A criterion with a very long name that nobody would print in full anywhere at all"
    figure = replace(examples.forest(), marks=(Mark(label=label, value=0.5),))
    assert label not in texts(figure)
    assert any(text.endswith("…") and label.startswith(text[:-1]) for text in texts(figure))
    assert label in as_csv(figure)


@given(st.text(max_size=60), st.floats(20, 200))
@settings(max_examples=100, deadline=None)
def test_a_shortened_label_fits(text: str, width: float) -> None:
    assert text_width(shorten(text, width)) <= width + 1e-9


@given(st.lists(st.floats(0, 300), min_size=1, max_size=19))
@settings(max_examples=200, deadline=None)
def test_names_that_would_touch_are_spread_in_their_order(wanted: list[float]) -> None:
    places = spread(sorted(wanted), 15, 300)
    assert all(b - a >= 15 - 1e-6 for a, b in pairwise(places))
    assert places[0] - 7.5 >= -1e-6
    assert places[-1] + 7.5 <= 300 + 1e-6


def test_a_name_that_touches_none_stays_where_it_is() -> None:
    assert spread([50, 100, 102], 15, 300) == [50, 93.5, 108.5]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_ticks_lie_within_the_values_and_differ(values: list[float]) -> None:
    low, high = span(values)
    assert low < high
    found, labels = ticks(low, high)
    assert len(set(labels)) == len(labels) >= 1
    assert all(low <= value <= high for value in found)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-0.001, 2, "0.00"), (-0.5, 1, "\u22120.5"), (1234.4, 0, "1,234"), (0.125, 2, "0.12")],
)
def test_numbers_are_written_as_a_journal_does(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0004, "p < .001"), (0.012, "p = .012"), (1.0, "p = 1.000"), (0.5, "p = .500")],
)
def test_p_values_are_written_as_apa_does(p: float, text: str) -> None:
    assert p_text(p) == text

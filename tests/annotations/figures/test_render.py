"""Every kind as SVG, PDF and PNG: the same bytes each time, nothing changed outside."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import get_args

import matplotlib as mpl
import pytest
from PIL import Image

from annotations.figures import specs
from annotations.figures.render import Format, inline_svg, png_dpi, render
from annotations.figures.specs import FigureSpec, Mark, Series
from tests.annotations.figures import examples
from tests.annotations.figures.examples import hostile, parsed

EXAMPLES = examples.every_kind()
MAGIC = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("format", get_args(Format))
def test_every_kind_renders_in_every_format_to_the_same_bytes(name: str, format: Format) -> None:
    first = render(EXAMPLES[name], format)
    assert first.startswith(MAGIC[format])
    assert render(EXAMPLES[name], format) == first


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="gif"):
        render(examples.bars(), "gif")  # type: ignore[arg-type]


def test_another_process_draws_the_same_bytes_and_opens_no_windows() -> None:
    program = (
        "import hashlib, sys; from tests.annotations.figures import examples;"
        "from annotations.figures.render import render;"
        "print([hashlib.sha256(render(examples.halo(), f)).hexdigest() for f in ('svg', 'pdf')],"
        " 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    formats: tuple[Format, ...] = ("svg", "pdf")
    here = [hashlib.sha256(render(examples.halo(), f)).hexdigest() for f in formats]
    assert done.stdout.strip() == f"{here} False"


def test_threads_do_not_disturb_each_other() -> None:
    figures = [EXAMPLES[name] for name in ("forest", "heat-map", "drift", "wins")]
    alone = [render(figure, "svg") for figure in figures]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda figure: render(figure, "svg"), figures)) == alone


def test_settings_and_warnings_are_left_as_they_were() -> None:
    before = mpl.rcParams.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for format in get_args(Format):
            render(hostile(EXAMPLES["forest"]), format)
    assert mpl.rcParams.copy() == before


def test_a_png_has_300_dots_to_the_inch_and_says_what_it_is() -> None:
    image = Image.open(io.BytesIO(render(examples.forest(), "png")))
    assert image.width == 3000
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert image.info["Title"] == "Agreement per criterion"
    assert "seed 7" in image.info["Description"]


def test_a_very_long_png_stays_within_memory() -> None:
    assert png_dpi(10, 5) == 300
    assert 10 * 80 * png_dpi(10, 80) ** 2 <= 40_000_000


def test_a_pdf_keeps_its_text_as_text_and_has_a_title_but_no_date() -> None:
    content = render(examples.forest(), "pdf")
    assert b"/CIDFontType2" in content or b"/Subtype /TrueType" in content
    assert b"/Type3" not in content
    assert b"Agreement per criterion" in content
    assert b"CreationDate" not in content


def test_a_downloaded_svg_stands_alone_with_title_description_and_caption() -> None:
    root = parsed(render(examples.forest(), "svg"))
    texts = {element.tag.rpartition("}")[2]: element.text for element in root.iter()}
    assert texts["description"] == examples.forest().caption
    assert root[0].text == "Agreement per criterion"
    assert root[1].text == examples.forest().description
    assert (root.attrib["width"], root.attrib["viewBox"][:7]) == ("720", "0 0 720")


@pytest.mark.parametrize("name", EXAMPLES)
def test_hostile_labels_are_text_and_nothing_else(name: str) -> None:
    figure = hostile(EXAMPLES[name])
    text = inline_svg(figure, id_prefix="one")
    assert "<b" not in text
    assert not set(text) & set("\x00\x0b\u202e")
    drawn = "".join(parsed(text).itertext())
    assert "<b onload='x'>&amp; \"R\" $\\frac{$ a_b^c" in drawn


def test_letters_between_dollars_are_not_mathematics() -> None:
    figure = replace(examples.bars(2), labels=("$\\alpha$", "a_1"))
    assert {"$\\alpha$", "a_1"} <= texts(figure)


def texts(figure: FigureSpec) -> set[str]:
    root = parsed(inline_svg(figure, id_prefix="x"))
    return {element.text or "" for element in root.iter() if element.tag.endswith("}text")}


ABOUT = examples.about("nothing", "Nothing yet")
NOTHING = Mark(label="bias", value=None)
EMPTY: tuple[FigureSpec, ...] = (
    specs.Forest(**ABOUT, marks=(), x_label="alpha"),
    specs.Caterpillar(**ABOUT, marks=(), x_label="severity"),
    specs.Influence(**ABOUT, marks=(), x_label="alpha", full=NOTHING),
    specs.HeatMap(
        **ABOUT, measure="kappa", row_labels=("a",), column_labels=("a",), values=((None,),)
    ),
    specs.GapMatrix(**ABOUT, measure="gap", labels=(), gaps=()),
    specs.StackedBars(**ABOUT, category_name="score", categories=(), bars=()),
    specs.Bars(**ABOUT, x_label="score", labels=("1", "2"), counts=(0, 0)),
    specs.WinTieLoss(**ABOUT, pairs=()),
    specs.Lines(
        **ABOUT, x_label="x", y_label="y", series=(Series(label="a", points=((1.0, None),)),)
    ),
    specs.BlandAltman(
        **ABOUT,
        x_label="x",
        y_label="y",
        points=(),
        bias=NOTHING,
        lower_limit=NOTHING,
        upper_limit=NOTHING,
    ),
)


@pytest.mark.parametrize("figure", EMPTY, ids=lambda figure: figure.kind)
def test_a_study_without_data_has_pictures_all_the_same(figure: FigureSpec) -> None:
    assert inline_svg(figure, id_prefix="x").startswith("<svg")


def test_the_empty_figures_are_of_every_kind() -> None:
    assert {figure.kind for figure in EMPTY} == set(specs.KINDS)

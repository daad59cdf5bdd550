"""SVG in a page: no inline styles, ids of its own, words for those who do not see it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from annotations.figures.plain import FigureError
from annotations.figures.render import inline_svg, render
from tests.annotations.figures import examples
from tests.annotations.figures.examples import parsed

EXAMPLES = examples.every_kind()
SVG = {name: inline_svg(figure, id_prefix=name) for name, figure in EXAMPLES.items()}
FILES = {f"{name}.svg": render(figure, "svg").decode() for name, figure in EXAMPLES.items()}
BOTH = SVG | FILES


@pytest.mark.parametrize("name", BOTH)
def test_nothing_that_a_strict_policy_forbids(name: str) -> None:
    text = BOTH[name]
    root = parsed(text)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    attributes = {name.rpartition("}")[2] for element in root.iter() for name in element.attrib}
    assert not tags & {"style", "script", "image", "foreignObject", "a", "animate"}
    assert "style" not in attributes
    assert not [name for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("name", BOTH)
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    text = BOTH[name]
    links = [
        value
        for element in parsed(text).iter()
        for attribute, value in element.attrib.items()
        if attribute.endswith("href") or "url(" in value
    ]
    assert all(re.fullmatch(r"#[\w-]+|url\(#[\w-]+\)", link) for link in links)
    assert "xlink" not in text


@pytest.mark.parametrize("name", SVG)
def test_a_piece_of_page_has_no_prolog(name: str) -> None:
    text = BOTH[name]
    assert text.startswith("<svg ")
    assert "<!" not in text
    assert "<?" not in text
    assert "metadata" not in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_title_and_description_come_first_and_are_named(name: str) -> None:
    root = parsed(SVG[name])
    title, description = root[0], root[1]
    assert root.attrib["role"] == "img"
    assert (title.text, description.text) == (EXAMPLES[name].title, EXAMPLES[name].description)
    assert root.attrib["aria-labelledby"] == title.attrib["id"] == f"{name}-title"
    assert root.attrib["aria-describedby"] == description.attrib["id"] == f"{name}-desc"


def test_ids_are_unique_over_all_figures_of_a_page() -> None:
    twice = inline_svg(EXAMPLES["heat-map"], id_prefix="heat-map-again")
    ids = re.findall(r' id="([^"]+)"', "".join([*SVG.values(), twice]))
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_reference_is_to_an_id_of_the_same_figure(name: str) -> None:
    ids = set(re.findall(r' id="([^"]+)"', SVG[name]))
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', SVG[name]))
    assert references <= ids
    assert all(found.startswith(f"{name}-") for found in ids)


def test_the_hatch_of_an_empty_cell_is_found_under_its_new_name() -> None:
    assert re.search(r'fill="url\(#heat-map-h\w+\)"', SVG["heat-map"])


def test_a_prefix_that_could_leave_its_attribute_is_refused() -> None:
    with pytest.raises(FigureError):
        inline_svg(examples.bars(), id_prefix='x" onload="y')


def test_the_page_scales_it_by_its_view_box() -> None:
    root = parsed(SVG["forest"])
    width, height = root.attrib["width"], root.attrib["height"]
    assert root.attrib["viewBox"] == f"0 0 {width} {height}"
    assert width == "720"


@pytest.mark.parametrize("name", BOTH)
def test_no_number_is_missing(name: str) -> None:
    text = BOTH[name]
    assert not re.search(
        r"\b(nan|inf|none)\b", re.sub(r'fill="none"|stroke="none"', "", text), re.I
    )


def test_text_stays_text_in_the_fonts_of_the_page() -> None:
    root = parsed(SVG["forest"])
    assert root.attrib["font-family"].startswith("system-ui")
    assert "DejaVu Sans" in root.attrib["font-family"]
    assert not [e for e in root.iter() if "font-family" in e.attrib and e is not root]


def test_the_title_of_a_hostile_study_stays_a_title() -> None:
    figure = replace(examples.bars(), title="</title><script>x</script>\x08", caption="]]>&")
    for text in (inline_svg(figure, id_prefix="x"), render(figure, "svg").decode()):
        assert parsed(text)[0].text == "</title><script>x</script>"
        assert "<script" not in text

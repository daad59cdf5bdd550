"""matplotlib's SVG made fit for a page whose policy forbids inline styles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from annotations.figures.plain import FigureError, is_slug
from annotations.figures.style import INK, one_line

PAGE_FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", '
    "sans-serif"
)
FILE_FONT = 'Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif'
SVG = "http://www.w3.org/2000/svg"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
DROPPED = ("metadata", "style", "script")
LONG = re.compile(r"\d+\.\d{3,}")
LINKS = re.compile(r"#([\w.-]+)")
PRESENTATION = frozenset(
    (
        *("clip-path", "fill", "fill-opacity", "fill-rule", "font-size", "font-style"),
        *("font-weight", "opacity", "stroke", "stroke-dasharray"),
        *("stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit"),
        *("stroke-opacity", "stroke-width", "text-anchor"),
    )
)
"""What matplotlib styles and SVG has an attribute for."""


def for_page(drawn: bytes, *, title: str, description: str, prefix: str) -> str:
    """Scales with the page; stands beside others, as every id begins with the prefix."""
    return ET.tostring(_rebuilt(drawn, title, description, prefix, PAGE_FONT), "unicode")


def for_file(drawn: bytes, *, title: str, description: str, caption: str, prefix: str) -> bytes:
    root = _rebuilt(drawn, title, description, prefix, FILE_FONT)
    metadata = ET.Element("metadata", {"xmlns:dc": DUBLIN_CORE})
    ET.SubElement(metadata, "dc:title").text = one_line(title)
    ET.SubElement(metadata, "dc:description").text = one_line(caption)
    root.insert(2, metadata)
    text = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _rebuilt(drawn: bytes, title: str, description: str, prefix: str, font: str) -> ET.Element:
    if not is_slug(prefix):
        raise FigureError(f"{prefix!r} cannot begin an id.")
    source = ET.fromstring(drawn)  # noqa: S314 - written by matplotlib a moment ago
    linked = {link for element in source.iter() for link in _links(element.attrib)}
    root = ET.Element("svg", _root_attributes(source, prefix, font))
    ET.SubElement(root, "title", {"id": f"{prefix}-title"}).text = one_line(title)
    ET.SubElement(root, "desc", {"id": f"{prefix}-desc"}).text = one_line(description)
    for child in source:
        _copy(child, root, prefix, linked)
    return root


def _root_attributes(source: ET.Element, prefix: str, font: str) -> dict[str, str]:
    _, _, width, height = source.attrib["viewBox"].split()
    return {
        "xmlns": SVG,
        "viewBox": source.attrib["viewBox"],
        # Own size as attributes, not styles, so that a style sheet can scale it.
        "width": width,
        "height": height,
        "role": "img",
        "aria-labelledby": f"{prefix}-title",
        "aria-describedby": f"{prefix}-desc",
        "font-family": font,
        "color": INK,
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }


def _copy(element: ET.Element, parent: ET.Element, prefix: str, linked: set[str]) -> None:
    tag = element.tag.rpartition("}")[2]
    if tag in DROPPED:
        return
    copied = ET.SubElement(parent, tag, _attributes(element.attrib, prefix, linked))
    copied.text = element.text if tag == "text" else None
    for child in element:
        _copy(child, copied, prefix, linked)
    if len(copied) == 0 and tag in ("g", "defs"):
        parent.remove(copied)


def _attributes(given: Mapping[str, str], prefix: str, linked: set[str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in given.items():
        local = name.rpartition("}")[2]
        if local == "style":
            kept.update(_presentation(value))
        elif local == "id":
            if value in linked:
                kept["id"] = f"{prefix}-{value}"
        elif local == "transform" and value.startswith("rotate(-0 "):
            continue
        else:
            kept[local] = LONG.sub(_rounded, " ".join(value.split()))
    return {name: _linked(name, value, prefix) for name, value in kept.items()}


def _rounded(found: re.Match[str]) -> str:
    """To a hundredth of a px, which halves the size of large matrices."""
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")


def _presentation(style: str) -> dict[str, str]:
    """The font is set once, at the root."""
    parts = (part.partition(":") for part in style.split(";") if part.strip())
    found = {name.strip(): value.strip() for name, _, value in parts}
    found.pop("font-family", None)
    unknown = set(found) - PRESENTATION
    if unknown:
        raise FigureError(f"No attribute stands for the style {', '.join(sorted(unknown))}.")
    return found


def _linked(name: str, value: str, prefix: str) -> str:
    if name == "href" or value.startswith("url("):
        return LINKS.sub(rf"#{prefix}-\1", value)
    return value


def _links(attributes: Mapping[str, str]) -> list[str]:
    values = (
        value for name, value in attributes.items() if name.endswith("href") or "url(" in value
    )
    return [link for value in values for link in LINKS.findall(value)]

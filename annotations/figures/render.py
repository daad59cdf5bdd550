"""The door: a spec in, a file or a piece of page out.

matplotlib is loaded when the first picture is drawn, never when this module is imported.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Literal

from annotations.figures import svg
from annotations.figures.specs import FigureSpec
from annotations.figures.style import RC, one_line
from inference.recognition.tables import csv_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Format = Literal["svg", "pdf", "png"]
Metadata = Mapping[str, str | None]
PNG_DPI = 300
MOST_PIXELS = 40_000_000
"""Of a PNG: a picture of very many rows has fewer to the inch rather than fill the memory."""

_ONE_AT_A_TIME = Lock()
"""matplotlib's settings belong to the whole process."""


def render(figure: FigureSpec, format: Format) -> bytes:
    """The same bytes for the same spec; the caption is in the metadata of the file."""
    title, caption = one_line(figure.title), one_line(figure.caption)
    if format == "svg":
        return svg.for_file(
            _svg(figure),
            title=title,
            description=figure.description,
            caption=caption,
            prefix=figure.key,
        )
    if format == "pdf":
        return _pdf(figure, {"Title": title, "Subject": caption, "CreationDate": None})
    if format == "png":
        return _png(figure, {"Title": title, "Description": caption})
    raise ValueError(f"A figure comes as svg, pdf or png, not as {format!r}.")


def inline_svg(figure: FigureSpec, *, id_prefix: str) -> str:
    """Escaped and safe to put into a page; id_prefix: a slug, unique on the page."""
    return svg.for_page(
        _svg(figure), title=figure.title, description=figure.description, prefix=id_prefix
    )


def as_csv(figure: FigureSpec) -> str:
    """The data table (RFC 4180); an undefined value is an empty field."""
    columns, rows = figure.table
    return "".join(csv_lines([columns, *rows]))


def _svg(figure: FigureSpec) -> bytes:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with _drawn(figure) as drawn:
        return _printed(FigureCanvasSVG(drawn).print_svg, {"Date": None, "Creator": None})


def _pdf(figure: FigureSpec, metadata: Metadata) -> bytes:
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    with _drawn(figure) as drawn:
        return _printed(FigureCanvasPdf(drawn).print_pdf, metadata)


def _png(figure: FigureSpec, metadata: Metadata) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _drawn(figure) as drawn:
        width, height = drawn.get_size_inches()
        drawn.set_dpi(png_dpi(width, height))
        return _printed(FigureCanvasAgg(drawn).print_png, metadata)


def png_dpi(width: float, height: float) -> int:
    """Dots to the inch for a sheet of width x height inches."""
    return min(PNG_DPI, int(math.sqrt(MOST_PIXELS / (width * height))))


def _printed(printer: Callable[..., None], metadata: Metadata) -> bytes:
    output = io.BytesIO()
    printer(output, metadata=metadata)
    return output.getvalue()


@contextmanager
def _drawn(figure: FigureSpec) -> Iterator[Figure]:
    from matplotlib import rc_context

    from annotations.figures.drawings import draw

    with _ONE_AT_A_TIME, rc_context(RC), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes, in SVG by the browser's fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield draw(figure)

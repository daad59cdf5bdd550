"""Colours, sizes and words of all pictures; the colours are those of static/css/app.css."""

from __future__ import annotations

import unicodedata
from typing import Any

INK = "#1f2a2e"
INK_SOFT = "#4d5b60"
LINE = "#d5dbd8"
LINE_STRONG = "#84928e"
ACCENT = "#1c5d6b"
WARM = "#8a4b12"
WARM_SOFT = "#f6ecdf"
PAPER = "#ffffff"

BODY = 12.5
SMALL = 11.5
"""Sizes in px where the picture is 720 px wide."""

RAMP = ("#eef5f6", "#a9cbd2", "#5c98a5", "#1c5d6b", "#0a2f38")
"""One hue from light to dark, so that the order survives print and colour blindness."""

SANS = "DejaVu Sans"
"""Comes with matplotlib: widths are measured, and PDF and PNG set, in the same font everywhere."""

RC: dict[Any, Any] = {
    "font.family": [SANS],
    "font.size": BODY,
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "moodeval",
    "pdf.fonttype": 42,
    "axes.edgecolor": LINE_STRONG,
    "axes.labelcolor": INK,
    "axes.labelsize": BODY,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "xtick.color": LINE_STRONG,
    "ytick.color": LINE_STRONG,
    "xtick.labelcolor": INK_SOFT,
    "ytick.labelcolor": INK_SOFT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "hatch.color": LINE,
    "hatch.linewidth": 1.0,
    "path.simplify": False,
}


UNWANTED = frozenset("\ufffe\uffff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def ramp(share: float) -> str:
    """0: lightest, 1: darkest."""
    place = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    index = min(int(place), len(RAMP) - 2)
    parts = zip(_channels(RAMP[index]), _channels(RAMP[index + 1]), strict=True)
    mixed = (round(low + (high - low) * (place - index)) for low, high in parts)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def text_on(background: str) -> str:
    """Black or white, one of which always has a contrast of 4.58:1 or more."""
    return max(("#000000", PAPER), key=lambda colour: contrast(colour, background))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def one_line(text: str) -> str:
    """Without line breaks, what XML forbids, and marks that turn the text around them."""
    spaced = (" " if character.isspace() else character for character in text)
    kept = (c for c in spaced if unicodedata.category(c) not in ("Cc", "Cs"))
    return " ".join("".join(c for c in kept if c not in UNWANTED).split())


def number(value: float, digits: int = 2) -> str:
    """With a minus sign rather than a hyphen, and never a negative zero."""
    text = f"{value:,.{digits}f}"
    return f"{0:.{digits}f}" if not text.strip("-0.,") else text.replace("-", "\u2212")


def interval_text(value: float, low: float | None, high: float | None, digits: int = 2) -> str:
    if low is None or high is None:
        return number(value, digits)
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def p_text(p: float) -> str:
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)

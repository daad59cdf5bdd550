"""Smooth shapes on a supersampled Pillow image, in coordinates that follow a moving head."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SUPERSAMPLE = 2

Points = NDArray[np.float64]
Colour = tuple[int, int, int]


def points(*pairs: tuple[float, float]) -> Points:
    return np.array(pairs, dtype=np.float64)


def moved(shape: Points, dx: float, dy: float) -> Points:
    there: Points = shape + np.array([dx, dy])
    return there


def mix(first: Colour, second: Colour, share: float) -> Colour:
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def shade(colour: Colour, amount: float) -> Colour:
    """Darker below 0, lighter above."""
    return mix(colour, (0, 0, 0) if amount < 0 else (255, 255, 255), abs(amount))


def ellipse(x: float, y: float, rx: float, ry: float, count: int = 40) -> Points:
    angle = np.linspace(0, 2 * math.pi, count, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def smooth(control: Points, *, closed: bool = True, steps: int = 8) -> Points:
    """Catmull-Rom through the control points."""
    if closed:
        padded = np.concatenate([control[-1:], control, control[:2]])
    else:
        padded = np.concatenate([control[:1], control, control[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5
            * (
                2 * p1
                + (p2 - p0) * t
                + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
        )
    curve: Points = np.concatenate(pieces)
    return curve if closed else np.concatenate([curve, control[-1:]])


@lru_cache(maxsize=1)
def _radial() -> Image.Image:
    axis = np.linspace(-1, 1, 128)
    distance = np.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2)
    falloff = np.clip(1 - distance, 0, 1)
    return Image.fromarray((255 * falloff**2 * (3 - 2 * falloff)).astype(np.uint8))


@dataclass(frozen=True)
class Placement:
    """Where face units land on the picture: rotate about the pivot, scale, move (pixels)."""

    scale: float
    x: float
    y: float
    degrees: float = 0.0
    pivot: tuple[float, float] = (0.0, 1.3)

    def __call__(self, shape: Points) -> Points:
        angle = math.radians(self.degrees)
        cos, sin = math.cos(angle), math.sin(angle)
        centred = shape - np.array(self.pivot)
        turned = centred @ np.array([[cos, sin], [-sin, cos]]) + np.array(self.pivot)
        placed: Points = (turned * self.scale + np.array([self.x, self.y])) * SUPERSAMPLE
        return placed


class Pen:
    """Draws shapes given in units of `place` on a picture SUPERSAMPLE times its final size."""

    def __init__(self, picture: Image.Image, place: Placement) -> None:
        self.picture = picture
        self.place = place
        self._draw = ImageDraw.Draw(picture)

    def fill(self, shape: Points, colour: Colour) -> None:
        self._draw.polygon([(x, y) for x, y in self.place(shape).tolist()], fill=colour)

    def stroke(self, path: Points, colour: Colour, width: float) -> None:
        """A line with round ends; width in units."""
        pixels = max(1.0, width * self.place.scale * SUPERSAMPLE)
        placed = [(x, y) for x, y in self.place(path).tolist()]
        self._draw.line(placed, fill=colour, width=round(pixels), joint="curve")
        for x, y in (placed[0], placed[-1]):
            self._draw.ellipse(
                (x - pixels / 2, y - pixels / 2, x + pixels / 2, y + pixels / 2), fill=colour
            )

    def taper(self, path: Points, colour: Colour, widths: Points) -> None:
        """A line whose half-width at each of its points is given, in units."""
        along = np.gradient(path, axis=0)
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
        side = across * widths[:, None]
        self.fill(np.concatenate([path + side, (path - side)[::-1]]), colour)

    def glow(self, x: float, y: float, rx: float, ry: float, colour: Colour, alpha: float) -> None:
        """A soft spot, `alpha` strong at its centre."""
        if alpha <= 0.004:
            return
        centre = self.place(points((x, y)))[0]
        unit = self.place.scale * SUPERSAMPLE
        size = (max(2, round(2 * rx * unit)), max(2, round(2 * ry * unit)))
        strength = min(alpha, 1.0)
        mask = _radial().resize(size).point(lambda value: int(value * strength))
        corner = (round(centre[0] - size[0] / 2), round(centre[1] - size[1] / 2))
        self.picture.paste(colour, (*corner, corner[0] + size[0], corner[1] + size[1]), mask)

    def inside(self, opening: Points, paint: Callable[[Pen], None]) -> None:
        """Paints only within the opening: what lies behind lids and lips."""
        placed = self.place(opening)
        low = np.floor(placed.min(axis=0)).astype(int)
        high = np.ceil(placed.max(axis=0)).astype(int) + 1
        low = np.maximum(low, 0)
        high = np.minimum(high, np.array(self.picture.size))
        if (high <= low).any():
            return
        box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        patch = self.picture.crop(box)
        mask = Image.new("L", patch.size, 0)
        ImageDraw.Draw(mask).polygon([(x, y) for x, y in (placed - low).tolist()], fill=255)
        shift = Placement(
            self.place.scale,
            self.place.x - low[0] / SUPERSAMPLE,
            self.place.y - low[1] / SUPERSAMPLE,
            self.place.degrees,
            self.place.pivot,
        )
        paint(Pen(patch, shift))
        self.picture.paste(patch, box[:2], mask)

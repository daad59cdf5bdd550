"""Hair, behind the head and in front of it. Fringes stay clear of the brows."""

from __future__ import annotations

import math

import numpy as np

from demo.build.pen import Colour, Pen, Points, ellipse, points, shade, smooth
from demo.build.people import Person

LONG = ("long", "wavy", "bob")


def draw_back(pen: Pen, person: Person) -> None:
    tone = shade(person.hair, -0.2)
    if person.hair_style == "scarf":
        pen.fill(ellipse(0, 0.0, 1.22, 1.42), shade(person.clothes, -0.2))
        pen.fill(
            _both((0.7, 0.7), (1.12, 1.1), (1.0, 1.75), (0.0, 1.85)), shade(person.clothes, -0.1)
        )
    elif person.hair_style in ("long", "wavy"):
        pen.fill(
            _both((0.0, -1.4), (0.9, -1.15), (1.26, -0.3), (1.28, 0.6), (1.18, 1.5), (0.6, 1.7)),
            tone,
        )
        if person.hair_style == "wavy":
            for step in range(9):
                for side in (-1, 1):
                    bump = 1.2 + 0.09 * math.sin(1.8 * step)
                    pen.fill(ellipse(side * bump, -0.5 + 0.24 * step, 0.17, 0.19, 20), tone)
    elif person.hair_style == "bob":
        pen.fill(
            _both((0.0, -1.42), (0.92, -1.15), (1.27, -0.2), (1.25, 0.6), (1.0, 0.92), (0.4, 0.8)),
            tone,
        )
    elif person.hair_style == "bun":
        pen.fill(ellipse(0.0, -1.5, 0.46, 0.4), tone)
    elif person.hair_style == "ponytail":
        pen.fill(_both((0.0, -1.3), (0.9, -1.1), (1.1, -0.3), (0.7, 0.2)), tone)
        pen.fill(
            smooth(points((0.7, -0.7), (1.4, -0.3), (1.46, 0.7), (1.2, 1.3), (1.05, 0.5))), tone
        )
    elif person.hair_style in ("curly", "curls"):
        _curls(pen, person, tone, 1.0)


def draw_front(pen: Pen, person: Person) -> None:
    hair, light = person.hair, shade(person.hair, 0.14)
    style = person.hair_style
    if style == "bald":
        return
    if style == "scarf":
        cloth = person.clothes
        outer = _arc(1.2, -1.42, 0.75)
        inner = _arc(0.92, -0.84, 0.6)
        pen.fill(np.concatenate([outer, inner[::-1]]), cloth)
        pen.stroke(inner, shade(cloth, -0.22), 0.05)
        pen.stroke(_arc(1.08, -1.16, 0.5), shade(cloth, 0.15), 0.03)
        return
    if style == "buzz":
        pen.fill(_cap(1.03, -1.26, -0.84, -0.25), shade(hair, 0.1))
        return
    if style in ("curly", "curls"):
        pen.fill(_cap(1.1, -1.38, -0.82, -0.2), hair)
        for step in range(13):
            angle = math.pi * (1.08 + 0.84 * step / 12)
            size = 0.2 + 0.03 * math.sin(3.7 * step)
            x, y = 0.98 * math.cos(angle), 1.13 * math.sin(angle) + 0.05
            pen.fill(ellipse(x, y, size, size, 20), light if step % 3 == 0 else hair)
        return
    if style in ("short", "cropped"):
        pen.fill(_cap(1.07, -1.36, -0.82, -0.1), hair)
        pen.fill(
            smooth(points((-0.75, -0.86), (-0.2, -1.3), (0.5, -1.25), (0.82, -0.84), (0.1, -0.9))),
            light,
        )
        return
    if style in ("side", "swept"):
        pen.fill(_cap(1.07, -1.36, -0.86, -0.1), hair)
        lift = 0.14 if style == "swept" else 0.0
        pen.fill(
            smooth(
                points(
                    (-0.85, -0.74),
                    (-0.6, -1.34 - lift),
                    (0.3, -1.46 - lift),
                    (0.95, -1.0),
                    (0.86, -0.72),
                    (0.1, -0.95),
                )
            ),
            hair,
        )
        pen.stroke(
            smooth(points((-0.5, -1.05), (0.1, -1.28 - lift), (0.7, -1.05)), closed=False),
            light,
            0.04,
        )
        return
    pen.fill(_cap(1.12, -1.4, -0.88, 0.0), hair)
    _curtain(pen, person, light)


def _curtain(pen: Pen, person: Person, light: Colour) -> None:
    """A parting, with locks down both sides for long styles."""
    middle = 0.3 if person.hair_style in LONG else -0.2
    bottom = {"long": 1.35, "wavy": 1.3, "bob": 0.78}.get(person.hair_style, -0.25)
    for side in (-1, 1):
        start = 0.12
        lock = points(
            (start, -1.34), (side * 0.62, -1.24), (side * 1.12, -0.5), (side * 1.2, middle),
            (side * 1.1, bottom), (side * 0.97, bottom - 0.1), (side * 0.98, -0.15),
            (side * 0.78, -0.72), (side * 0.4 + 0.05, -0.98),
        )  # fmt: skip
        pen.fill(smooth(lock, steps=6), person.hair)
        shine = points((side * 0.35 + 0.05, -1.16), (side * 0.8, -0.95), (side * 1.0, -0.5))
        pen.stroke(smooth(shine, closed=False), light, 0.045)


def _curls(pen: Pen, person: Person, tone: Colour, spread: float) -> None:
    long = person.hair_style == "curly"
    last = 1.42 if long else 1.12
    for step in range(21):
        angle = math.pi * (1.5 + last * (step / 10 - 1) * 0.62)
        size = 0.27 + 0.05 * math.sin(2.9 * step)
        x = 1.12 * spread * math.cos(angle)
        y = 1.16 * spread * math.sin(angle) + 0.02
        pen.fill(ellipse(x, y, size, size, 24), tone if step % 2 else shade(tone, 0.1))


def _both(*right: tuple[float, float]) -> Points:
    half = points(*right)
    mirror = half[half[:, 0] > 0][::-1] * np.array([-1.0, 1.0])
    return smooth(np.concatenate([half, mirror]))


def _arc(width: float, top: float, bottom: float) -> Points:
    right = points((0.0, top), (0.55 * width, 0.92 * top), (0.93 * width, 0.5 * top), (width, 0.0),
                   (0.97 * width, bottom))  # fmt: skip
    left = right[1:][::-1] * np.array([-1.0, 1.0])
    return smooth(np.concatenate([left, right]), closed=False)


def _cap(width: float, top: float, hairline: float, bottom: float) -> Points:
    """From temple to temple: outside over the crown, back along the hairline."""
    outer = smooth(
        points((-width, bottom), (-0.97 * width, -0.55), (-0.6 * width, 0.9 * top), (0.0, top),
               (0.6 * width, 0.9 * top), (0.97 * width, -0.55), (width, bottom)),
        closed=False,
    )  # fmt: skip
    inner = smooth(
        points((0.93, bottom), (0.86, -0.55), (0.6, hairline), (0.0, hairline - 0.06),
               (-0.6, hairline), (-0.86, -0.55), (-0.93, bottom)),
        closed=False,
    )  # fmt: skip
    return np.concatenate([outer, inner])

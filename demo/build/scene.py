"""One whole picture: the room, shoulders, hair and head."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image

from demo.build import hair
from demo.build.expression import Expression
from demo.build.head import draw_head, shift_of, skin_tone
from demo.build.pen import SUPERSAMPLE, Pen, Placement, ellipse, mix, points, shade, smooth
from demo.build.people import Person

SIZE = 256
HEAD_SCALE, HEAD_X, HEAD_Y = 70.0, 128.0, 124.0


def room(person: Person, random: Random) -> Image.Image:
    """The still background, drawn once a clip."""
    side = SIZE * SUPERSAMPLE
    top, bottom = np.array(shade(person.wall, 0.12)), np.array(shade(person.wall, -0.1))
    ramp = np.linspace(0, 1, side)[:, None, None]
    picture = Image.fromarray(
        np.broadcast_to(top + (bottom - top) * ramp, (side, side, 3)).astype(np.uint8)
    )
    pen = Pen(picture, Placement(SIZE, random.uniform(-8, 8), random.uniform(-6, 6), 0, (0, 0)))
    _furnish(pen, person)
    return picture


def _furnish(pen: Pen, person: Person) -> None:
    wall, wood = person.wall, mix(person.wall, (128, 96, 70), 0.45)
    if person.room == "window":
        pen.fill(points((0.03, 0.05), (0.3, 0.05), (0.3, 0.5), (0.03, 0.5)), shade(wall, 0.6))
        pen.fill(points((0.05, 0.07), (0.28, 0.07), (0.28, 0.48), (0.05, 0.48)), (206, 224, 234))
        pen.stroke(points((0.165, 0.07), (0.165, 0.48)), shade(wall, 0.6), 0.014)
    elif person.room == "shelf":
        pen.fill(points((0.7, 0.22), (1.05, 0.22), (1.05, 0.245), (0.7, 0.245)), wood)
        for number in range(6):
            left, tall = 0.73 + 0.036 * number, 0.09 + 0.012 * ((number * 5) % 4)
            book = points(
                (left, 0.22 - tall), (left + 0.03, 0.22 - tall), (left + 0.03, 0.22), (left, 0.22)
            )
            pen.fill(
                book, mix(wall, ((146, 98, 88), (88, 108, 128), (150, 138, 96))[number % 3], 0.6)
            )
    elif person.room == "plant":
        for number in range(7):
            bend = (number - 3) * 0.045
            leaf = points(
                (0.9, 0.62), (0.88 + bend, 0.44), (0.9 + 2 * bend, 0.3), (0.92 + bend, 0.46)
            )
            pen.fill(smooth(leaf, steps=5), mix((104, 138, 104), wall, 0.25 + 0.05 * (number % 2)))
        pen.fill(
            points((0.83, 0.62), (0.98, 0.62), (0.96, 0.8), (0.85, 0.8)),
            mix((170, 118, 92), wall, 0.3),
        )
    elif person.room == "picture":
        pen.fill(points((0.72, 0.08), (0.97, 0.08), (0.97, 0.38), (0.72, 0.38)), wood)
        pen.fill(points((0.74, 0.1), (0.95, 0.1), (0.95, 0.36), (0.74, 0.36)), shade(wall, 0.5))
        pen.fill(
            points(
                (0.74, 0.36), (0.74, 0.26), (0.81, 0.2), (0.88, 0.28), (0.95, 0.22), (0.95, 0.36)
            ),
            mix((120, 146, 140), wall, 0.3),
        )
    elif person.room == "lamp":
        pen.glow(0.12, 0.3, 0.34, 0.34, (255, 238, 196), 0.8)
        pen.fill(points((0.07, 0.22), (0.17, 0.22), (0.22, 0.4), (0.02, 0.4)), (244, 226, 184))
        pen.stroke(points((0.12, 0.4), (0.12, 1.0)), wood, 0.016)


def draw(background: Image.Image, person: Person, look: Expression) -> Image.Image:
    picture = background.copy()
    drop = 7 * max(look.pitch, 0)
    scale = HEAD_SCALE * (1 + look.lean)
    body = Placement(HEAD_SCALE, HEAD_X, HEAD_Y)
    place = Placement(scale, HEAD_X + 6 * look.yaw, HEAD_Y + drop, look.tilt)
    head = Pen(picture, place)
    hair.draw_back(head, person)
    _body(Pen(picture, body), head, person, look)
    draw_head(head, person, look)
    hair.draw_front(head, person)
    return picture.reduce(SUPERSAMPLE)


def _body(pen: Pen, head: Pen, person: Person, look: Expression) -> None:
    skin, cloth = skin_tone(person, look), person.clothes
    rise = -0.3 * look.shoulders
    neck = points(
        (-0.42, 0.6), (0.42, 0.6), (0.46, 1.45), (0.62, 1.75), (-0.62, 1.75), (-0.46, 1.45)
    )
    pen.fill(neck, shade(skin, -0.12))
    pen.glow(0.03, 1.18, 0.62, 0.4, shade(skin, -0.6), 0.5)
    right = [
        (0.0, 1.78),
        (0.42, 1.46),
        (0.95, 1.6 + rise),
        (1.5, 1.86 + rise),
        (1.75, 2.6),
        (1.75, 3.2),
    ]
    half = points(*right)
    torso = np.concatenate([half, half[:0:-1] * np.array([-1.0, 1.0])])
    pen.fill(torso, cloth)
    pen.stroke(points((-1.15, 2.05 + rise), (-1.05, 3.2)), shade(cloth, -0.15), 0.03)
    pen.stroke(points((1.15, 2.05 + rise), (1.05, 3.2)), shade(cloth, -0.15), 0.03)
    _neckline(pen, person)


def _neckline(pen: Pen, person: Person) -> None:
    cloth, dark = person.clothes, shade(person.clothes, -0.2)
    if person.neckline == "crew":
        pen.stroke(
            smooth(points((-0.46, 1.46), (0.0, 1.76), (0.46, 1.46)), closed=False), dark, 0.08
        )
    elif person.neckline == "v":
        pen.stroke(points((-0.46, 1.45), (0.0, 1.82), (0.46, 1.45)), dark, 0.07)
    elif person.neckline == "collar":
        for side in (-1, 1):
            flap = points(
                (side * 0.42, 1.4), (side * 0.02, 1.78), (side * 0.36, 1.95), (side * 0.66, 1.55)
            )
            pen.fill(flap, shade(cloth, 0.25))
    elif person.neckline == "hood":
        for side in (-1, 1):
            fold = points((side * 0.45, 1.35), (side * 0.75, 1.5), (side * 0.5, 1.85), (0.0, 1.86))
            pen.fill(smooth(fold, steps=5), shade(cloth, 0.1))
            pen.stroke(points((side * 0.16, 1.84), (side * 0.19, 2.15)), shade(cloth, 0.45), 0.035)


__all__ = ["SIZE", "draw", "ellipse", "room", "shift_of"]

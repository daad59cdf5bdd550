"""The face: head outline, skin, brows, eyes, nose, mouth, drawn from a Person and an Expression.

Units: half the face's width; the origin between the eyes and the nose; y points down.
"""

from __future__ import annotations

import math

import numpy as np

from demo.build.expression import Expression
from demo.build.pen import Colour, Pen, Points, ellipse, mix, moved, points, shade, smooth
from demo.build.people import Person

EYE_X, EYE_Y, EYE_W, EYE_H = 0.42, -0.1, 0.255, 0.2
BROW_Y = -0.44
MOUTH_Y, MOUTH_W = 0.68, 0.36
RED: Colour = (206, 62, 48)
ASH: Colour = (226, 226, 224)
OLIVE: Colour = (138, 160, 74)
LASH: Colour = (44, 34, 34)


def skin_tone(person: Person, look: Expression) -> Colour:
    tone = mix(person.skin, RED, 0.2 * look.flush)
    tone = mix(tone, ASH, 0.24 * max(look.pale, 0))
    return mix(tone, OLIVE, 0.2 * max(look.sallow, 0))


def outline(person: Person) -> Points:
    length, jaw = person.face_length, person.jaw
    right = points(
        (0.0, -1.2), (0.5, -1.1), (0.86, -0.74), (0.99, -0.15), (0.94, 0.36),
        (jaw + 0.08, 0.8), (0.36, 1.12), (0.0, 1.2),
    )  # fmt: skip
    right[:, 1] *= length
    return smooth(_closed(right))


def _closed(right: Points) -> Points:
    inner = right[1:-1][::-1] * np.array([-1.0, 1.0])
    return np.concatenate([right, inner])


def shift_of(look: Expression) -> tuple[float, float]:
    """How far the features slide over the head when it turns or nods."""
    return 0.17 * look.yaw, 0.16 * look.pitch


def draw_head(pen: Pen, person: Person, look: Expression) -> None:
    skin = skin_tone(person, look)
    dx, dy = shift_of(look)
    for side in (-1, 1):
        ear = ellipse(side * 0.99 - 0.4 * dx, 0.02 - 0.5 * dy, 0.15, 0.24)
        pen.fill(ear, shade(skin, -0.1))
        pen.fill(ellipse(side * 0.99 - 0.4 * dx, 0.03 - 0.5 * dy, 0.07, 0.13), shade(skin, -0.22))
        if person.earrings:
            pen.fill(ellipse(side * 1.0 - 0.4 * dx, 0.3 - 0.5 * dy, 0.055, 0.055), (214, 186, 120))
    pen.fill(outline(person), skin)
    pen.glow(0.55, 0.45, 0.62, 0.9, shade(person.skin, -0.35), 0.16)
    pen.glow(-0.2 + dx, -0.7, 0.8, 0.5, shade(skin, 0.6), 0.22)
    _complexion(pen, person, look)
    if person.beard:
        _beard(pen, person, look)
    _lines(pen, person, look, skin)
    _nose(pen, person, look, skin)
    for side in (-1, 1):
        _eye(pen, person, look, skin, side)
    _mouth(pen, person, look, skin)
    for side in (-1, 1):
        _brow(pen, person, look, side)
    if person.glasses:
        _glasses(pen, look)
    _tears(pen, look)
    _sweat(pen, look)


def _complexion(pen: Pen, person: Person, look: Expression) -> None:
    dx, dy = shift_of(look)
    for side in (-1, 1):
        x = side * 0.56 + dx
        pen.glow(x, 0.38 + dy, 0.44, 0.34, RED, 0.1 + 0.3 * look.flush + 0.2 * look.cheeks)
        ring = mix(shade(person.skin, -0.5), (84, 72, 104), 0.55)
        pen.glow(side * EYE_X + dx, EYE_Y + 0.23 + dy, 0.4, 0.22, ring, 0.42 * look.rings)
        pen.glow(side * EYE_X + dx, EYE_Y + 0.1 + dy, 0.42, 0.36, RED, 0.3 * max(look.tears, 0))
    pen.glow(0, -0.75, 0.8, 0.5, RED, 0.4 * max(look.flush - 0.3, 0))
    pen.glow(dx, 0.3 + dy, 0.22, 0.2, RED, 0.1 + 0.3 * max(look.tears, 0))
    if person.freckles:
        for number in range(14):
            angle, far = number * 2.4, 0.1 + 0.018 * number
            for side in (-1, 1):
                x = side * 0.5 + dx + far * math.cos(angle)
                y = 0.27 + dy + 0.45 * far * math.sin(angle)
                pen.fill(ellipse(x, y, 0.016, 0.016, 8), shade(mix(person.skin, RED, 0.3), -0.2))


def _beard(pen: Pen, person: Person, look: Expression) -> None:
    dx, dy = shift_of(look)
    tone = mix(person.skin, person.hair, 0.24 if person.beard == "stubble" else 0.85)
    drop = 0.12 * _gap(look)
    if person.beard in ("stubble", "full"):
        jaw = person.jaw + 0.08
        right = points(
            (0.0, 0.5 + dy), (0.3, 0.5 + dy), (0.6, 0.62), (0.9, 0.34),
            (jaw + 0.05, 0.8), (0.36, 1.12 + drop), (0.0, 1.21 + drop),
        )  # fmt: skip
        right[3:, 1] *= person.face_length
        right[:3, 0] += dx
        pen.fill(smooth(_closed(right), steps=6), tone)
    if person.beard in ("full", "moustache"):
        y = MOUTH_Y - 0.15 + dy - 0.05 * look.lip_raise
        shape = points((0, y - 0.07), (0.24, y), (0.4, y + 0.12), (0.2, y + 0.07), (0, y + 0.04))
        shape = _closed(shape)
        shape[:, 0] += dx
        pen.fill(smooth(shape, steps=5), shade(tone, -0.08))


def _lines(pen: Pen, person: Person, look: Expression, skin: Colour) -> None:
    """Folds: age, laughter, disgust, a worried or angry forehead."""
    dx, dy = shift_of(look)
    tone = shade(skin, -0.2)
    fold = max(0.5 * person.lines, look.cheeks * 0.9, look.nose_wrinkle * 0.9)
    if fold > 0.15:
        for side in (-1, 1):
            path = points((side * 0.24, 0.34), (side * 0.42, 0.5), (side * 0.5, 0.72))
            pen.stroke(smooth(moved(path, dx, dy), closed=False), mix(skin, tone, fold), 0.03)
    worry = max(look.brow_inner, 0) * 0.9
    if max(worry, 0.6 * person.lines) > 0.3:
        share = max(worry, 0.6 * person.lines)
        for height in (-0.78, -0.66):
            path = points((-0.34, height + 0.03), (0.0, height - 0.02), (0.34, height + 0.03))
            pen.stroke(
                smooth(moved(path, dx, 0.4 * dy), closed=False), mix(skin, tone, 0.7 * share), 0.022
            )
    if look.brow_knit > 0.3:
        for side in (-1, 1):
            path = points((side * 0.075, -0.5), (side * 0.06, -0.36))
            pen.stroke(moved(path, dx, dy), mix(skin, shade(skin, -0.4), look.brow_knit), 0.03)


def _nose(pen: Pen, person: Person, look: Expression, skin: Colour) -> None:
    dx, dy = shift_of(look)
    dx *= 1.25
    wrinkle = max(look.nose_wrinkle, 0)
    width = 0.17 * person.nose * (1 + 0.25 * wrinkle)
    tip = 0.36 - 0.07 * wrinkle
    tone = shade(skin, -0.24)
    pen.glow(dx, tip - 0.04 + dy, 0.26, 0.22, shade(skin, 0.5), 0.2)
    path = points((-width, tip - 0.03), (-0.6 * width, tip + 0.05), (0.0, tip + 0.075),
                  (0.6 * width, tip + 0.05), (width, tip - 0.03))  # fmt: skip
    pen.stroke(smooth(moved(path, dx, dy), closed=False), tone, 0.036)
    bridge = points((0.1, -0.12), (0.085, 0.1), (0.14 * person.nose, tip - 0.1))
    pen.stroke(smooth(moved(bridge, dx, dy), closed=False), mix(skin, tone, 0.45), 0.026)
    if wrinkle > 0.2:
        for step in range(3):
            y = -0.12 + 0.085 * step
            half = 0.15 - 0.012 * step
            path = points((-half, y - 0.045), (0.0, y + 0.025), (half, y - 0.045))
            pen.stroke(
                smooth(moved(path, dx, dy), closed=False),
                mix(skin, shade(skin, -0.42), wrinkle),
                0.03,
            )


def _eye(pen: Pen, person: Person, look: Expression, skin: Colour, side: int) -> None:
    dx, dy = shift_of(look)
    x = side * EYE_X * person.eye_gap + dx
    y = EYE_Y + dy
    half, height = EYE_W * person.eye_size, EYE_H * person.eye_size
    t = np.linspace(-1, 1, 25)
    arch = 1 - np.abs(t) ** 2.2
    outward = t * side
    slant = look.lid_slant * 0.075 * outward
    upper = y - height * look.lid * arch + slant * (0.4 + arch)
    lower = y + height * (0.72 - 0.95 * look.lower_lid) * arch + 0.4 * slant
    lower = np.maximum(lower, upper + 0.004)
    across = x + half * t
    opening = np.concatenate([np.stack([across, upper], 1), np.stack([across, lower], 1)[::-1]])
    iris_x = x + 0.085 * look.gaze_x + 0.02 * look.yaw
    iris_y = y + 0.1 * look.gaze_y - 0.01
    white = mix((250, 248, 244), (240, 190, 184), 0.5 * max(look.tears, 0))

    def eyeball(inner: Pen) -> None:
        inner.fill(ellipse(x, y, 0.5, 0.5), white)
        inner.fill(ellipse(iris_x, iris_y, 0.142, 0.142), shade(person.iris, -0.25))
        inner.fill(ellipse(iris_x, iris_y, 0.12, 0.12), person.iris)
        pupil = 0.068 * look.pupil
        inner.fill(ellipse(iris_x, iris_y, pupil, pupil), (22, 18, 20))
        inner.fill(ellipse(iris_x - 0.045, iris_y - 0.05, 0.034, 0.034), (255, 255, 255))
        inner.glow(x, float(upper.min()), 0.34, 0.1, (60, 50, 60), 0.45)
        if look.tears > 0.2:
            inner.glow(x, float(lower.max()), 0.3, 0.08, (214, 236, 250), 0.9)

    crease = np.stack([across, upper - 0.055 - 0.02 * arch], 1)
    lid = np.concatenate([crease, np.stack([across, upper], 1)[::-1]])
    pen.fill(lid, shade(skin, -0.1))
    pen.stroke(crease[3:-3], shade(skin, -0.26), 0.02)
    pen.inside(opening, eyeball)
    thick = 0.016 + 0.018 * arch
    pen.taper(np.stack([across, upper], 1), LASH, thick)
    if person.lashes:
        corner = points((x + side * half * 0.8, float(upper[-4 if side > 0 else 3])))[0]
        pen.stroke(np.stack([corner, moved(corner, side * 0.11, -0.075)]), LASH, 0.028)
        pen.stroke(
            np.stack([moved(corner, -side * 0.05, 0.0), moved(corner, side * 0.03, -0.11)]),
            LASH,
            0.022,
        )
    below = np.stack([across, lower], 1)
    pen.stroke(below[2:-2], shade(skin, -0.34), 0.02)
    if look.cheeks > 0.3 or look.lower_lid > 0.4:
        bag = np.stack([across, lower + 0.075 + 0.03 * arch], 1)
        pen.stroke(bag[5:-5], shade(skin, -0.16), 0.022)


def _brow(pen: Pen, person: Person, look: Expression, side: int) -> None:
    dx, dy = shift_of(look)
    inner_x = 0.2 - 0.075 * look.brow_knit
    inner_y = BROW_Y - 0.17 * look.brow_inner + 0.04 * max(-look.brow_inner, 0)
    outer_y = BROW_Y + 0.05 - 0.15 * look.brow_outer
    middle_y = (inner_y + outer_y) / 2 - 0.075 - 0.04 * max(look.brow_outer, 0)
    middle_y += 0.06 * max(-look.brow_inner, 0)
    path = points((inner_x, inner_y), (0.46, middle_y), (0.72, outer_y))
    path[:, 0] *= side
    curve = smooth(moved(path, dx, dy), closed=False)
    along = np.linspace(0, 1, len(curve))
    widths = person.brow * (0.058 - 0.036 * along**1.5)
    tone = mix(person.hair, (60, 46, 40), 0.35 if sum(person.hair) > 400 else 0.0)
    if person.hair_style == "scarf":
        tone = (52, 40, 36)
    pen.taper(curve, tone, widths)


def _gap(look: Expression) -> float:
    return max(look.mouth_open, 0.0)


def _mouth(pen: Pen, person: Person, look: Expression, skin: Colour) -> None:
    dx, dy = shift_of(look)
    dx *= 1.1
    t = np.linspace(-1, 1, 31)
    gap = _gap(look)
    half = MOUTH_W * look.mouth_width
    power = 2 + 2.6 * max(look.square, 0)
    arch = 1 - np.abs(t) ** power
    corners = MOUTH_Y + dy - 0.085 * look.mouth_curve
    centre = MOUTH_Y + dy + 0.1 * look.mouth_curve
    line = corners + (centre - corners) * (1 - np.abs(t) ** 2)
    sneer = 0.13 * abs(look.sneer) * np.exp(-(((t - math.copysign(0.5, look.sneer)) / 0.42) ** 2))
    upper = line - (0.13 * gap + 0.07 * max(look.lip_raise, 0)) * arch - sneer
    lower = line + (0.4 * gap - 0.05 * max(look.pout, 0) * (1 - gap)) * arch
    lower = np.maximum(lower, upper + 0.004)
    across = dx + half * t
    press = 1 - 0.8 * max(look.lip_press, 0)
    bow = 1 - 0.35 * np.exp(-((t / 0.16) ** 2))
    full = 1 - np.abs(t) ** 2.2
    top = upper - 0.075 * person.lips * press * full * bow
    low = lower + (0.1 + 0.07 * max(look.pout, 0)) * person.lips * press * full
    lip = mix(mix(skin, (176, 70, 76), 0.48), ASH, 0.25 * max(look.pale, 0))
    pen.glow(dx, float(low.max()) + 0.09, 0.3, 0.12, shade(skin, -0.5), 0.2 + 0.2 * look.pout)
    pen.fill(_ring(across, top, low), lip)
    pen.fill(_ring(across, lower, low), shade(lip, 0.1))

    def within(inner: Pen) -> None:
        inner.fill(ellipse(dx, MOUTH_Y + dy, 1.0, 1.0), (88, 34, 38))
        tongue = 0.1 + 0.9 * max(look.tongue, 0)
        low_y = float(lower.max())
        inner.fill(ellipse(dx, low_y, 0.6 * half, 0.16 * tongue + 0.02), (204, 108, 108))
        if look.teeth > 0.15:
            depth = min(0.13, 0.13 * look.teeth + 0.02)
            inner.fill(_ring(across, upper - 0.05, upper + depth), (250, 247, 240))
        if look.teeth > 1.1:
            inner.fill(_ring(across, lower - 0.07, lower + 0.05), (238, 232, 224))
            if gap < 0.4:  # clenched: the two rows meet
                inner.fill(_ring(across, upper, lower), (246, 242, 234))
                inner.stroke(np.stack([across, (upper + lower) / 2], 1), (120, 84, 80), 0.022)

    if float((lower - upper).max()) > 0.03:
        pen.inside(_ring(across, upper, lower), within)
    else:
        pen.stroke(np.stack([across, (upper + lower) / 2], 1), shade(lip, -0.5), 0.03)
    for end in (0, -1):
        spot = points((across[end] - 0.02, upper[end]), (across[end] + 0.02, upper[end]))
        pen.stroke(spot, shade(skin, -0.35), 0.035)


def _ring(across: Points, upper: Points, lower: Points) -> Points:
    return np.concatenate([np.stack([across, upper], 1), np.stack([across, lower], 1)[::-1]])


def _glasses(pen: Pen, look: Expression) -> None:
    dx, dy = shift_of(look)
    frame = (52, 48, 54)
    for side in (-1, 1):
        rim = ellipse(side * EYE_X + 1.1 * dx, EYE_Y + 0.03 + dy, 0.345, 0.3)
        pen.stroke(np.concatenate([rim, rim[:1]]), frame, 0.034)
        pen.stroke(points((side * 0.76 + dx, EYE_Y - 0.04 + dy), (side * 0.98, -0.1)), frame, 0.034)
    pen.stroke(
        points((-0.085 + 1.1 * dx, EYE_Y + dy), (0.085 + 1.1 * dx, EYE_Y + dy)), frame, 0.034
    )


def _tears(pen: Pen, look: Expression) -> None:
    if look.tears < 0.3:
        return
    dx, dy = shift_of(look)
    water = (176, 214, 240)
    for side in (-1, 1):
        x = side * 0.47 + dx
        run = 0.5 * look.tears
        path = points(
            (x, 0.08 + dy), (x + side * 0.04, 0.25 + dy), (x + side * 0.03, 0.1 + run + dy)
        )
        pen.stroke(smooth(path, closed=False), mix(water, (255, 255, 255), 0.25), 0.045)
        pen.fill(ellipse(x + side * 0.03, 0.12 + run + dy, 0.052, 0.07), water)
        pen.fill(ellipse(x + side * 0.015, 0.1 + run + dy, 0.018, 0.024), (246, 252, 255))


def _sweat(pen: Pen, look: Expression) -> None:
    if look.sweat < 0.4:
        return
    for x, y, size in ((0.78, -0.45, 0.06), (-0.72, -0.6, 0.05), (0.84, 0.1, 0.045)):
        drop = points((x, y - 1.7 * size), (x + size, y), (x, y + size), (x - size, y))
        pen.fill(smooth(drop, steps=5), (182, 216, 238))
        pen.fill(ellipse(x - 0.3 * size, y, 0.25 * size, 0.3 * size), (248, 253, 255))

"""What each emotion does to a face, how it swells and wavers over a clip, and how people differ.

The looks follow the usual descriptions (Ekman & Friesen's FACS: brow lowerer for anger, inner-brow
raiser for sadness, nose wrinkler for disgust, lid raiser for fear).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from random import Random


@dataclass(frozen=True)
class Expression:
    """Amounts, mostly 0..1; a neutral face is the default."""

    brow_inner: float = 0.0  # raised above 0, lowered below
    brow_outer: float = 0.0
    brow_knit: float = 0.0  # inner ends drawn together
    lid: float = 0.86  # upper lid: 0 shut, 1 open, above 1 white over the iris
    lower_lid: float = 0.12
    lid_slant: float = 0.0  # above 0 the outer corner droops
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    pupil: float = 1.0
    nose_wrinkle: float = 0.0
    mouth_width: float = 1.0
    mouth_curve: float = 0.04  # corners up above 0
    mouth_open: float = 0.0
    lip_raise: float = 0.0
    sneer: float = 0.0  # upper lip raised on one side
    lip_press: float = 0.0
    square: float = 0.0  # corners drawn apart, as for bared teeth
    teeth: float = 0.3
    tongue: float = 0.0
    pout: float = 0.0
    cheeks: float = 0.0
    flush: float = 0.0
    pale: float = 0.0
    sallow: float = 0.0
    rings: float = 0.0  # shadows under the eyes
    tears: float = 0.0
    sweat: float = 0.0
    tilt: float = 0.0  # degrees
    yaw: float = 0.0
    pitch: float = 0.0  # above 0 the face looks down
    lean: float = 0.0  # towards the camera
    shoulders: float = 0.0
    nod: float = 0.25
    shake: float = 0.0
    tremble: float = 0.0
    voice_opens: float = 1.0  # how far speech opens the mouth
    blink_rate: float = 0.28  # per second


NEUTRAL = Expression()

LOOKS: dict[str, Expression] = {
    "neutral": NEUTRAL,
    "joy": Expression(
        brow_inner=0.25, brow_outer=0.35, lid=0.78, lower_lid=0.98, mouth_width=1.32,
        mouth_curve=1.0, mouth_open=0.34, teeth=1.0, cheeks=1.0, flush=0.16, tilt=5.0, pitch=-0.1,
        lean=0.03, nod=0.9, pupil=1.1, blink_rate=0.3,
    ),
    "sadness": Expression(
        brow_inner=0.95, brow_outer=-0.4, brow_knit=0.45, lid=0.66, lower_lid=0.25, lid_slant=0.55,
        gaze_y=0.35, mouth_width=0.86, mouth_curve=-0.85, pout=0.7, teeth=0.1, flush=0.12,
        tears=1.0, tilt=-9.0, pitch=0.25, shoulders=-0.1, nod=0.2, voice_opens=0.6,
        blink_rate=0.45,
    ),
    "anger": Expression(
        brow_inner=-1.0, brow_outer=0.4, brow_knit=1.0, lid=0.84, lower_lid=0.42, lid_slant=-0.6,
        pupil=0.85, nose_wrinkle=0.25, mouth_width=1.08, mouth_curve=-0.5, mouth_open=0.24,
        square=1.0, teeth=1.4, flush=0.8, pitch=0.16, lean=0.11, shoulders=0.22, shake=0.5,
        nod=0.8, voice_opens=0.7, blink_rate=0.1,
    ),
    "fear": Expression(
        brow_inner=1.05, brow_outer=0.55, brow_knit=0.55, lid=1.42, lower_lid=-0.1, pupil=0.68,
        mouth_width=1.18, mouth_curve=-0.35, mouth_open=0.34, square=0.7, teeth=0.5, pale=1.0,
        sweat=1.0, pitch=-0.12, lean=-0.07, shoulders=0.32, nod=0.1, tremble=1.0,
        voice_opens=0.75, blink_rate=0.55,
    ),
    "disgust": Expression(
        brow_inner=-0.6, brow_outer=-0.25, brow_knit=0.5, lid=0.5, lower_lid=0.55, gaze_x=0.45,
        gaze_y=0.1, nose_wrinkle=1.0, mouth_width=0.92, mouth_curve=-0.6, mouth_open=0.14,
        lip_raise=1.0, sneer=1.0, teeth=0.6, tongue=0.9, pout=0.35, cheeks=0.45, sallow=1.0,
        tilt=8.0, yaw=-0.75, pitch=-0.16, lean=-0.05, shake=0.35, blink_rate=0.35,
    ),
    "depression": Expression(
        brow_inner=0.2, brow_outer=-0.45, lid=0.36, lower_lid=0.08, lid_slant=0.22, gaze_y=0.8,
        mouth_width=0.9, mouth_curve=-0.26, lip_press=0.25, teeth=0.0, pale=0.5, sallow=0.12,
        rings=1.0, tilt=3.0, pitch=0.8, lean=-0.04, shoulders=-0.38, nod=0.06, voice_opens=0.38,
        blink_rate=0.22,
    ),
}  # fmt: skip

EMOTIONS = tuple(LOOKS)


def blend(first: Expression, second: Expression, share: float) -> Expression:
    return Expression(
        **{
            f.name: getattr(first, f.name)
            + (getattr(second, f.name) - getattr(first, f.name)) * share
            for f in fields(Expression)
        }
    )


@dataclass(frozen=True)
class Performance:
    """One person's way of showing one emotion in one clip."""

    target: Expression
    start: float
    rise: float
    waver: float
    phase: float
    blinks: tuple[float, ...]
    drift: tuple[float, float]

    def at(self, seconds: float) -> Expression:
        swell = self.start + (1 - self.start) * min(1.0, seconds / self.rise)
        swell += self.waver * math.sin(1.7 * seconds + self.phase)
        look = blend(NEUTRAL, self.target, swell)
        sway_x = 0.07 * math.sin(self.drift[0] * seconds + self.phase)
        sway_y = 0.05 * math.sin(self.drift[1] * seconds + 2 * self.phase)
        nod = look.nod * 0.12 * math.sin(4.1 * seconds + self.phase)
        shake = look.shake * 0.16 * math.sin(6.3 * seconds + self.phase)
        shiver = look.tremble * 0.03 * math.sin(47 * seconds)
        return replace(
            look,
            gaze_x=look.gaze_x + sway_x,
            yaw=look.yaw + sway_x + shake + shiver,
            pitch=look.pitch + sway_y + nod,
            tilt=look.tilt + 14 * sway_x + 22 * shiver,
            lid=look.lid * self._lid_share(seconds),
        )

    def _lid_share(self, seconds: float) -> float:
        nearest = min((abs(seconds - blink) for blink in self.blinks), default=1.0)
        return min(1.0, 0.08 + nearest / 0.13)


def perform(emotion: str, duration: float, random: Random) -> Performance:
    look = LOOKS[emotion]
    strength = random.uniform(0.8, 1.08)
    varied = {}
    for f in fields(Expression):
        rest, value = getattr(NEUTRAL, f.name), getattr(look, f.name)
        varied[f.name] = rest + (value - rest) * strength * random.gauss(1, 0.1)
    side = random.choice((-1.0, 1.0))
    for name in ("gaze_x", "yaw", "tilt", "sneer"):
        varied[name] *= side
    target = replace(
        Expression(**varied),
        tilt=varied["tilt"] + random.gauss(0, 2.2),
        yaw=varied["yaw"] + random.gauss(0, 0.14),
        pitch=varied["pitch"] + random.gauss(0, 0.06),
        mouth_curve=varied["mouth_curve"] + random.gauss(0, 0.05),
        brow_inner=varied["brow_inner"] + random.gauss(0, 0.06),
        brow_outer=varied["brow_outer"] + random.gauss(0, 0.06),
        lid=varied["lid"] + random.gauss(0, 0.04),
    )
    blinks, moment = [], random.uniform(0.3, 2.0)
    while moment < duration:
        blinks.append(moment)
        moment += random.uniform(0.6, 1.4) / max(0.1, target.blink_rate)
    return Performance(
        target=target,
        start=random.uniform(0.45, 0.8),
        rise=random.uniform(0.5, 1.2),
        waver=random.uniform(0.02, 0.07),
        phase=random.uniform(0, 6.28),
        blinks=tuple(blinks),
        drift=(random.uniform(0.7, 1.5), random.uniform(0.6, 1.3)),
    )

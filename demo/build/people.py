"""Who is on screen: looks and voice of an invented person, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from demo.build.pen import Colour

SKINS: tuple[Colour, ...] = (
    (247, 219, 197), (240, 203, 174), (233, 188, 152), (222, 172, 134), (205, 150, 110),
    (184, 128, 90), (159, 106, 72), (134, 86, 58), (108, 69, 48), (243, 211, 190),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (36, 30, 30), (58, 40, 32), (84, 56, 38), (122, 80, 48), (150, 72, 42),
    (200, 160, 100), (172, 166, 160), (46, 38, 44),
)  # fmt: skip
GREY_HAIR: Colour = (186, 182, 178)
CLOTHES: tuple[Colour, ...] = (
    (74, 106, 122), (126, 92, 104), (92, 116, 92), (162, 128, 84), (70, 82, 116), (142, 98, 78),
    (110, 110, 122), (156, 124, 140), (62, 104, 100), (184, 160, 128), (88, 72, 100), (52, 62, 74),
)  # fmt: skip
WALLS: tuple[Colour, ...] = (
    (214, 222, 216), (226, 218, 204), (206, 214, 226), (228, 212, 206), (218, 214, 226),
    (204, 220, 222), (232, 226, 212), (210, 206, 200),
)  # fmt: skip
IRISES: tuple[Colour, ...] = (
    (74, 52, 40),
    (96, 66, 44),
    (86, 110, 84),
    (86, 116, 146),
    (60, 46, 42),
)

FEMININE_HAIR = ("bob", "long", "bun", "curly", "ponytail", "wavy", "long", "scarf")
MASCULINE_HAIR = ("short", "side", "buzz", "curls", "bald", "swept", "cropped")
FEMININE_VOICES = ("f1", "f2", "f3", "f4", "steph", "linda", "Annie", "aunty")
MASCULINE_VOICES = ("m1", "m3", "m7", "Andy", "Michael", "david", "victor", "travis")
ACCENTS = ("en", "en", "en", "en-GB-scotland", "en-GB-x-rp", "en-US", "en-GB-x-gbclan", "en-029")


def seeded(name: str) -> Random:
    """The same draws for the same name: pictures, not secrets."""
    return Random(name)  # noqa: S311


@dataclass(frozen=True)
class Person:
    skin: Colour
    hair: Colour
    hair_style: str
    clothes: Colour
    neckline: str
    wall: Colour
    room: str
    iris: Colour
    jaw: float
    face_length: float
    eye_size: float
    eye_gap: float
    nose: float
    lips: float
    brow: float
    glasses: bool
    beard: str
    freckles: bool
    earrings: bool
    lashes: bool
    lines: float  # 0 young .. 1 old
    voice: str
    pitch: float  # espeak 0..99
    pace: float  # words a minute


def _feminine(older: bool, random: Random) -> dict[str, object]:
    return {
        "hair_style": random.choice(FEMININE_HAIR),
        "jaw": random.uniform(0.6, 0.7),
        "lips": random.uniform(0.95, 1.25),
        "brow": random.uniform(0.75, 1.0),
        "beard": "",
        "earrings": random.random() < 0.5,
        "lashes": True,
        "voice": f"gmw/{random.choice(ACCENTS)}+{random.choice(FEMININE_VOICES)}",
        "pitch": random.uniform(44, 62) - 4 * older,
    }


def _masculine(older: bool, random: Random) -> dict[str, object]:
    return {
        "hair_style": random.choice(MASCULINE_HAIR),
        "jaw": random.uniform(0.7, 0.8),
        "lips": random.uniform(0.75, 0.95),
        "brow": random.uniform(1.05, 1.35),
        "beard": random.choice(("", "", "", "stubble", "stubble", "full", "moustache")),
        "earrings": False,
        "lashes": False,
        "voice": f"gmw/{random.choice(ACCENTS)}+{random.choice(MASCULINE_VOICES)}",
        "pitch": random.uniform(34, 52) - 4 * older,
    }


def cast(seed: str, *, feminine: bool, age: str = "adult") -> Person:
    """The same person for the same seed; age is young, adult or older."""
    random = seeded(f"person {seed}")
    older = age == "older"
    tone = random.randrange(len(SKINS))
    skin = SKINS[tone]
    dark = 4 <= tone <= 8
    hair = random.choice(HAIRS[:3] if dark else HAIRS)
    if older and random.random() < 0.8:
        hair = GREY_HAIR
    traits: dict[str, object] = {
        "skin": skin,
        "hair": hair,
        "clothes": random.choice(CLOTHES),
        "neckline": random.choice(("crew", "v", "collar", "hood")),
        "wall": random.choice(WALLS),
        "room": random.choice(("plain", "window", "shelf", "plant", "picture", "lamp")),
        "iris": random.choice(IRISES[:2] + IRISES[4:] if dark else IRISES),
        "face_length": random.uniform(0.94, 1.06),
        "eye_size": random.uniform(0.92, 1.1),
        "eye_gap": random.uniform(0.95, 1.05),
        "nose": random.uniform(0.85, 1.2),
        "glasses": random.random() < 0.2,
        "freckles": not dark and random.random() < 0.25,
        "lines": {"young": 0.0, "adult": random.uniform(0, 0.4), "older": 1.0}[age],
        "pace": random.uniform(150, 172),
    }
    traits |= (_feminine if feminine else _masculine)(older, random)
    return Person(**traits)  # type: ignore[arg-type]  # a literal table of the fields above

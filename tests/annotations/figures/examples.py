"""One figure of every kind, of the size that a study has, for all tests of pictures."""

from __future__ import annotations

import random
from typing import Any
from xml.etree import ElementTree as ET

from annotations.figures.specs import (
    Bar,
    Bars,
    BlandAltman,
    Caterpillar,
    FigureSpec,
    Forest,
    Gap,
    GapMatrix,
    HeatMap,
    Influence,
    Lines,
    Mark,
    Pair,
    Series,
    StackedBars,
    WinTieLoss,
)

CRITERIA = ("Empathy", "Understanding", "Warmth", "Relevance", "Safety", "Emotion fit", "Overall")
MODELS = ("MultiMood-8B", "Base", "Reference", "Text only", "GPT judge")
RATERS = ("Ada", "Rui", "Sam", "Mei", "Jo", "Lea")


def parsed(text: str | bytes) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


HOSTILE = (
    "<b onload='x'>&amp; \"R\" $\\frac{$ a_b^c %s 😀 שלום עולם مرحبا 中文 \x00\x0b\u202e"
    + "long " * 40
)


def about(key: str, title: str) -> dict[str, Any]:
    return {
        "key": key,
        "title": title,
        "description": f"{title}: shown for every name, with intervals where there are any.",
        "caption": f"{title}. Krippendorff's alpha, BCa interval of 2,000 resamples, seed 7.",
    }


def forest() -> Forest:
    chance = random.Random(1)
    marks = []
    for name in CRITERIA:
        value, second = chance.uniform(0.3, 0.7), chance.uniform(0.6, 0.9)
        marks.append(
            Mark(
                label=name,
                value=value,
                low=value - 0.1,
                high=value + 0.08,
                second_value=second,
                second_low=second - 0.06,
                second_high=second + 0.05,
            )
        )
    marks[4] = Mark(label="Safety", value=None, second_value=0.97, second_low=0.9, second_high=1.0)
    marks[5] = Mark(label="Emotion fit", value=0.41)
    return Forest(
        **about("agreement", "Agreement per criterion"),
        marks=tuple(marks),
        x_label="Coefficient",
        measure="ordinal alpha",
        second_measure="Gwet's AC2",
        reference=0.0,
    )


def ranking(models: int = 5) -> Forest:
    marks = [
        Mark(
            label=MODELS[i] if i < len(MODELS) else f"Model {i + 1}",
            value=1.1 - 0.5 * i,
            low=0.8 - 0.5 * i,
            high=1.45 - 0.5 * i,
            note=f"rank {i + 1} ({max(1, i)}\u2013{min(i + 2, models)})",
        )
        for i in range(models)
    ]
    return Forest(
        **about("ranking", "Davidson ranking"),
        marks=tuple(marks),
        x_label="Strength (log scale, sum zero)",
        reference=0.0,
    )


def caterpillar(raters: int = 9) -> Caterpillar:
    chance = random.Random(2)
    marks = []
    for i in range(raters):
        value = chance.gauss(0, 0.6)
        width = chance.uniform(0.2, 0.4)
        marks.append(
            Mark(label=f"Rater {i + 1}", value=value, low=value - width, high=value + width)
        )
    marks.append(Mark(label="Rater late", value=None))
    return Caterpillar(
        **about("severity", "Severity per rater"), marks=tuple(marks), x_label="points of the scale"
    )


def influence() -> Influence:
    chance = random.Random(3)
    marks = []
    for name in RATERS:
        value = 0.55 + chance.gauss(0, 0.05)
        marks.append(Mark(label=f"without {name}", value=value, low=value - 0.1, high=value + 0.09))
    marks[-1] = Mark(label="without Lea", value=None)
    return Influence(
        **about("influence", "Agreement without each rater"),
        marks=tuple(marks),
        x_label="Ordinal alpha",
        full=Mark(label="all raters", value=0.56, low=0.47, high=0.64),
    )


def heat_map(raters: int = 6) -> HeatMap:
    chance = random.Random(4)
    names = RATERS if raters == len(RATERS) else tuple(f"Rater {i + 1}" for i in range(raters))
    values: list[list[float | None]] = [[None] * raters for _ in names]
    counts: list[list[int | None]] = [[None] * raters for _ in names]
    for i in range(raters):
        for j in range(i):
            n = chance.randint(4, 200)
            value = chance.uniform(-0.15, 0.95) if n >= 10 else None
            values[i][j] = values[j][i] = value
            counts[i][j] = counts[j][i] = n
    values[2][0] = values[0][2] = None
    counts[2][0] = counts[0][2] = 4
    return HeatMap(
        **about("pairs", "Who agrees with whom"),
        measure="quadratic kappa",
        row_labels=names,
        column_labels=names,
        values=tuple(map(tuple, values)),
        counts=tuple(map(tuple, counts)),
    )


def halo() -> HeatMap:
    chance = random.Random(5)
    size = len(CRITERIA)
    values = tuple(
        tuple(chance.uniform(0.1, 0.95) if j < i else None for j in range(size))
        for i in range(size)
    )
    return HeatMap(
        **about("halo", "Correlations of the criteria"),
        measure="Spearman's rho",
        row_labels=CRITERIA,
        column_labels=CRITERIA,
        values=values,
    )


def stacked(bars: int = 6, categories: int = 11) -> StackedBars:
    chance = random.Random(6)
    return StackedBars(
        **about("spread", "Scores per rater"),
        category_name="score",
        categories=tuple(str(c) for c in range(categories)),
        bars=(
            *(
                Bar(
                    label=f"Rater {i + 1}",
                    counts=tuple(chance.randint(0, 6 + 4 * c) for c in range(categories)),
                )
                for i in range(bars)
            ),
            Bar(label="Rater late", counts=(0,) * categories),
        ),
    )


def bars(labels: int = 11) -> Bars:
    chance = random.Random(7)
    return Bars(
        **about("scores", "How often each score was given"),
        x_label="score",
        labels=tuple(str(i) for i in range(labels)),
        counts=tuple(chance.randint(0, 40 + 20 * i) for i in range(labels)),
    )


def win_tie_loss(models: int = 5) -> WinTieLoss:
    chance = random.Random(8)
    names = [*MODELS, *(f"Model {i + 1}" for i in range(len(MODELS), models))][:models]
    pairs = [
        Pair(
            first=names[i],
            second=names[j],
            wins=chance.randint(20, 80),
            ties=chance.randint(0, 30),
            losses=chance.randint(5, 50),
            note="62 % [51, 72]",
        )
        for i in range(models)
        for j in range(i + 1, models)
    ]
    pairs[-1] = Pair(first=names[-2], second=names[-1], wins=0, ties=0, losses=0)
    return WinTieLoss(
        **about("wins", "Wins, ties and losses"),
        pairs=tuple(pairs),
        note_label="wins without ties",
    )


def gap_matrix(models: int = 5) -> GapMatrix:
    chance = random.Random(9)
    names = tuple(MODELS[i] if i < len(MODELS) else f"Model {i + 1}" for i in range(models))
    gaps: list[list[Gap | None]] = [[None] * models for _ in names]
    for i in range(models):
        for j in range(i):
            value = chance.gauss(0, 0.8)
            p = chance.choice([0.0002, 0.012, 0.3, 1.0])
            gaps[i][j] = Gap(value=value, low=value - 0.4, high=value + 0.4, p_holm=p)
    gaps[-1][0] = Gap(value=None)
    return GapMatrix(
        **about("gaps", "Gaps between the models"),
        measure="difference",
        labels=names,
        gaps=tuple(map(tuple, gaps)),
    )


def drift(raters: int = 6) -> Lines:
    chance = random.Random(10)
    series = []
    for i in range(raters):
        level, slope = chance.gauss(0, 0.5), chance.gauss(0, 0.01)
        points: list[tuple[float, float | None]] = [
            (float(x), level + slope * x + chance.gauss(0, 0.1)) for x in range(0, 101, 5)
        ]
        points[3] = (points[3][0], None)
        series.append(Series(label=f"Rater {i + 1}", points=tuple(points)))
    series.append(Series(label="Rater late", points=((0.0, None), (5.0, None))))
    return Lines(
        **about("drift", "Severity over the session"),
        x_label="order of the item",
        y_label="severity",
        series=tuple(series),
        reference=0.0,
    )


def planning() -> Lines:
    items = (30, 50, 100, 200, 300, 500)
    return Lines(
        **about("planner", "Width of the interval"),
        x_label="items",
        y_label="width of the 95 % interval",
        series=tuple(
            Series(
                label=f"{raters} raters",
                points=tuple((float(n), 2.9 / n**0.5 / (raters - 1) ** 0.4) for n in items),
            )
            for raters in (2, 3, 5, 8)
        ),
        log_x=True,
    )


def bland_altman(items: int = 400, *, whole: bool = True) -> BlandAltman:
    chance = random.Random(11)
    points = []
    for _ in range(items):
        people = chance.gauss(6, 1.6)
        judge = people + chance.gauss(0.6, 1.2)
        if whole:
            people, judge = float(round(people)), float(round(judge))
        points.append(((people + judge) / 2, judge - people))
    return BlandAltman(
        **about("judge-bias", "Judge against people"),
        x_label="mean of judge and people",
        y_label="judge minus people",
        points=tuple(points),
        bias=Mark(label="bias", value=0.6, low=0.48, high=0.72),
        upper_limit=Mark(label="upper limit", value=2.95, low=2.75, high=3.15),
        lower_limit=Mark(label="lower limit", value=-1.75, low=-1.95, high=-1.55),
    )


def every_kind() -> dict[str, FigureSpec]:
    return {
        "forest": forest(),
        "ranking": ranking(),
        "caterpillar": caterpillar(),
        "influence": influence(),
        "heat-map": heat_map(),
        "halo": halo(),
        "stacked": stacked(),
        "bars": bars(),
        "wins": win_tie_loss(),
        "gaps": gap_matrix(),
        "drift": drift(),
        "planning": planning(),
        "bland-altman": bland_altman(),
        "bland-altman-many": bland_altman(4000, whole=False),
    }


def hostile(figure: FigureSpec) -> FigureSpec:
    """The example with every text replaced."""

    def replaced(value: object, field: str = "") -> object:
        if isinstance(value, str):
            return value if field in ("kind", "key") else HOSTILE
        if isinstance(value, list):
            return [replaced(part) for part in value]
        if isinstance(value, dict):
            return {name: replaced(part, name) for name, part in value.items()}
        return value

    stored = replaced(figure.to_json())
    assert isinstance(stored, dict)
    return FigureSpec.from_json(stored)

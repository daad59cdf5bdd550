"""What a training run logged, as pictures: what belongs together shares one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from inference.charts import LineChart, line_chart, mark
from inference.models import TrainingPoint, TrainingRun

DRAWN_POINTS = 200
SHORTEST_PAUSE, LONGEST_PAUSE = 2, 30
POINTS_A_SECOND = 1000
HELD_OUT = "eval_"
FINAL = "final_"
NOT_DRAWN = ("epoch", "eval_epoch")
Values = Sequence[tuple[int, Mapping[str, float]]]


@dataclass(frozen=True)
class Picture:
    key: str
    name: str
    lines: tuple[tuple[str, str], ...]
    """(key of the logged value, what the legend calls it)."""


@dataclass(frozen=True)
class LegendEntry:
    name: str
    number: int
    mark: str
    latest: str


@dataclass(frozen=True)
class Curve:
    key: str
    name: str
    chart: LineChart | None
    legend: tuple[LegendEntry, ...] = ()


@dataclass(frozen=True)
class Curves:
    curves: tuple[Curve, ...]
    points: int
    """Logged steps in all."""
    drawn: int
    """Of these, so many stand in the pictures."""

    @property
    def pause(self) -> int:
        """Seconds until they are fetched again: more in long runs, where it takes longer to read
        the steps and a picture changes less."""
        return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, self.points // POINTS_A_SECOND))


TRAINING, HELD = "training", "held out"
PICTURES = (
    Picture("loss", "Loss", (("loss", TRAINING), ("eval_loss", HELD))),
    Picture("reward", "Reward", (("reward", "all terms"), ("eval_reward", f"all terms, {HELD}"))),
    Picture(
        "reward_margin",
        "Reward margin",
        (("reward_margin", TRAINING), ("eval_reward_margin", HELD)),
    ),
    Picture(
        "accuracy",
        "Share of pairs ranked right",
        (("accuracy", TRAINING), ("eval_accuracy", HELD)),
    ),
    Picture(
        "reward_chosen",
        "Reward of the preferred and of the other answer",
        (("reward_chosen", "preferred"), ("reward_rejected", "other")),
    ),
    Picture("kl", "KL from the reference", (("kl", TRAINING), ("eval_kl", HELD))),
    Picture("entropy", "Entropy", (("entropy", TRAINING), ("eval_entropy", HELD))),
    Picture(
        "length", "Length of answers, in tokens", (("length", TRAINING), ("eval_length", HELD))
    ),
    Picture(
        "ended",
        "Share of answers that end, and that can be read",
        (("ended", "end in time"), ("readable", "can be read")),
    ),
    Picture("policy_loss", "Policy loss", (("policy_loss", TRAINING),)),
    Picture("value_loss", "Value loss", (("value_loss", TRAINING),)),
    Picture("clipped", "Share of tokens clipped", (("clipped", TRAINING),)),
    Picture("tokens_per_s", "Tokens a second", (("tokens_per_s", TRAINING),)),
    Picture("grad_norm", "Norm of the gradient", (("grad_norm", TRAINING),)),
    Picture("learning_rate", "Learning rate", (("learning_rate", TRAINING),)),
)
TERM = "reward_"
KNOWN = frozenset(key for picture in PICTURES for key, _ in picture.lines)
EVALUATED = sorted(key for key in KNOWN if key.startswith(HELD_OUT))
ALWAYS_SHOWN = {
    "sft": ("loss",),
    "compressor": ("loss",),
    "reward": ("loss", "accuracy"),
    "dpo": ("loss", "reward_margin"),
    "ppo": ("reward", "kl"),
    "grpo": ("reward", "kl"),
}


def training_curves(run: TrainingRun) -> Curves:
    """Three queries, however long the run."""
    logged = TrainingPoint.objects.filter(run=run).order_by("step")
    steps = list(logged.values_list("step", flat=True))
    evaluated = logged.filter(values__has_any_keys=EVALUATED).values_list("step", flat=True)
    kept = {*thinned(steps), *thinned(list(evaluated))}
    values = list(logged.filter(step__in=kept).values_list("step", "values"))
    keys = {key for _, logged_values in values for key in logged_values}
    shown = ALWAYS_SHOWN.get(run.method, ())
    curves = [
        drawn(picture, values)
        for picture in pictures_of(keys)
        if picture.key in shown or any(key in keys for key, _ in picture.lines)
    ]
    return Curves(tuple(curves), points=len(steps), drawn=len(values))


def thinned(steps: Sequence[int]) -> Sequence[int]:
    """At even distances, about DRAWN_POINTS of them, and the last one."""
    return [*steps[:: max(1, len(steps) // DRAWN_POINTS)], *steps[-1:]]


def pictures_of(keys: Collection[str]) -> list[Picture]:
    """The known ones with a reward's terms, then whatever else was logged, each beside its value
    on what is held out."""
    further = sorted(
        key
        for key in keys
        if key not in KNOWN and key not in NOT_DRAWN and not key.startswith(FINAL)
    )
    terms = [key for key in further if key.startswith(TERM)]
    named = [key.removeprefix(HELD_OUT) for key in further if key not in terms]
    return [
        *(
            with_terms(picture, terms) if picture.key == "reward" else picture
            for picture in PICTURES
        ),
        *(
            Picture(key, in_words(key), ((key, TRAINING), (f"{HELD_OUT}{key}", HELD)))
            for key in dict.fromkeys(named)
        ),
    ]


def with_terms(picture: Picture, terms: Sequence[str]) -> Picture:
    lines = tuple((key, in_words(key.removeprefix(TERM))) for key in terms)
    return Picture(picture.key, picture.name, picture.lines + lines)


def in_words(key: str) -> str:
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def drawn(picture: Picture, values: Values) -> Curve:
    lines = [
        (name, [(step, logged[key]) for step, logged in values if key in logged])
        for key, name in picture.lines
    ]
    given = [(name, points) for name, points in lines if points]
    if not given:
        return Curve(picture.key, picture.name, None)
    (first, points), *beside = given
    return Curve(
        key=picture.key,
        name=picture.name,
        chart=line_chart(points, f"{picture.name}, {first}" if beside else picture.name, beside),
        legend=tuple(
            LegendEntry(name, number, mark(14, 6, number) if number else "", f"{points[-1][1]:.4g}")
            for number, (name, points) in enumerate(given)
        ),
    )

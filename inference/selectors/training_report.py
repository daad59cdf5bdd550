"""The report of a run in words: what was measured, how surely, and what it does and does not mean.

Read as it is stored, from any version: what is missing or not understood is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from inference.models import TrainingRun
from inference.recognition.estimates import wilson
from inference.selectors.training_curves import in_words

SHARE, NUMBER = ".2f", ".3g"


@dataclass(frozen=True)
class Value:
    number: str
    interval: str
    """"0.61 to 0.93", or why there is none."""
    measured_on: str


@dataclass(frozen=True)
class SingleRow:
    name: str
    value: Value
    meaning: str


@dataclass(frozen=True)
class ChangeRow:
    name: str
    before: Value
    after: Value
    difference: Value
    meaning: str


@dataclass(frozen=True)
class Example:
    key: str
    client: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True)
class TrainingReport:
    problem: str = ""
    singles: tuple[SingleRow, ...] = ()
    changes: tuple[ChangeRow, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measure:
    path: tuple[str, ...]
    name: str
    meaning: str
    form: str = SHARE
    unit: str = "answer"


SINGLES = (
    Measure(
        ("preferences", "accuracy"),
        "Held-out preference accuracy",
        "Share of pairs in which training made the preferred answer more probable, compared with "
        "the other one. 0.5 is chance. It does not say that people prefer the new answers: only a "
        "blind study does.",
        unit="pair",
    ),
    Measure(
        ("preferences", "reward_margin"),
        "Held-out reward margin",
        "By how much more probable, times beta. It can grow while accuracy stays; compare it only "
        "between runs of the same beta.",
        NUMBER,
        "pair",
    ),
    Measure(
        ("divergence", "per_token"),
        "KL from the old version, nats a token",
        "How far the new version's next words lie from the old one's. Near 0, little changed; a "
        "large value warns that it may have lost what it could do. It does not say whether for the "
        "better.",
        NUMBER,
    ),
    Measure(
        ("divergence", "per_answer"),
        "KL from the old version, nats an answer",
        "The same, summed over an answer; longer answers have more.",
        NUMBER,
    ),
    Measure(
        ("reconstruction", "before"),
        "Reconstruction loss before, nats a token",
        "How hard it was to say the dialogue before again from its compressed form.",
        NUMBER,
        "dialogue",
    ),
    Measure(
        ("reconstruction", "after"),
        "Reconstruction loss after, nats a token",
        "The same after training; lower is better.",
        NUMBER,
        "dialogue",
    ),
    Measure(
        ("reconstruction", "gain"),
        "What the right history is worth, nats a token",
        "How much harder it is from another dialogue's compressed form. Above 0, the compressed "
        "form says something about its own dialogue. It does not say that answers use it.",
        NUMBER,
        "dialogue",
    ),
)
RIGHT = "Share of answers with the corpus label. An answer that cannot be read counts as wrong. "
CHANGES = (
    Measure(
        ("answers", "labels", "client_emotion"),
        "Client's emotion as labelled",
        RIGHT + "Other labels may be as defensible.",
    ),
    Measure(
        ("answers", "labels", "therapist_emotion"),
        "Therapist's emotion as labelled",
        RIGHT + "A therapist may well feel otherwise.",
    ),
    Measure(
        ("answers", "labels", "strategy"),
        "Strategy as labelled",
        RIGHT + "Another strategy may be as good.",
    ),
    Measure(
        ("answers", "readable"),
        "Answers with all four lines",
        "Says that the form is kept, nothing about what the answers say.",
    ),
    Measure(
        ("answers", "ended"),
        "Answers that come to an end",
        "A falling share often means that the model repeats itself.",
    ),
    Measure(
        ("answers", "words"),
        "Length of responses, in words",
        "Longer answers tend to please raters and judges without being better: look here first "
        "where a reward rose.",
        NUMBER,
    ),
    Measure(
        ("answers", "tokens"),
        "Length of whole answers, in tokens",
        "With the lines of labels. It says what an answer costs, not what it is worth.",
        NUMBER,
    ),
    Measure(
        ("preferences", "likelier"),
        "Pairs whose preferred answer is the likelier one",
        "Short answers are likelier, before and after alike, so this may lie below 0.5.",
        unit="pair",
    ),
)
OF_REWARD = (
    Measure(
        ("eval_reward_margin",),
        "Held-out reward margin",
        "Mean difference of the scores of the preferred and the other answer.",
        NUMBER,
    ),
    Measure(
        ("eval_length_correlation",),
        "Correlation of score and length, held out",
        "Near 0 is well. Near 1, the model rewards length, and what learns from it will talk.",
        NUMBER,
    ),
)
CRITERION = "eval_correlation_"


def training_report(run: TrainingRun) -> TrainingReport | None:
    """None where none was made."""
    report = run.report
    if not report:
        return None
    if report.get("problem"):
        return TrainingReport(problem=str(report["problem"]))
    singles = [single for measure in SINGLES if (single := single_row(measure, report))]
    changes = [change for measure in CHANGES if (change := change_row(measure, report))]
    if run.method == TrainingRun.Method.REWARD:
        singles += reward_rows(mapping(report.get("values")))
    return TrainingReport(
        singles=tuple(singles),
        changes=tuple(changes),
        examples=tuple(
            Example(
                str(row.get("key", "")),
                str(row.get("client", "")),
                mapping(row.get("before")),
                mapping(row.get("after")),
            )
            for row in listed(report.get("examples"))
            if isinstance(row, dict)
        ),
        notes=tuple(str(note) for note in listed(report.get("notes"))),
    )


def single_row(measure: Measure, report: Mapping[str, Any]) -> SingleRow | None:
    value = value_of(found_at(measure.path, report), measure)
    return SingleRow(measure.name, value, measure.meaning) if value else None


def change_row(measure: Measure, report: Mapping[str, Any]) -> ChangeRow | None:
    change = mapping(found_at(measure.path, report))
    before, after, difference = (
        value_of(change.get(name), measure, sign)
        for name, sign in (("before", ""), ("after", ""), ("difference", "+"))
    )
    if before is None or after is None or difference is None:
        return None
    return ChangeRow(measure.name, before, after, difference, measure.meaning)


def value_of(figure: Any, measure: Measure, sign: str = "") -> Value | None:
    """Of a figure: value, low, high, n, sessions, no_interval_because."""
    told = mapping(figure)
    number = told.get("value")
    if not is_number(number):
        return None
    low, high = told.get("low"), told.get("high")
    if is_number(low) and is_number(high):
        interval = f"{low:{measure.form}} to {high:{measure.form}}"
    else:
        interval = f"no interval: {told.get('no_interval_because') or 'not computed'}"
    n, sessions = told.get("n"), told.get("sessions")
    counts = [
        f"{count:,} {word}{'' if count == 1 else 's'}"
        for count, word in ((n, measure.unit), (sessions, "session"))
        if isinstance(count, int)
    ]
    return Value(f"{number:{sign}{measure.form}}", interval, " of ".join(counts))


def reward_rows(values: Mapping[str, Any]) -> list[SingleRow]:
    rows = []
    accuracy, pairs = values.get("eval_accuracy"), values.get("eval_pairs")
    interval = None
    if is_number(accuracy) and is_number(pairs):
        interval = wilson(round(accuracy * pairs), round(pairs))
    if interval is not None:
        low, high = interval.low, interval.high
        measured_on = f"{pairs:,.0f} pair{'' if pairs == 1 else 's'}"
        rows.append(
            SingleRow(
                "Held-out preference accuracy",
                Value(f"{accuracy:.2f}", f"{low:.2f} to {high:.2f}", measured_on),
                "Share of pairs in which the preferred answer has the higher score. 0.5 is chance. "
                "The interval (Wilson) takes pairs as independent, which pairs of one session are "
                "not quite.",
            )
        )
    for measure in OF_REWARD:
        number = values.get(measure.path[0])
        if is_number(number):
            value = Value(f"{number:{measure.form}}", "", "")
            rows.append(SingleRow(measure.name, value, measure.meaning))
    for key in sorted(key for key in values if key.startswith(CRITERION)):
        if is_number(values[key]):
            name = in_words(key.removeprefix(CRITERION))
            rows.append(
                SingleRow(
                    f"Correlation with raters' scores, held out: {name}",
                    Value(f"{values[key]:.2f}", "", ""),
                    "1 where the scores rise and fall with the raters' means; 0 where they do not.",
                )
            )
    return rows


def found_at(path: tuple[str, ...], report: Mapping[str, Any]) -> Any:
    found: Any = report
    for name in path:
        found = mapping(found).get(name)
    return found


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)

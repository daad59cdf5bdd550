"""What the trainer tells: JSON lines in progress.jsonl, read as they come."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_STEPS = 2**31 - 1
LONGEST_KEY = 200
LONGEST_LABEL = 60
LONGEST_STAGE = 20
"""As wide as their columns: a model in training may write anything as a label."""


@dataclass(frozen=True)
class ToldSample:
    """Fields of a TrainingSample."""

    key: str
    client: str
    client_emotion: str
    therapist_emotion: str
    strategy: str
    text: str


@dataclass(frozen=True)
class TrainingEvent:
    event: str
    step: int = 0
    max_steps: int | None = None
    values: dict[str, float] = field(default_factory=dict)
    checkpoint: str = ""
    message: str = ""
    stage: str = ""
    samples: tuple[ToldSample, ...] = ()


class ProgressReader:
    """Whole lines only; a line that is cut short is read once the rest has come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0

    def read(self) -> list[TrainingEvent]:
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                text = file.read()
        except FileNotFoundError:
            return []
        whole, newline, _ = text.rpartition(b"\n")
        self.offset += len(whole) + len(newline)
        return [event for line in whole.splitlines() if (event := read_event(line)) is not None]


def read_event(line: bytes) -> TrainingEvent | None:
    """None for what is no event: the file is written by another process and may be damaged."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("event"), str):
        return None
    step, most = value.get("step", 0), value.get("max_steps")
    return TrainingEvent(
        event=value["event"],
        step=step if isinstance(step, int) else 0,
        max_steps=min(most, MOST_STEPS) if isinstance(most, int) else None,
        values=_numbers(value.get("values")),
        checkpoint=str(value.get("checkpoint", "")),
        message=_text(value, "message"),
        stage=_text(value, "stage")[:LONGEST_STAGE],
        samples=_samples(value.get("samples")),
    )


def _text(value: Mapping[str, Any], name: str) -> str:
    """PostgreSQL keeps no null characters in a text."""
    found = value.get(name)
    return "" if found is None else str(found).replace("\0", "")


def _samples(values: Any) -> tuple[ToldSample, ...]:
    if not isinstance(values, list):
        return ()
    return tuple(
        ToldSample(
            key=_text(value, "key")[:LONGEST_KEY],
            client=_text(value, "client"),
            client_emotion=_text(value, "client_emotion")[:LONGEST_LABEL],
            therapist_emotion=_text(value, "therapist_emotion")[:LONGEST_LABEL],
            strategy=_text(value, "strategy")[:LONGEST_LABEL],
            text=_text(value, "text"),
        )
        for value in values
        if isinstance(value, dict)
    )


def _numbers(values: Any) -> dict[str, float]:
    if not isinstance(values, dict):
        return {}
    return {str(k): float(v) for k, v in values.items() if isinstance(v, int | float)}


def points(events: Sequence[TrainingEvent]) -> dict[int, dict[str, float]]:
    """Step -> values logged at it, in one event or several, such as of an evaluation. A resumed
    trainer repeats steps: of each value the last word counts."""
    logged: dict[int, dict[str, float]] = {}
    for event in events:
        if event.event == "log" and event.values:
            logged[event.step] = logged.get(event.step, {}) | event.values
    return logged

"""codebook.csv: every column of the long table and every criterion, for R and SPSS."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from inference.preference_files import ANSWERS_FILE
from inference.recognition.tables import marked

HEAD = (
    *("variable", "file", "label", "type", "values", "level", "reverse_scored"),
    *("instrument", "question"),
)
YES, NO = "yes", "no"
NUMBER = r"-?\d+(?:\.\d+)?"
SCALE = re.compile(rf"({NUMBER}) to ({NUMBER})(?:: |$)")
"""How the values of a scale begin."""
COLUMNS = {
    "part": ("Part of the study, from 0", "number"),
    "design": ("How responses were judged in this part", "text"),
    "item": ("Number of the item: what a rater saw at once", "number"),
    "pool": ("Whether the item belongs to the study or to its reference panel", "text"),
    "stimulus": ("Client turns that were answered: key in stimuli.jsonl", "text"),
    "corpus": ("Corpus of the dialogue", "text"),
    "session": ("Session of the dialogue", "text"),
    "client": ("Pseudonym of the client, where the corpus tells it", "text"),
    "rater": ("Pseudonym of the rater", "text"),
    "rater_kind": ("Person or LLM judge: the two are never pooled", "text"),
    "role": ("What the answer was asked for; only independent ones enter agreement", "text"),
    "attempt": ("Number of the attempt where an item was repeated", "number"),
    "position": ("Place of the item in the rater's own order, from 1", "number"),
    "state": ("Whether the item was submitted", "text"),
    "question": ("Criterion, or overall for the overall choice", "text"),
    "response": ("Response that was scored: response_id in responses.jsonl", "number"),
    "model": ("Model that wrote the scored response", "text"),
    "score": ("Score as given, or value of the chosen answer: never turned round", "number"),
    "content": ("Several chosen answers, words, or marked passages", "JSON"),
    "preferred": ("Preferred response: response_id in responses.jsonl", "number"),
    "preferred_model": ("Model that wrote the preferred response", "text"),
    "strength": ("How clearly it was preferred", "number"),
    "ranks": ("Response to its rank, 1 the best; equal ranks are ties", "JSON"),
    "tie_kind": ("What a tie meant", "text"),
    "missing": ("Why there is no answer; empty where there is one", "text"),
    "first_answer": ("The answer as first submitted, where it was changed later", "JSON"),
    "display_order": ("Response ids in the order shown, the first being A", "JSON"),
    "criteria_order": ("Criteria in the order asked; empty: the instrument's own", "JSON"),
    "opened_at": ("When the item was first opened", "date and time"),
    "submitted_at": ("When the item was submitted", "date and time"),
    "active_seconds": ("Active time on the item, in seconds", "number"),
    "comment": ("The rater's comment on the item, where words are released", "text"),
}
VALUES = {
    "strength": {"0": "tie", "1": "slightly, or without strength", "2": "clearly"},
    "rater_kind": {"person": "a person", "llm": "an LLM judge"},
    "tie_kind": {
        "both_acceptable": "both acceptable",
        "neither_acceptable": "neither acceptable",
    },
}


@dataclass(frozen=True)
class AskedCriterion:
    slug: str
    name: str
    question: str
    kind: str
    level: str
    reverse_scored: bool
    instrument: str
    """Name and version."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Value -> what it means, lowest first; of a scale those that are named."""
    low: float | None = None
    """Ends of a scale."""
    high: float | None = None


def write_codebook(
    path: Path,
    columns: Sequence[str],
    missing: Mapping[str, str],
    criteria: Iterable[AskedCriterion],
) -> None:
    """columns: of the long table, each among COLUMNS. missing: its codes, with their meaning.

    What people wrote is in it: a text that a spreadsheet would run as a formula is marked
    (inference/recognition/tables.py).
    """
    known = {**VALUES, "missing": {code: label for code, label in missing.items() if code}}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        for name in columns:
            label, kind = COLUMNS[name]
            values = listed_values(known.get(name, {}))
            writer.writerow((name, ANSWERS_FILE, label, kind, values, "", "", "", ""))
        writer.writerows([marked(cell) for cell in _row(asked)] for asked in criteria)


def _row(asked: AskedCriterion) -> tuple[str, ...]:
    """Of the rows of the long table whose `question` is this criterion."""
    values = listed_values(asked.values)
    if asked.low is not None and asked.high is not None:
        reach = f"{_written(asked.low)} to {_written(asked.high)}"
        values = f"{reach}: {values}" if values else reach
    return (
        *(asked.slug, ANSWERS_FILE, asked.name, asked.kind, values, asked.level),
        YES if asked.reverse_scored else NO,
        *(asked.instrument, asked.question),
    )


def _written(end: float) -> str:
    """Without an exponent, and whole where it is whole."""
    return str(int(end)) if float(end).is_integer() else format(Decimal(repr(end)), "f")


def listed_values(values: Mapping[str, str]) -> str:
    return "; ".join(f"{value} = {label}" for value, label in values.items())

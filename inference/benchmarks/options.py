"""What a benchmark is asked for, and what only the database knows of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

TEXT_METRICS = ("bleu2", "rouge_l", "meteor", "embedding_similarity", "bertscore")
ENCODER_METRICS = ("embedding_similarity", "bertscore")
MOST_RESAMPLES = 100_000


class BenchmarkError(ValueError):
    """Options or cases that no figure can be computed from; the message names the remedy."""


@dataclass(frozen=True)
class Options:
    seed: int = 0
    resamples: int = 2000
    """Draws of sessions for each interval, and sign flips for each paired test."""
    confidence: float = 0.95
    encoder: str = ""
    """Folder of a local text encoder; empty: no embedding similarity and no BERTScore."""
    layer: int | None = None
    """Hidden layer that BERTScore reads, 1 the first block's output; None: the default choice."""
    as_published: bool = False
    """The published evaluation code's definitions instead of the sound ones."""
    metrics: tuple[str, ...] = TEXT_METRICS
    """Of the text metrics, those wanted."""

    def __post_init__(self) -> None:
        if not 100 <= self.resamples <= MOST_RESAMPLES:
            raise BenchmarkError(f"resamples: {self.resamples} is not 100 to {MOST_RESAMPLES:,}.")
        if not 0.5 <= self.confidence < 1:
            raise BenchmarkError(f"confidence: {self.confidence} is not from 0.5 to below 1.")
        if unknown := sorted(set(self.metrics) - set(TEXT_METRICS)):
            raise BenchmarkError(
                f"metrics: {', '.join(unknown)} is unknown. Choose from {', '.join(TEXT_METRICS)}."
            )
        if self.seed < 0:
            raise BenchmarkError(f"seed: {self.seed} is below 0.")

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"metrics": list(self.metrics)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        if unknown := sorted(set(data) - {entry.name for entry in fields(cls)}):
            raise BenchmarkError(f"Unknown options: {', '.join(unknown)}.")
        values = dict(data)
        if "metrics" in values:
            values["metrics"] = tuple(values["metrics"])
        return cls(**values)


@dataclass(frozen=True)
class RunFacts:
    """Said in the report's notes: a figure without them misleads."""

    splits: tuple[str, ...] = ()
    """Of the corpus, as the run answers them (`test`, `fold-1`); empty: all, or none are known."""
    corpus_format: str = ""
    """Of the corpus (`mesc`, `jsonl`), which may be another one than the suite is named after;
    empty: not known."""
    trained_on: tuple[str, ...] = ()
    """Sentences: which training of the model or of an ancestor saw dialogues of this corpus."""
    repeats_the_corpus: bool = False
    """The answers are the corpus' own replies: the ceiling, and nothing was predicted."""
    failed: int = 0
    """Cases among those given that ended in an error instead of an answer."""

"""Published figures to read beside a run's own, by corpus format; shares from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inference.corpora import dfew


@dataclass(frozen=True)
class PublishedScores:
    system: str
    uar: float
    war: float
    source: str

    @property
    def uar_percent(self) -> float:
        return 100 * self.uar

    @property
    def war_percent(self) -> float:
        return 100 * self.war

    def as_dict(self) -> dict[str, object]:
        return dict(vars(self))


_MULTIMOOD = "Le et al., AAAI-26, arXiv 2511.10011"
PUBLISHED = {
    "dfew": (
        PublishedScores("MultiMood", 0.8594, 0.8989, _MULTIMOOD),
        PublishedScores("Emotion-LLaMA", 0.6421, 0.7706, f"as cited by {_MULTIMOOD}"),
    )
}
LABELS = {"dfew": dfew.EMOTIONS}
"""The label set of the published figures."""


def published_for(corpus_format: str) -> tuple[PublishedScores, ...]:
    return PUBLISHED.get(corpus_format, ())


def label_set_note(corpus_format: str, offered: Sequence[str]) -> str:
    """Why a run with these labels cannot be compared; empty when it can."""
    published = LABELS.get(corpus_format, ())
    missing = [label for label in published if label not in offered]
    beyond = [label for label in offered if label not in published]
    if not published or not (missing or beyond):
        return ""
    parts = [
        f"it could not answer {_listed(missing)}" if missing else "",
        f"it could also answer {_listed(beyond)}" if beyond else "",
    ]
    return (
        "The published figures are over other labels than this run's: "
        f"{' and '.join(filter(None, parts))}. They cannot be compared directly. For that, start a "
        f"run that names only the emotion, chosen from: {', '.join(published)}."
    )


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(f"“{label}”" for label in labels)

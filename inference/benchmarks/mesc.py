"""MESC's four tasks (Chu et al. 2024, arXiv 2408.03650), with MultiMood's label sets."""

from __future__ import annotations

from collections.abc import Sequence

from inference.benchmarks.contract import TEXT_METRICS, Case, RunFacts
from inference.benchmarks.published import MESC_ROWS
from inference.benchmarks.tasks import SuiteSpec, Task
from inference.labels import EMOTIONS, STRATEGIES

LEAKAGE = (
    "MESC's published split leaks: its dialogues are consecutive slices of 72 therapy sessions, "
    "every session in test recurs outside test, and 100 of the 102 test dialogues directly "
    "neighbour one that is not. A model trained on the other splits has met these clients. "
    "For figures on new clients, split by session."
)
OTHER_CORPUS = (
    "This corpus is not MESC, whose labels it has: the published rows are of another corpus, and "
    "no comparison with them says which model is better."
)


def notes(cases: Sequence[Case], facts: RunFacts) -> list[str]:
    if facts.corpus_format not in ("", "mesc"):
        return [OTHER_CORPUS]
    return [LEAKAGE] if facts.corpus_format and "test" in facts.splits else []


SPEC = SuiteSpec(
    suite="mesc",
    tasks=(
        Task("client_emotion", "Client's emotion", EMOTIONS, lambda case: case.client_emotion),
        Task(
            "therapist_emotion",
            "Therapist's emotion",
            EMOTIONS,
            lambda case: case.therapist_emotion,
        ),
        Task("strategy", "Strategy", STRATEGIES, lambda case: case.strategy),
    ),
    text_metrics=TEXT_METRICS,
    published=MESC_ROWS,
    notes=notes,
)

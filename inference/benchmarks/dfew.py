"""DFEW (Jiang et al. 2020): the emotion of a clip, as UAR and WAR."""

from __future__ import annotations

from collections.abc import Sequence

from inference.benchmarks.contract import Case, RunFacts
from inference.benchmarks.published import DFEW_ROWS
from inference.benchmarks.tasks import SuiteSpec, Task
from inference.corpora.dfew import EMOTIONS

ONE_FOLD = (
    "Published figures on DFEW are means over five test folds, each answered by a model trained on "
    "the four others. These cases are of {folds}: not that mean."
)
ALL_FOLDS = (
    "DFEW's protocol has a model of its own for each fold. One model that answers all five has "
    "been trained on most of what it answers, unless it saw nothing of DFEW."
)


def notes(cases: Sequence[Case], facts: RunFacts) -> list[str]:
    folds = sorted({case.fold for case in cases if case.fold})
    if len(folds) < 5:
        return [ONE_FOLD.format(folds=", ".join(folds) or "no fold")]
    return [ALL_FOLDS]


SPEC = SuiteSpec(
    suite="dfew",
    tasks=(
        Task(
            "client_emotion",
            "Emotion of the clip",
            EMOTIONS,
            lambda case: case.client_emotion,
            figures=("uar", "war", "macro_f1"),
        ),
    ),
    text_metrics=(),
    published=DFEW_ROWS,
    notes=notes,
)

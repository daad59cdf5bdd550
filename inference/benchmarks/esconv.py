"""ESConv (Liu et al. 2021, arXiv 2106.01144): its eight strategies, and the replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inference.benchmarks.contract import TEXT_METRICS, Case, Label, RunFacts
from inference.benchmarks.tasks import SuiteSpec, Task
from inference.corpora.esconv import MULTIMOOD_STRATEGY, STRATEGIES

FROM_MULTIMOOD = {mine: own for own, mine in MULTIMOOD_STRATEGY.items()} | {
    "open question": "Question"
}
"""An open question is a question; the other way round does not hold."""
_OWN = {name.casefold(): name for name in STRATEGIES}
_SPELLINGS = {"questions": "Question", "other": "Others"}
UNREACHABLE = tuple(name for name in STRATEGIES if name not in FROM_MULTIMOOD.values())


def strategy_of(case: Case) -> Label:
    return replace(case.strategy, predicted=esconv_strategy(case.strategy.predicted))


def esconv_strategy(written: str) -> str:
    """One of the eight where the words say so, else what was written."""
    name = " ".join(written.split()).casefold()
    return _OWN.get(name) or _SPELLINGS.get(name) or FROM_MULTIMOOD.get(name) or written


def notes(cases: Sequence[Case], facts: RunFacts) -> list[str]:
    answers = [" ".join(case.strategy.predicted.split()).casefold() for case in cases]
    mapped = sum(name in FROM_MULTIMOOD and name not in _OWN for name in answers)
    if not mapped:
        return []
    return [
        f"{mapped:,} strategies were answered in MultiMood's words and read as ESConv's: "
        + "; ".join(f"“{mine}” as “{own}”" for mine, own in FROM_MULTIMOOD.items())
        + f". {' and '.join(UNREACHABLE)} have no such word: a model that answers only in "
        "MultiMood's ten strategies cannot be right there."
    ]


SPEC = SuiteSpec(
    suite="esconv",
    tasks=(Task("strategy", "Strategy", STRATEGIES, strategy_of),),
    text_metrics=TEXT_METRICS,
    published=(),
    notes=notes,
)

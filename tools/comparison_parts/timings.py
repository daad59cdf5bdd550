"""How long a typical job takes, ours and another package's, in turns in one process."""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from annotations.statistics import icc
from annotations.statistics.alpha import alpha
from annotations.statistics.blas import one_blas_thread
from annotations.statistics.icc_incomplete import fit_table
from annotations.statistics.ratings import ratings
from annotations.statistics.resampling import RESAMPLES
from tools.comparison_parts.document import markdown_table
from tools.comparison_parts.peers import crossed_variances, long_frame
from tools.comparison_parts.questions import ICC_FORMS
from tools.comparison_parts.tables import Table, scored

TIMES = 5
LOOP = 30
"""Resamples of the loop over the package that are timed."""
COLUMNS = ("job", "ours, s", "the other, s", "ratio", "the other")


class Timed(NamedTuple):
    job: str
    ours: float
    theirs: float
    other: str

    def cells(self) -> list[str]:
        ratio = self.theirs / self.ours
        return [self.job, *map(_seconds, (self.ours, self.theirs)), f"{ratio:,.0f} x", self.other]


def timings(*, with_mixedlm: bool) -> str:
    """Markdown. Needs krippendorff, statsmodels and pingouin."""
    load = os.getloadavg()[0]
    jobs = [alpha_with_interval(), six_iccs()] + ([crossed_model()] if with_mixedlm else [])
    made = (
        f"Median of {TIMES}, in turns, one BLAS thread, {os.cpu_count()} processors, load "
        f"{load:.1f} at the start."
    )
    return f"{markdown_table(COLUMNS, [job.cells() for job in jobs])}\n\n{made}"


def alpha_with_interval() -> Timed:
    values = scored(5, 2000, missing=0.0, seed=5)
    ours, loop = in_turns(
        lambda: alpha(ratings(values, scale=(1, 10)), "ordinal"), partial(package_loop, values)
    )
    return Timed(
        f"ordinal alpha with a 95 % interval, {RESAMPLES:,} resamples, 5 x 2,000",
        ours,
        loop * RESAMPLES / LOOP,
        f"a loop over krippendorff, scaled from {LOOP} resamples; its intervals would be of "
        "percentiles",
    )


def package_loop(values: Table) -> None:
    """Counts are made once, which is the quickest way to use the package."""
    import krippendorff

    domain = np.unique(values)
    counts = np.stack([(values == score).sum(axis=0) for score in domain], axis=1)
    generator = np.random.default_rng(1)
    for _ in range(LOOP):
        drawn = counts[generator.integers(len(counts), size=len(counts))]
        krippendorff.alpha(value_counts=drawn, value_domain=domain, level_of_measurement="ordinal")


def six_iccs() -> Timed:
    import pingouin

    values = scored(5, 2000, missing=0.0, seed=6)
    frame = long_frame(values)

    def theirs() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pingouin.intraclass_corr(frame, targets="item", raters="rater", ratings="score")

    def ours() -> None:
        table = ratings(values)
        for name in ICC_FORMS:
            getattr(icc, name)(table)

    seconds = in_turns(ours, theirs)
    return Timed("the six ICCs with intervals, 5 x 2,000", *seconds, "pingouin")


def crossed_model() -> Timed:
    values = scored(10, 600, missing=0.0, seed=7, severity=1.0)
    ours, theirs = in_turns(
        lambda: fit_table(ratings(values)), partial(crossed_variances, values), times=1
    )
    return Timed("crossed mixed model, 10 x 600", ours, theirs, "statsmodels MixedLM, run once")


def in_turns(
    ours: Callable[[], object], theirs: Callable[[], object], times: int = TIMES
) -> tuple[float, float]:
    with one_blas_thread():
        ours()  # what is imported and remembered the first time is no part of the job
        seconds = [(_timed(ours), _timed(theirs)) for _ in range(times)]
    first, second = zip(*seconds, strict=True)
    return statistics.median(first), statistics.median(second)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _seconds(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.2f}"

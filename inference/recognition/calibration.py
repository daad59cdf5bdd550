"""Whether the probabilities of labels can be believed, and what abstaining would gain.

Expected calibration error over ten bins of equal width (Guo et al. 2017, arXiv 1706.04599).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.recognition.estimates import Estimate, Interval, wilson

BINS = 10
COVERAGE_POINTS = 20
NO_PROBABILITIES = "no answer carries the probabilities of its labels"


@dataclass(frozen=True)
class ReliabilityBin:
    low: float
    high: float
    """Confidence above `low` up to `high`."""
    n: int
    confidence: float
    """Mean probability given to the label that was named."""
    accuracy: float
    interval: Interval

    def as_dict(self) -> dict[str, object]:
        return vars(self) | {"interval": self.interval.as_dict()}


@dataclass(frozen=True)
class CoveragePoint:
    """Answering only where the confidence reaches `threshold`."""

    threshold: float
    answered: int
    coverage: float
    accuracy: float

    def as_dict(self) -> dict[str, object]:
        return dict(vars(self))


@dataclass(frozen=True)
class Calibration:
    n: int
    """Answers with probabilities; the others have no confidence and are left out here."""
    mean_confidence: Estimate
    accuracy: Estimate
    ece: Estimate
    bins: tuple[ReliabilityBin, ...]
    """Only those with answers."""
    coverage: tuple[CoveragePoint, ...]

    def as_dict(self) -> dict[str, object]:
        return {
            "n": self.n,
            "mean_confidence": self.mean_confidence.as_dict(),
            "accuracy": self.accuracy.as_dict(),
            "ece": self.ece.as_dict(),
            "bins": [entry.as_dict() for entry in self.bins],
            "coverage": [point.as_dict() for point in self.coverage],
        }


def calibration(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """`confidence` is the probability of the label that was named, NaN where there is none."""
    known = ~np.isnan(confidence)
    confidence, right = confidence[known], right[known]
    if confidence.size == 0:
        none = Estimate(None, NO_PROBABILITIES)
        return Calibration(0, none, none, none, (), ())
    if confidence.min() < 0 or confidence.max() > 1 + 1e-6:
        raise ValueError("A probability lies outside 0 to 1.")
    bins = _bins(np.minimum(confidence, 1.0), right)
    n = int(confidence.size)
    gaps = [entry.n * abs(entry.accuracy - entry.confidence) for entry in bins]
    return Calibration(
        n=n,
        mean_confidence=Estimate(math.fsum(confidence) / n),
        accuracy=Estimate(float(right.mean())),
        ece=Estimate(math.fsum(gaps) / n),
        bins=bins,
        coverage=_coverage(confidence, right),
    )


def _bins(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    found = []
    for index in np.unique(place).tolist():
        chosen = place == index
        n, hits = int(chosen.sum()), int(right[chosen].sum())
        interval = wilson(hits, n)
        assert interval is not None  # noqa: S101 - a bin that was found has answers
        found.append(
            ReliabilityBin(
                low=index / BINS,
                high=(index + 1) / BINS,
                n=n,
                confidence=math.fsum(confidence[chosen]) / n,
                accuracy=hits / n,
                interval=interval,
            )
        )
    return tuple(found)


def _coverage(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[CoveragePoint, ...]:
    """About every 5 %, the surest answers first; equal confidence is answered together."""
    order = np.argsort(-confidence, kind="stable")
    descending, hits = confidence[order], np.cumsum(right[order])
    n = len(descending)
    ends = np.searchsorted(-descending, -np.unique(descending), side="right")  # ties end together
    wanted = np.ceil(np.arange(1, COVERAGE_POINTS + 1) / COVERAGE_POINTS * n).astype(int)
    ends.sort()
    chosen = np.unique(ends[np.searchsorted(ends, wanted)])
    return tuple(
        CoveragePoint(
            threshold=float(descending[end - 1]),
            answered=int(end),
            coverage=float(end / n),
            accuracy=float(hits[end - 1] / end),
        )
        for end in chosen.tolist()
    )

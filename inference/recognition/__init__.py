"""Emotion recognition scored against corpus labels: outcomes in, figures with their n out.

Plain numpy. `recognition` is the entry; docs/recognition.md explains every figure.
"""

from __future__ import annotations

from inference.recognition.calibration import Calibration, CoveragePoint, ReliabilityBin
from inference.recognition.confusion import UNREAD, Confusion
from inference.recognition.estimates import Estimate, Interval
from inference.recognition.report import Baseline, FoldScores, Outcome, Recognition, recognition
from inference.recognition.scores import ClassScores

__all__ = [
    "UNREAD",
    "Baseline",
    "Calibration",
    "ClassScores",
    "Confusion",
    "CoveragePoint",
    "Estimate",
    "FoldScores",
    "Interval",
    "Outcome",
    "Recognition",
    "ReliabilityBin",
    "recognition",
]

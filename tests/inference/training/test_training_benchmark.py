"""The benchmark at its smallest, and its arithmetic. Speeds are not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.training_parts.messages import Ready, Turn
from benchmarks.training_parts.report import Comparison, Run

PROJECT = Path(__file__).resolve().parents[3]


@pytest.mark.timeout(600)
def test_quick_run_ends_with_its_figures() -> None:
    command = [sys.executable, "benchmarks/training.py", "--quick", "--json", "--steps", "2"]
    done = subprocess.run(
        [*command, "--threads", "1"], cwd=PROJECT, capture_output=True, text=True, timeout=540
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["steps"] == 2
    assert figures["largest_loss_difference"] < 1e-3
    assert figures["speedup_vs_trl"] == figures["speedup_all_included"] > 0
    assert figures["memory_ratio"] > 0
    assert figures["trl_peak_mb"] > 100  # two processes, each with torch


def run(before: float, *steps: float, peak_mb: float) -> Run:
    turns = tuple(Turn(seconds, seconds / 2, (0.5,)) for seconds in steps)
    return Run(Ready(1, 50.0), Turn(before, before / 2, ()), turns, peak_mb)


def test_speedup_is_of_steps_or_of_everything() -> None:
    compared = Comparison(run(0.0, 4.0, 4.0, peak_mb=200), run(2.0, 1.0, 1.0, peak_mb=100))
    steps = compared.figures(all_included=False)
    assert steps["speedup_vs_trl"] == steps["speedup_steps"] == 4.0
    whole = compared.figures(all_included=True)
    assert whole["speedup_vs_trl"] == whole["speedup_all_included"] == 2.0
    assert whole["cpu_speedup_all_included"] == 2.0
    assert whole["memory_ratio"] == 0.5
    assert whole["ours_steps_per_s"] == 1.0

"""Figures from measurements, and the table that is printed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.training_parts.messages import Ready, Turn


@dataclass(frozen=True)
class Run:
    """All that one way did."""

    ready: Ready
    before: Turn
    """Everything before the first step."""
    steps: tuple[Turn, ...]
    peak_mb: float

    @property
    def losses(self) -> list[float]:
        return [loss for turn in self.steps for loss in turn.losses]

    @property
    def step_seconds(self) -> float:
        return sum(turn.seconds for turn in self.steps)

    @property
    def seconds(self) -> float:
        return self.before.seconds + self.step_seconds

    @property
    def cpu_seconds(self) -> float:
        return self.before.cpu_seconds + self.step_cpu_seconds

    @property
    def step_cpu_seconds(self) -> float:
        return sum(turn.cpu_seconds for turn in self.steps)

    @property
    def steps_per_s(self) -> float:
        return len(self.losses) / self.step_seconds


@dataclass(frozen=True)
class Comparison:
    trl: Run
    ours: Run

    @property
    def loss_difference(self) -> float:
        """The largest between the two ways at the same step."""
        pairs = zip(self.trl.losses, self.ours.losses, strict=True)
        return max(abs(theirs - own) for theirs, own in pairs)

    def figures(self, *, all_included: bool) -> dict[str, float]:
        """speedup_vs_trl: of the whole, or of the steps after what was computed before them."""
        whole = self.trl.seconds / self.ours.seconds
        steps = self.ours.steps_per_s / self.trl.steps_per_s
        figures = {
            "steps": len(self.ours.losses),
            "trl_steps_per_s": self.trl.steps_per_s,
            "ours_steps_per_s": self.ours.steps_per_s,
            "trl_before_s": self.trl.before.seconds,
            "ours_before_s": self.ours.before.seconds,
            "speedup_steps": steps,
            "speedup_all_included": whole,
            "cpu_speedup_steps": self.trl.step_cpu_seconds / self.ours.step_cpu_seconds,
            "cpu_speedup_all_included": self.trl.cpu_seconds / self.ours.cpu_seconds,
            "largest_loss_difference": self.loss_difference,
            "trl_peak_mb": self.trl.peak_mb,
            "ours_peak_mb": self.ours.peak_mb,
            "speedup_vs_trl": whole if all_included else steps,
            "memory_ratio": self.ours.peak_mb / self.trl.peak_mb,
        }
        return {name: round(value, 6) for name, value in figures.items()}

    def table(self) -> list[str]:
        both = (self.trl, self.ours)
        return [
            _row("", ["TRL", "ours", "ratio"]),
            _row("steps", [f"{len(run.losses)}" for run in both]),
            _row("seconds before step 1", [f"{run.before.seconds:.2f}" for run in both]),
            _ratios("seconds of the steps", self.trl.step_seconds, self.ours.step_seconds),
            _row("steps/s", [f"{run.steps_per_s:.3f}" for run in both]),
            _ratios("seconds, all included", self.trl.seconds, self.ours.seconds),
            _ratios("CPU s of the steps", self.trl.step_cpu_seconds, self.ours.step_cpu_seconds),
            _ratios("CPU s, all included", self.trl.cpu_seconds, self.ours.cpu_seconds),
            _ratios("peak MB", self.trl.peak_mb, self.ours.peak_mb),
            _row("  of it when loaded", [f"{run.ready.loaded_mb:.0f}" for run in both]),
            _row("loss at step 1", [f"{run.losses[0]:.5f}" for run in both]),
            _row("loss at the last step", [f"{run.losses[-1]:.5f}" for run in both]),
        ]


def _ratios(name: str, theirs: float, ours: float) -> str:
    return _row(name, [f"{theirs:.2f}", f"{ours:.2f}", f"{theirs / ours:.2f}"])


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:24}" + "".join(f"{cell:>12}" for cell in cells)

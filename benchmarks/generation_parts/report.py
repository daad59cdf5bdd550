"""Figures from measurements, and the table that is printed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.generation_parts.limits import DecodeWork, Limits
from benchmarks.generation_parts.messages import Done, Ready, Work
from benchmarks.generation_parts.stopwatch import STAGES

TARGET = 4.0
COLUMNS = ("published", "ours", "ours, warm", "ours, labels")


@dataclass(frozen=True)
class Run:
    """One column: everything done one way."""

    works: tuple[Work, ...]
    dones: tuple[Done, ...]

    @property
    def responses(self) -> int:
        return sum(len(done.new_tokens) for done in self.dones)

    @property
    def seconds(self) -> float:
        return sum(done.seconds for done in self.dones)

    @property
    def cpu_seconds(self) -> float:
        return sum(done.cpu_seconds for done in self.dones)

    @property
    def tokens(self) -> int:
        return sum(sum(done.new_tokens) for done in self.dones)

    @property
    def responses_per_s(self) -> float:
        return self.responses / self.seconds

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.seconds

    @property
    def decode_ms(self) -> float:
        return 1000 * self.stage("decode") / self.tokens

    @property
    def peak_mb(self) -> float:
        return max(done.peak_mb for done in self.dones)

    @property
    def unnamed(self) -> float:
        """Seconds outside all stages."""
        return self.seconds - sum(map(self.stage, STAGES))

    def stage(self, name: str) -> float:
        return sum(done.stages.get(name, 0.0) for done in self.dones)

    def decode_limits(self, decode: DecodeWork, limits: Limits, alone: bool) -> tuple[float, float]:
        """Shares of the decode time that memory and arithmetic alone would have needed."""
        reading = computing = 0.0
        for work, done in zip(self.works, self.dones, strict=True):
            for prompts in _together(done.prompts, 1 if alone else work.batch_size):
                times, samples = (work.samples, 1) if alone else (1, work.samples)
                reading += times * decode.bytes_read(prompts, samples, work.tokens)
            computing += decode.flops(len(done.new_tokens), work.tokens)
        spent = self.stage("decode")
        return (
            reading / limits.bytes_per_second / spent,
            computing / limits.flops_per_second / spent,
        )


def _together(prompts: list[int], size: int) -> list[list[int]]:
    return [prompts[i : i + size] for i in range(0, len(prompts), size)]


@dataclass(frozen=True)
class SizeResult:
    size: str
    ready: Ready
    limits: Limits
    runs: dict[str, Run]

    def speedup(self, column: str) -> float:
        return self.runs[column].responses_per_s / self.runs["published"].responses_per_s

    def cpu_speedup(self, column: str) -> float:
        def each(run: Run) -> float:
            return run.cpu_seconds / run.responses

        return each(self.runs["published"]) / each(self.runs[column])

    def decode_limits(self, column: str) -> tuple[float, float]:
        alone = column == "published"
        return self.runs[column].decode_limits(self.ready.decode, self.limits, alone)

    def figures(self) -> dict[str, float]:
        ours = self.runs["ours"]
        bandwidth, arithmetic = self.decode_limits("ours")
        figures = {
            "speedup_vs_published": self.speedup("ours"),
            "tokens_per_s": ours.tokens_per_s,
            "bandwidth_fraction": bandwidth,
            "arithmetic_fraction": arithmetic,
            "peak_mb": ours.peak_mb,
            "published_peak_mb": self.runs["published"].peak_mb,
            "responses_per_s": ours.responses_per_s,
            "published_responses_per_s": self.runs["published"].responses_per_s,
            "cpu_speedup": self.cpu_speedup("ours"),
        }
        for column, name in (("ours, warm", "warm"), ("ours, labels", "labels")):
            if column in self.runs:
                figures[f"{name}_speedup"] = self.speedup(column)
        for stage in STAGES:
            figures[f"share_{stage}"] = ours.stage(stage) / ours.seconds
        figures["share_other"] = ours.unnamed / ours.seconds
        return {name: float(f"{value:.4g}") for name, value in figures.items()}

    def table(self) -> list[str]:
        columns = [column for column in COLUMNS if column in self.runs]
        runs = [self.runs[column] for column in columns]
        prompts = runs[1].dones[0].prompts
        total = sum(self.ready.parameters.values())
        parts = ", ".join(f"{name} {n / 1e6:.1f} M" for name, n in self.ready.parameters.items())
        nothing = (None, None)  # constrained replies have no fixed number of decoding steps
        limits = [nothing if "labels" in c else self.decode_limits(c) for c in columns]
        return [
            f"{self.size}: {total / 1e6:.1f} M parameters ({parts})",
            f"prompts of {min(prompts)} to {max(prompts)} positions; memory streams "
            f"{self.limits.bytes_per_second / 1e9:.1f} GB/s, matrix products run at "
            f"{self.limits.flops_per_second / 1e9:.0f} GFLOP/s",
            _row("", columns),
            _row("responses", [f"{run.responses}" for run in runs]),
            _row("seconds", [f"{run.seconds:.1f}" for run in runs]),
            _row("responses/s", [f"{run.responses_per_s:.3f}" for run in runs]),
            _row("tokens/s", [f"{run.tokens_per_s:.1f}" for run in runs]),
            _row("times published", [f"{self.speedup(c):.2f}" for c in columns]),
            _row("  by processor time", [f"{self.cpu_speedup(c):.2f}" for c in columns]),
            _row("peak MB", [f"{run.peak_mb:.0f}" for run in runs]),
            *(
                _row(f"share of {stage}", [f"{run.stage(stage) / run.seconds:.1%}" for run in runs])
                for stage in STAGES
            ),
            _row("share of the rest", [f"{run.unnamed / run.seconds:.1%}" for run in runs]),
            _row("tokens a response", [f"{run.tokens / run.responses:.1f}" for run in runs]),
            _row("decode ms a token", [f"{run.decode_ms:.2f}" for run in runs]),
            _row("  of bandwidth limit", [_share(bandwidth) for bandwidth, _ in limits]),
            _row("  of arithmetic limit", [_share(arithmetic) for _, arithmetic in limits]),
        ]


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:22}" + "".join(f"{cell:>14}" for cell in cells)


def _share(part: float | None) -> str:
    return "" if part is None else f"{part:.2f}"

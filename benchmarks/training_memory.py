"""Memory that a training run takes against the memory that was estimated before it began.

    python benchmarks/training_memory.py [--quick] [--json] [--size tiny|demo|published] [--steps N]

Each case is a run of its own on pairs or dialogues of the demo corpus: on a GPU if there is one
(its peak is what PyTorch allocated there, with what CUDA takes for itself), else on the CPU (the
largest resident size). `ratio` is measured over estimated: above 1 a run that was let through could
fail, far below 1 one that would fit is refused. `tiny` is multimood-tiny, `demo` a random model of
the demo's 135 million parameters, `published` one of MultiMood's 9 billion, for a GPU of 80 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from inference.training.config import RewardTerm, TrainingConfig  # noqa: E402
from inference.training.progress import Progress  # noqa: E402

MIB = 2**20
CORPUS = PROJECT / "demo" / "corpus"
NAMES = RewardTerm("function", name="names_the_feeling")
CASES: dict[str, dict[str, Any]] = {
    "dpo, all weights": {"method": "dpo", "batch_size": 1},
    "dpo, LoRA": {"method": "dpo", "batch_size": 1, "lora": True},
    "dpo, LoRA, two pairs": {"method": "dpo", "batch_size": 2, "lora": True},
    "sft, LoRA": {"method": "sft", "batch_size": 1, "lora": True},
    "grpo, LoRA": {"method": "grpo", "batch_size": 1, "lora": True, "rewards": (NAMES,)},
    "ppo, LoRA": {"method": "ppo", "batch_size": 4, "lora": True, "rewards": (NAMES,)},
}
OF_SIZE = {
    "tiny": ("dpo, all weights", "sft, LoRA"),
    "demo": tuple(CASES),
    "published": tuple(name for name in CASES if "all weights" not in name),
}


@dataclass(frozen=True)
class Row:
    case: str
    estimated_mb: float
    measured_mb: float
    seconds_a_step: float

    @property
    def ratio(self) -> float:
        return self.measured_mb / self.estimated_mb


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.one:
        return _measure(arguments.one)
    size = arguments.size or ("tiny" if arguments.quick else "demo")
    chosen = [name for name in OF_SIZE[size] if arguments.case in ("", name)]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        base = _base(Path(folder), size)
        rows = [_run(Path(folder), base, name, arguments.steps) for name in chosen]
    for row in rows:
        print(
            f"{row.case:<22} estimated {row.estimated_mb / 1024:7.2f} GiB   measured "
            f"{row.measured_mb / 1024:7.2f} GiB   ratio {row.ratio:.2f}   "
            f"{row.seconds_a_step:.2f} s/step"
        )
    if arguments.json:
        told = {row.case: {**vars(row), "ratio": round(row.ratio, 3)} for row in rows}
        print(json.dumps({"size": size, "cases": told}))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="multimood-tiny, under a minute")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    parser.add_argument("--size", choices=list(OF_SIZE))
    parser.add_argument("--case", choices=list(CASES), default="", help="this one only")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where models and runs are written for a while")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    return parser


def _base(folder: Path, size: str) -> Path:
    from benchmarks.training_parts.data import TINY, write_demo_sized, write_published_sized

    if size == "tiny":
        return TINY
    write = write_demo_sized if size == "demo" else write_published_sized
    return write(folder / "base")


def _run(folder: Path, base: Path, case: str, steps: int) -> Row:
    from benchmarks.training_parts.data import write_release

    if not (folder / "release").is_dir():
        write_release(folder / "release", 16)
    on_pairs = CASES[case]["method"] == "dpo"
    config = TrainingConfig(
        base=base,
        dataset=folder / "release" / "pairs.jsonl" if on_pairs else CORPUS / "dialogues.jsonl",
        media_root=CORPUS if on_pairs else None,
        output=folder / case.replace(", ", "-").replace(" ", "-"),
        max_steps=steps,
        save_steps=10_000,
        report=False,
        sample_stimuli=0,
        **CASES[case],
    )
    config.output.mkdir()
    file = config.output.with_suffix(".json")
    file.write_text(json.dumps(config.as_json()), encoding="utf-8")
    command = [sys.executable, __file__, "--one", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{case}: {done.stderr[-3000:]}")
    return Row(case, **json.loads(done.stdout.splitlines()[-1]))


def _measure(file: Path) -> int:
    """One case in a process of its own: the last line is what it took."""
    from transformers import set_seed

    from benchmarks.training_parts.worker import memory_mb
    from inference.training.config_reading import load_config
    from inference.training.memory import ON_THE_GPU, estimate
    from inference.training.methods import train
    from inference.training.progress import StopRequest
    from inference.training.setup import Setup
    from inference.training.trainers import uses_gpu

    config = replace(load_config(file), resume=False)
    set_seed(config.seed)
    on_gpu = uses_gpu(config)
    # Not `run`: writing a model of this size to disk would take longer than to train it.
    progress = Timed(config.output)
    train(Setup.load(config, progress, StopRequest(), None))
    measured = memory_mb()
    if on_gpu:
        measured += ON_THE_GPU / MIB
    needed = estimate(config, on_gpu).per_process / MIB
    told = {
        "estimated_mb": round(needed, 1),
        "measured_mb": round(measured, 1),
        "seconds_a_step": round(progress.seconds_a_step, 3),
    }
    print(json.dumps(told))
    return 0


class Timed(Progress):
    """Notes when each step was told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.times: dict[int, float] = {}

    def log(self, step: int, max_steps: int, values: Mapping[str, float]) -> None:
        self.times.setdefault(step, time.perf_counter())
        super().log(step, max_steps, values)

    @property
    def seconds_a_step(self) -> float:
        """After the first, which warms up."""
        times = [self.times[step] for step in sorted(self.times) if step]
        return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else float("nan")


if __name__ == "__main__":
    sys.exit(main())

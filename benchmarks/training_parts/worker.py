"""A process that trains one way, knows its own time and memory, and waits for the other one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from transformers import (
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.utils.logging import disable_progress_bar

from benchmarks.training_parts.messages import Finished, Job, Ready, Turn, Way
from inference.contracts import PreferencePair
from inference.training.dpo import dpo_trainer
from inference.training.dpo_pairs import load_pairs
from inference.training.pair_rows import PairEncoder, PairRows
from inference.training.progress import Progress, StopRequest
from inference.training.reference import reference_log_probabilities
from inference.training.setup import Setup
from inference.training.trainers import trainer_arguments


def serve(pipe: Connection, way: Way, job: Job) -> None:
    torch.set_num_threads(job.threads)
    disable_progress_bar()
    config = job.config
    config.output.mkdir()
    setup = Setup.load(config, Progress(config.output), StopRequest(), None)
    build: Build = stock if way == "trl" else ours
    parameters = list(setup.model.parameters())
    pipe.send(Ready(sum(p.numel() for p in parameters), memory_mb()))
    turns = Turns(pipe, job.turn)
    turns.wait()
    pairs = load_pairs(config)
    set_seed(config.seed)  # the same adapters
    arguments = {**trainer_arguments(config), "save_strategy": "no"}
    trainer = build(setup, pairs, arguments, [turns])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    pipe.send(Finished(memory_mb()))


Build = Callable[[Setup, Sequence[PreferencePair], dict[str, Any], list[Any]], Any]


def ours(
    setup: Setup, pairs: Sequence[PreferencePair], arguments: dict[str, Any], callbacks: list[Any]
) -> Any:
    encoder = PairEncoder(setup.processor, setup.load_clip, setup.config)
    reference = reference_log_probabilities(setup, encoder, pairs)
    rows = PairRows(pairs, encoder, reference)
    return dpo_trainer(rows, None, setup, arguments, callbacks)


def stock(
    setup: Setup, pairs: Sequence[PreferencePair], arguments: dict[str, Any], callbacks: list[Any]
) -> Any:
    from benchmarks.training_parts.stock import stock_trainer  # our process is spared TRL

    return stock_trainer(setup, pairs, arguments, callbacks)


@dataclass
class Turns(TrainerCallback):  # type: ignore[misc]
    """Stops the clock and waits after what comes before the first step, and every few steps."""

    pipe: Connection
    steps: int
    _losses: list[float] = field(default_factory=list)
    _began: float = 0.0
    _cpu_began: float = 0.0

    def wait(self) -> None:
        self.pipe.recv()
        self._began, self._cpu_began = time.perf_counter(), time.process_time()

    def _end_turn(self) -> None:
        seconds = time.perf_counter() - self._began
        cpu_seconds = time.process_time() - self._cpu_began
        self.pipe.send(Turn(seconds, cpu_seconds, tuple(self._losses)))
        self._losses.clear()
        self.wait()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._end_turn()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs and "loss" in logs:
            self._losses.append(logs["loss"])
            if state.global_step % self.steps == 0 or state.global_step == state.max_steps:
                self._end_turn()


def memory_mb() -> float:
    """The most that this process has held: of a GPU where it used one, else resident."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 2**20
    # Not getrusage: its figure of a new process begins with that of its parent.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("/proc/self/status has no VmHWM: peak memory is measured on Linux only")

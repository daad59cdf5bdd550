"""Between the trainers' loop and the supervisor: progress lines, complete checkpoints, stop."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from inference.training.progress import Progress, StopRequest

RENAMED = {
    "rewards/margins": "reward_margin",
    "rewards/accuracies": "accuracy",
    "rewards/chosen": "reward_chosen",
    "rewards/rejected": "reward_rejected",
}
"""Logged name -> ours. Of the others those without a slash are told as they are."""
BOOKKEEPING = re.compile(
    r"step|total_flos|num_tokens|num_input_tokens_seen|"
    r"train_.*|eval_.*(runtime|per_second|num_tokens|num_input_tokens_seen)"
)
EVAL = "eval_"
COMPLETE = "complete"
"""Written last into a checkpoint: without it a SIGKILL came in between."""
CHECKPOINT = re.compile(r"checkpoint-(\d+)")


class TrainingError(RuntimeError):
    """Training cannot go on; the message is for the person who started it."""


class ProgressCallback(TrainerCallback):
    def __init__(self, progress: Progress, stop: StopRequest) -> None:
        self.progress = progress
        self.stop = stop
        self.stopped = False
        self._speed = Speed()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.progress.begin(state.global_step, state.max_steps)
        self.progress.stage("training")
        self._speed.start(state.num_input_tokens_seen)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        values = told(logs or {})
        if "loss" not in values and "eval_loss" not in values:
            return
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        if broken:
            raise TrainingError(
                f"{', '.join(broken)} became infinite or not a number at step "
                f"{state.global_step}; a smaller learning rate usually helps."
            )
        if "loss" in values:
            values |= self._speed.per_second(state.num_input_tokens_seen)
        self._speed.go_on()
        self.progress.log(state.global_step, state.max_steps, values)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._speed.pause()
        if any_process(self.stop.asked) and state.global_step < state.max_steps:
            self.stopped = control.should_save = control.should_training_stop = True
            control.should_evaluate = False
        if control.should_evaluate:
            self.progress.stage("evaluating")

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step < state.max_steps:
            self.progress.stage("training")
        self._speed.go_on()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        wait_for_everyone()  # each process writes its own random states
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            (folder / COMPLETE).touch()
        self.progress.save(state.global_step)
        self._speed.go_on()


class Speed:
    """Tokens a second of steps alone: evaluations and saving are left out."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, tokens: int) -> None:
        self._tokens, self._seconds = tokens, 0.0
        self._since = time.perf_counter()

    def pause(self) -> None:
        now = time.perf_counter()
        self._seconds += now - self._since
        self._since = now

    def go_on(self) -> None:
        self._since = time.perf_counter()

    def per_second(self, tokens: int) -> dict[str, float]:
        """tokens: of all processes, counted from the start of the run."""
        done, seconds = tokens - self._tokens, self._seconds
        self._tokens, self._seconds = tokens, 0.0
        return {"tokens_per_s": done / seconds} if done and seconds else {}


def told(logs: Mapping[str, float]) -> dict[str, float]:
    """What the supervisor hears of a trainer's log, under our names."""
    values = {}
    for name, value in logs.items():
        if BOOKKEEPING.fullmatch(name):
            continue
        prefix = EVAL if name.startswith(EVAL) else ""
        name = RENAMED.get(name.removeprefix(prefix), name.removeprefix(prefix))
        if "/" not in name:
            values[prefix + name] = float(value)
    return values


def any_process(asked: bool) -> bool:
    """All processes must leave the loop at the same step, whichever got the signal."""
    if not is_distributed():
        return asked
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    flag = torch.tensor(int(asked), device=device)
    distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
    return bool(flag.item())


def wait_for_everyone() -> None:
    if is_distributed():
        distributed.barrier()


def is_distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def last_checkpoint(output: Path) -> Path | None:
    """The complete checkpoint of the highest step."""
    steps = {
        int(match[1]): folder
        for folder in output.glob("checkpoint-*")
        if (match := CHECKPOINT.fullmatch(folder.name)) and (folder / COMPLETE).is_file()
    }
    return steps[max(steps)] if steps else None

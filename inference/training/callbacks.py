"""Between the trainers' loop and the supervisor: progress lines, complete checkpoints, stop."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from inference.training.progress import Progress, StopRequest

SHOWN = {
    "loss": "loss",
    "rewards/margins": "reward_margin",
    "rewards/accuracies": "accuracy",
    "rewards/chosen": "reward_chosen",
    "rewards/rejected": "reward_rejected",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "epoch": "epoch",
}
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

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.progress.begin(state.global_step, state.max_steps)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        values = {ours: float(logs[theirs]) for theirs, ours in SHOWN.items() if theirs in logs}
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        if broken:
            raise TrainingError(
                f"{', '.join(broken)} became infinite or not a number at step "
                f"{state.global_step}; a smaller learning rate usually helps."
            )
        self.progress.log(state.global_step, state.max_steps, values)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if any_process(self.stop.asked) and state.global_step < state.max_steps:
            self.stopped = control.should_save = control.should_training_stop = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            (folder / COMPLETE).touch()
        self.progress.save(state.global_step)


def any_process(asked: bool) -> bool:
    """All processes must leave the loop at the same step, whichever got the signal."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return asked
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    flag = torch.tensor(int(asked), device=device)
    distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
    return bool(flag.item())


def last_checkpoint(output: Path) -> Path | None:
    """The complete checkpoint of the highest step."""
    steps = {
        int(match[1]): folder
        for folder in output.glob("checkpoint-*")
        if (match := CHECKPOINT.fullmatch(folder.name)) and (folder / COMPLETE).is_file()
    }
    return steps[max(steps)] if steps else None

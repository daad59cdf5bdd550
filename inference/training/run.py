"""One training run from its configuration to its final checkpoint."""

from __future__ import annotations

import gc
import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers import set_seed

from inference.training.callbacks import CHECKPOINT, last_checkpoint
from inference.training.config import ConfigError, TrainingConfig
from inference.training.memory import check_memory
from inference.training.methods import train
from inference.training.progress import FINAL, REPORT_FILE, Progress, StopRequest
from inference.training.report import make as make_report
from inference.training.setup import Outcome, Setup
from inference.training.trainers import free_gpu_bytes, uses_gpu

RUN_FILE = "run.json"
MAY_CHANGE = (
    *("resume", "logging_steps", "save_steps", "keep_checkpoints", "device", "processes", "nodes"),
    *("report", "sample_stimuli"),
)
TRAINING_DEFAULTS = {field.name: field.default for field in fields(TrainingConfig)}


def run(config: TrainingConfig, progress: Progress, stop: StopRequest) -> bool:
    """True when the final checkpoint and the report are there, False when stopped before that."""
    checkpoint = prepare_output(config, progress.writes)
    final = config.output / FINAL
    if final.is_dir():
        step = finished(final)["steps"]
        progress.begin(step, step)
    elif not trained(config, progress, stop, checkpoint):
        return False
    told = finished(final)
    if config.report and progress.writes and not (config.output / REPORT_FILE).is_file():
        gc.collect()  # trainers hold their models in circles
        if not make_report(config, progress, stop):
            progress.stopped(told["steps"])
            return False
    progress.end(told["steps"], final, told["values"])
    return True


def trained(
    config: TrainingConfig, progress: Progress, stop: StopRequest, checkpoint: Path | None
) -> bool:
    """Whether the final checkpoint is there; whatever trained it is gone again."""
    if uses_gpu(config):
        check_memory(config, free_gpu_bytes(config))
    set_seed(config.seed)
    outcome = train(Setup.load(config, progress, stop, checkpoint))
    if outcome.stopped:
        progress.stopped(outcome.step)
        return False
    save_final(outcome, config.output / FINAL)
    return True


def prepare_output(config: TrainingConfig, writes: bool) -> Path | None:
    """The checkpoint to go on from. A run's folder belongs to one configuration."""
    described = config.output / RUN_FILE
    checkpoint = last_checkpoint(config.output)
    began = checkpoint is not None or (config.output / FINAL).is_dir()
    if began and not config.resume:
        raise ConfigError(
            f"output: {config.output} holds checkpoints of an earlier run. Choose another "
            "folder, or set resume to true."
        )
    now = config.as_json()
    if began:
        before = json.loads(described.read_text(encoding="utf-8"))
        # A key that is newer than the run had its default.
        before = TRAINING_DEFAULTS | before
        changed = [k for k in now if k not in MAY_CHANGE and now[k] != before.get(k)]
        if changed:
            raise ConfigError(
                f"{', '.join(changed)}: changed since this run began in {config.output}. "
                "Choose another output folder."
            )
        world = before["processes"] * before["nodes"]
        if world != config.world_size and not (config.output / FINAL).is_dir():
            raise ConfigError(
                f"processes, nodes: this run began in {config.output} with {world} processes in "
                f"all, and {config.world_size} would go on. They share what is shown, so others "
                f"would pass over some of it. Go on with {world}, or choose another output folder."
            )
    elif writes:
        described.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
    if writes:
        remove_broken_checkpoints(config.output)
    return checkpoint


def remove_broken_checkpoints(output: Path) -> None:
    """A SIGKILL while saving leaves a folder that the trainer would count as a checkpoint."""
    for folder in output.glob("checkpoint-*"):
        if CHECKPOINT.fullmatch(folder.name) and not (folder / "complete").is_file():
            shutil.rmtree(folder)
    shutil.rmtree(output / f"{FINAL}.part", ignore_errors=True)


def save_final(outcome: Outcome, final: Path) -> None:
    """In the published layout; the folder appears whole or not at all."""
    part = final.with_name(f"{FINAL}.part")
    outcome.save(part)
    if PartialState().is_main_process:
        told = json.dumps({"steps": outcome.step, "values": dict(outcome.values)})
        (part / "training.json").write_text(told + "\n", encoding="utf-8")
        part.rename(final)
    PartialState().wait_for_everyone()


def finished(final: Path) -> dict[str, Any]:
    """`steps` and `values` of a run that has ended."""
    told: dict[str, Any] = json.loads((final / "training.json").read_text(encoding="utf-8"))
    return told

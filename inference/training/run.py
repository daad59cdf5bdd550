"""One training run from its configuration to its final checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed

from inference.multimood.features import TowerCache
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.training.callbacks import CHECKPOINT, ProgressCallback, last_checkpoint
from inference.training.config import ConfigError, TrainingConfig
from inference.training.dpo import dpo_trainer
from inference.training.progress import FINAL, Progress, StopRequest
from inference.training.sft import sft_trainer

RUN_FILE = "run.json"
MAY_CHANGE = ("resume", "logging_steps", "save_steps", "keep_checkpoints", "device", "processes")
TRAINING_DEFAULTS = {field.name: field.default for field in fields(TrainingConfig)}
MEASURED_PAIRS = 256
FEATURE_BYTES = 8 * 2**30
"""The towers are frozen, so a clip goes through them once a run as long as this holds."""


def run(config: TrainingConfig, progress: Progress, stop: StopRequest) -> bool:
    """True when the final checkpoint is there, False when stopped before it."""
    checkpoint = prepare_output(config, progress.writes)
    final = config.output / FINAL
    if final.is_dir():
        step = finished_step(final)
        progress.begin(step, step)
        progress.end(step, final, {})
        return True
    set_seed(config.seed)
    processor = MultiMoodProcessor.from_pretrained(config.base, config.prompt)
    model = MultiMoodForConditionalGeneration.from_pretrained(config.base, dtype=torch.float32)
    model.model.train_towers(False)
    callback = ProgressCallback(progress, stop)
    build = dpo_trainer if config.method == "dpo" else sft_trainer
    load_clip = TowerCache(model.model, processor, max_bytes=FEATURE_BYTES).load
    trainer = build(config, trainer_arguments(config), model, processor, load_clip, [callback])
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if callback.stopped:
        progress.stopped(trainer.state.global_step)
        return False
    values = training_margin(trainer) if config.method == "dpo" else {}
    if trainer.is_world_process_zero():
        save_final(trainer, processor, final)
    trainer.accelerator.wait_for_everyone()
    progress.end(trainer.state.global_step, final, values)
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


def trainer_arguments(config: TrainingConfig) -> dict[str, Any]:
    on_gpu = config.device == "auto" and torch.cuda.is_available()
    return {
        "output_dir": str(config.output),
        "seed": config.seed,
        "data_seed": config.seed,
        "max_steps": config.max_steps or -1,
        "num_train_epochs": config.epochs or 1.0,
        "learning_rate": config.learning_rate,
        "warmup_steps": config.warmup_ratio,
        "weight_decay": config.weight_decay,
        "per_device_train_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation,
        "logging_steps": config.logging_steps,
        "save_steps": config.save_steps,
        "save_total_limit": config.keep_checkpoints,
        "use_cpu": not on_gpu,
        "bf16": on_gpu,
        "gradient_checkpointing": on_gpu,
        "ddp_find_unused_parameters": config.processes > 1 or None,
        "remove_unused_columns": False,
        "dataloader_pin_memory": on_gpu,
        "disable_tqdm": True,
        "report_to": "none",
    }


def training_margin(trainer: Any) -> dict[str, float]:
    """How far the final policy prefers the chosen replies of its own training pairs."""
    pairs = len(trainer.data_collator.pairs)
    rows = trainer.train_dataset.select(range(min(MEASURED_PAIRS, pairs)))
    metrics: Mapping[str, float] = trainer.evaluate(rows)
    return {
        "loss": metrics["eval_loss"],
        "reward_margin": metrics["eval_rewards/margins"],
        "accuracy": metrics["eval_rewards/accuracies"],
        "pairs": float(len(rows)),
    }


def save_final(trainer: Any, processor: MultiMoodProcessor, final: Path) -> None:
    """In the published layout, adapters merged; the folder appears whole or not at all."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    part = final.with_name(f"{FINAL}.part")
    model.save_pretrained(part)
    processor.save_pretrained(part)
    (part / "training.json").write_text(
        json.dumps({"steps": trainer.state.global_step}) + "\n", encoding="utf-8"
    )
    part.rename(final)


def finished_step(final: Path) -> int:
    return int(json.loads((final / "training.json").read_text(encoding="utf-8"))["steps"])

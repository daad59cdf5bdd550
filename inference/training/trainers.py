"""Methods that run on transformers' Trainer: its arguments, and a run of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers.trainer_utils import IntervalStrategy

from inference.multimood.processing import MultiMoodProcessor
from inference.training.callbacks import ProgressCallback
from inference.training.config import ConfigError, TrainingConfig
from inference.training.samples import SampleCallback
from inference.training.setup import Outcome, Setup
from inference.training.sharding import gather_whole, prepare_sharding, sharding_arguments

Build = Callable[[Setup, Mapping[str, Any], Sequence[Any]], Any]
"""(setup, arguments, callbacks) -> Trainer. Given an `eval_dataset`, it is evaluated every
`eval_steps`, and at the end."""
ONLY_AT_THE_END = 2**62


def run_trainer(
    setup: Setup, build: Build, measure: Callable[[Any], Mapping[str, float]] | None = None
) -> Outcome:
    """measure: what the finished model is measured at, asked of the trainer."""
    callback = ProgressCallback(setup.progress, setup.stop)
    trainer = build(setup, trainer_arguments(setup.config), [callback, SampleCallback(setup)])
    if trainer.eval_dataset is not None:
        trainer.args.eval_strategy = IntervalStrategy.STEPS  # transformers adds one at the end
    if setup.config.sharding != "none":
        prepare_sharding(trainer)
    checkpoint = setup.checkpoint
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    trainer.remove_callback(callback)  # what is measured now is no evaluation of a step
    values = measure(trainer) if measure is not None and not callback.stopped else {}
    return Outcome(
        step=trainer.state.global_step,
        stopped=callback.stopped,
        save=partial(save_trained, trainer, setup.processor),
        values=values,
    )


def trainer_arguments(config: TrainingConfig) -> dict[str, Any]:
    on_gpu = uses_gpu(config)
    return {
        "output_dir": str(config.output),
        "seed": config.seed,
        "data_seed": config.seed,
        "max_steps": config.max_steps or -1,
        "num_train_epochs": config.epochs or 1.0,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": config.schedule,
        "warmup_steps": config.warmup_ratio,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "per_device_train_batch_size": config.batch_size,
        "per_device_eval_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation,
        "logging_nan_inf_filter": False,
        "include_num_input_tokens_seen": "non_padding",
        "eval_steps": config.eval_steps or ONLY_AT_THE_END,
        "logging_steps": config.logging_steps,
        "save_steps": config.save_steps,
        "save_total_limit": config.keep_checkpoints,
        "use_cpu": not on_gpu,
        "bf16": uses_bfloat16(config),
        **sharding_arguments(config, recompute=on_gpu),
        "ddp_find_unused_parameters": config.world_size > 1 or None,
        "remove_unused_columns": False,
        "dataloader_pin_memory": on_gpu,
        "disable_tqdm": True,
        "report_to": "none",
    }


def uses_gpu(config: TrainingConfig) -> bool:
    return config.device == "auto" and torch.cuda.is_available()


def free_gpu_bytes(config: TrainingConfig) -> int:
    """On this process's own GPU. Raises ConfigError where there is none for it."""
    place, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if config.processes > there:
        raise ConfigError(
            f"processes: {config.processes} asked for, and this machine shows {there} GPUs. Give "
            'each process one, or set device to "cpu".'
        )
    return torch.cuda.mem_get_info(place)[0]


def uses_bfloat16(config: TrainingConfig) -> bool:
    if config.precision == "auto":
        return uses_gpu(config)
    return config.precision == "bfloat16"


def save_trained(trainer: Any, processor: MultiMoodProcessor, folder: Path) -> None:
    """Every process calls it, the first writes; the trainer is done for after it."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if trainer.is_fsdp_enabled:
        gather_whole(model)
    if not trainer.is_world_process_zero():
        return
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)

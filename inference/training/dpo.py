"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) over released pairs.

The reference is the base: its log-probabilities are computed once (`reference.py`), or at every
step with the adapters off, or without LoRA by a frozen copy of what is trained. Both replies of a
pair share one row, and so the prompt, the media and their projection (`shared_prompts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from peft import get_peft_model
from torch import nn
from torch.utils.data import Dataset, Sampler
from transformers import EvalPrediction, Trainer, TrainingArguments

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.training.config import ConfigError, TrainingConfig
from inference.training.dpo_pairs import load_held_out, load_pairs
from inference.training.pair_rows import REFERENCE, PairEncoder, PairRow, PairRows
from inference.training.passes import EpochCallback, TiesInTurn, whole_and_tied, without_ties
from inference.training.preference_losses import (
    CHOSEN,
    log_ratios,
    preference_losses,
    preference_metrics,
)
from inference.training.reference import reference_log_probabilities
from inference.training.setup import Outcome, Setup
from inference.training.shared_prompts import score
from inference.training.trainable import frozen_copy, lora_config
from inference.training.trainers import run_trainer

MEASURED_PAIRS = 256
TRAINED = "trained"
"""Prefix of what is measured on the pairs that were trained on."""


def train(setup: Setup) -> Outcome:
    config = setup.config
    check_attention(setup.model)
    pairs, held_out = load_pairs(config), load_held_out(config)
    whole_and_tied(pairs)  # refused now, and not after the reference is computed
    encoder = PairEncoder(setup.processor, setup.load_clip, config)
    reference = None
    if config.precompute_reference:
        reference = reference_log_probabilities(setup, encoder, [*pairs, *held_out])
        if reference is None:
            return Outcome(steps_before(setup), stopped=True, save=setup.model.save_pretrained)
    rows = PairRows(pairs, encoder, reference)
    evaluated = PairRows(held_out, encoder, reference) if held_out else None
    return run_trainer(setup, partial(dpo_trainer, rows, evaluated), training_margin)


def steps_before(setup: Setup) -> int:
    """That the checkpoint to go on from has behind it."""
    return int(setup.checkpoint.name.rpartition("-")[2]) if setup.checkpoint else 0


def dpo_trainer(
    rows: PairRows,
    held_out: PairRows | None,
    setup: Setup,
    arguments: Mapping[str, Any],
    callbacks: Sequence[Any],
) -> PairTrainer:
    config = setup.config
    whole, ties = whole_and_tied(rows.pairs)
    frozen = None
    if rows.reference is None and not config.lora:
        frozen = reference_copy(setup.model, config)
    return PairTrainer(
        config=config,
        ties=TiesInTurn(whole, ties, config.seed) if ties else None,
        frozen=frozen,
        # The adapters go into the layers of setup.model itself.
        model=get_peft_model(setup.model, lora_config(config)) if config.lora else setup.model,
        args=TrainingArguments(**arguments),
        data_collator=rows.collate,
        train_dataset=rows,
        eval_dataset=held_out,
        processing_class=setup.processor.tokenizer,
        compute_metrics=mean_metrics(config),
        callbacks=list(callbacks),
    )


class PairTrainer(Trainer):
    loss_is_scaled_for_ga = False

    def __init__(
        self,
        config: TrainingConfig,
        ties: TiesInTurn | None,
        frozen: nn.Module | None,
        **options: Any,
    ) -> None:
        """ties: what a pass shows, where the dataset has ties; frozen: the reference where it is
        neither precomputed nor the model without its adapters."""
        self.config, self.ties = config, ties
        self._sums: dict[str, torch.Tensor] = {}
        super().__init__(**options)
        self.frozen = None if frozen is None else frozen.to(self.args.device).eval()
        if ties is not None:
            self.add_callback(EpochCallback(ties))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Of a batch of `PairRows.collate`: the mean over its pairs, and the log ratios
        (pairs, 2)."""
        inputs = dict(inputs)
        reference = inputs.pop(REFERENCE, None)
        if reference is None:
            reference = self._reference(model, inputs)
        ratios = log_ratios(
            score(model, inputs).view(-1, 2),
            reference,
            inputs["lengths"].view(-1, 2),
            length_normalised=self.config.length_normalised,
        )
        loss = preference_losses(ratios, self.config.loss, self.config.beta).mean()
        if model.training:
            self._count(ratios.detach())
        return (loss, ratios) if return_outputs else loss

    @torch.no_grad()
    def _reference(self, model: nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
        with self.accelerator.autocast():
            if self.frozen is not None:
                return score(self.frozen, inputs).view(-1, 2)
            adapted = self.accelerator.unwrap_model(model)
            with adapted.disable_adapter():
                return score(adapted, inputs).view(-1, 2)

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Loss, log ratios (pairs, 2), and which reply of each pair was preferred."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            loss, ratios = self.compute_loss(model, inputs, return_outputs=True)
        preferred = torch.full((len(ratios),), CHOSEN, device=ratios.device)
        return loss.detach(), ratios, preferred

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Of training steps with the metrics of all their pairs, of all processes."""
        if "loss" in logs and self._sums:
            total = self.accelerator.reduce(torch.stack(list(self._sums.values())))
            means = (total[1:] / total[0]).tolist()
            logs |= dict(zip(list(self._sums)[1:], means, strict=True))
            self._sums.clear()
        super().log(logs, start_time)

    def _count(self, ratios: torch.Tensor) -> None:
        metrics = preference_metrics(ratios, self.config.beta)
        sums = {name: values.sum() for name, values in metrics.items()}
        sums = {"pairs": ratios.new_tensor(len(ratios)), **sums}
        self._sums = {name: self._sums.get(name, 0) + value for name, value in sums.items()}

    def _get_train_sampler(self, train_dataset: Dataset[PairRow] | None = None) -> Any:
        usual: Sampler[int] | None = super()._get_train_sampler(train_dataset)
        return usual if self.ties is None else self.ties


def reference_copy(
    model: MultiMoodForConditionalGeneration, config: TrainingConfig
) -> MultiMoodForConditionalGeneration:
    if config.sharding != "none":
        raise ConfigError(
            "precompute_reference: is false, and a second model is not sharded. Set it to true."
        )
    return frozen_copy(model)


def mean_metrics(config: TrainingConfig) -> Any:
    def mean(predicted: EvalPrediction) -> dict[str, float]:
        metrics = preference_metrics(torch.from_numpy(predicted.predictions), config.beta)
        return {name: float(values.mean()) for name, values in metrics.items()}

    return mean


def training_margin(trainer: Any) -> dict[str, float]:
    """How far the final policy prefers the chosen replies of its own training pairs."""
    rows: PairRows = trainer.train_dataset
    shown = without_ties(rows.pairs)[:MEASURED_PAIRS]
    measured = PairRows(shown, rows.encoder, rows.reference)
    metrics: Mapping[str, float] = trainer.evaluate(measured, metric_key_prefix=TRAINED)
    names = ("loss", "reward_margin", "accuracy")
    return {name: metrics[f"{TRAINED}_{name}"] for name in names} | {"pairs": float(len(measured))}


def check_attention(model: MultiMoodForConditionalGeneration) -> None:
    """Rows with several answers need attention that takes a mask of any form."""
    kinds = set(model.config.layer_types or ()) - {"full_attention"}
    if kinds:
        raise ConfigError(
            f"base: has layers of the kind {', '.join(sorted(kinds))}; preferences can be trained "
            "only where every layer has full attention."
        )

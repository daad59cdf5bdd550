"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) over released pairs.

TRL's trainer as it is; a batch is the pairs' chosen rows above their rejected ones, and the media
are given once for both.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import Sampler
from trl import DPOConfig, DPOTrainer

from inference.contracts import PreferencePair, ReplyFields
from inference.multimood.processing import LoadClip, MultiMoodProcessor, Sample
from inference.multimood.splice import IGNORED
from inference.training.config import TrainingConfig
from inference.training.dpo_pairs import load_pairs
from inference.training.modality import choose_modality
from inference.training.passes import EpochCallback, TiesInTurn, whole_and_tied
from inference.training.setup import Outcome, Setup
from inference.training.targets import response_only
from inference.training.trainable import lora_config
from inference.training.trainers import run_trainer

ROW = "row"
MEASURED_PAIRS = 256


@dataclass(frozen=True)
class PairCollator:
    """Rows of the dataset -> TRL's batch, (2 * pairs, S), with the media of `pairs` rows."""

    pairs: Sequence[PreferencePair]
    processor: MultiMoodProcessor
    load_clip: LoadClip
    config: TrainingConfig

    def __call__(self, rows: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        chosen, rejected = zip(*(self._pair(row[ROW]) for row in rows), strict=True)
        batch = self.processor.collate([*chosen, *map(_without_media, rejected)])
        batch["completion_mask"] = (batch.pop("labels") != IGNORED).long()
        return batch

    def _pair(self, row: int) -> tuple[Sample, Sample]:
        pair = self.pairs[row]
        return self._sample(pair, pair.chosen), self._sample(pair, pair.rejected)

    def _sample(self, pair: PreferencePair, reply: ReplyFields) -> Sample:
        modality = choose_modality(self.config.modality, self.config.seed, pair.pair_id)
        target = self.processor.template.reply_lines(reply)
        sample = self.processor.encode(pair.stimulus, target, modality, self.load_clip)
        if self.config.trains == "all":
            return sample
        return response_only(self.processor, sample, reply)


def _without_media(sample: Sample) -> Sample:
    return {
        "input_ids": sample["input_ids"],
        "labels": sample["labels"],
        "history_input_ids": torch.zeros(0, dtype=torch.long),
    }


class PairTrainer(DPOTrainer):
    """Rows are tokenised by our collator, so nothing is prepared, cached or dropped before."""

    def __init__(self, ties: TiesInTurn | None, **options: Any) -> None:
        """ties: what a pass shows, where the dataset has ties."""
        self.ties = ties
        super().__init__(**options)
        if ties is not None:
            self.add_callback(EpochCallback(ties))

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler[int] | None:
        usual: Sampler[int] | None = super()._get_train_sampler(train_dataset)
        return usual if self.ties is None else self.ties

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        return dataset


def train(setup: Setup) -> Outcome:
    return run_trainer(setup, dpo_trainer, training_margin)


def dpo_trainer(
    setup: Setup, arguments: Mapping[str, Any], callbacks: Sequence[Any]
) -> PairTrainer:
    config, processor = setup.config, setup.processor
    pairs = load_pairs(config)
    whole, ties = whole_and_tied(pairs)
    return PairTrainer(
        ties=TiesInTurn(whole, ties, config.seed) if ties else None,
        model=setup.model,
        # With LoRA the reference is the model with its adapters off.
        ref_model=None if config.lora else copy.deepcopy(setup.model),
        args=DPOConfig(**arguments, beta=config.beta, max_length=None),
        data_collator=PairCollator(pairs, processor, setup.load_clip, config),
        train_dataset=Dataset.from_dict({ROW: range(len(pairs))}),
        processing_class=processor.tokenizer,
        callbacks=list(callbacks),
        peft_config=lora_config(config) if config.lora else None,
    )


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

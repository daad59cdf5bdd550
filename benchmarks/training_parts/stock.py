"""TRL's DPO trainer as it is, on the same model, rows and pairs, with nothing kept between steps.

Every row is a whole prompt with one reply, chosen above rejected, and brings its own media: both
towers, the projectors and the history compressor run for every row at every step, and so does the
reference. Only the decoded clips are kept, since a data loader would prepare them meanwhile.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from inference.contracts import PreferencePair, ReplyFields
from inference.multimood.processing import ClipTensors, LoadClip, MultiMoodProcessor, Sample
from inference.multimood.splice import IGNORED
from inference.training.config import TrainingConfig
from inference.training.modality import choose_modality
from inference.training.setup import Setup
from inference.training.targets import response_only
from inference.training.trainable import lora_config

ROW = "row"


@dataclass(frozen=True)
class StockCollator:
    """Numbers of pairs -> (2 * pairs, S), the chosen rows above the rejected ones."""

    pairs: Sequence[PreferencePair]
    processor: MultiMoodProcessor
    load_clip: LoadClip
    config: TrainingConfig

    def __call__(self, rows: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        pairs = [self.pairs[row[ROW]] for row in rows]
        chosen = [self._sample(pair, pair.chosen) for pair in pairs]
        rejected = [self._sample(pair, pair.rejected) for pair in pairs]
        batch = self.processor.collate([*chosen, *rejected])
        batch["completion_mask"] = (batch.pop("labels") != IGNORED).long()
        return batch

    def _sample(self, pair: PreferencePair, reply: ReplyFields) -> Sample:
        modality = choose_modality(self.config.modality, self.config.seed, pair.pair_id)
        target = self.processor.template.reply_lines(reply)
        sample = self.processor.encode(pair.stimulus, target, modality, self.load_clip)
        if self.config.trains == "all":
            return sample
        return response_only(self.processor, sample, reply)


class StockTrainer(DPOTrainer):  # type: ignore[misc]
    """The collator makes TRL's batches, so nothing is prepared before."""

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        return dataset


def stock_trainer(
    setup: Setup,
    pairs: Sequence[PreferencePair],
    arguments: Mapping[str, Any],
    callbacks: Sequence[Any],
) -> StockTrainer:
    config = setup.config
    return StockTrainer(
        model=setup.model,
        ref_model=None if config.lora else copy.deepcopy(setup.model),
        args=DPOConfig(
            **arguments, beta=config.beta, loss_type=[trl_loss(config)], max_length=None
        ),
        data_collator=StockCollator(pairs, setup.processor, decoded_once(setup.processor), config),
        train_dataset=Dataset.from_dict({ROW: range(len(pairs))}),
        processing_class=setup.processor.tokenizer,
        callbacks=list(callbacks),
        peft_config=lora_config(config) if config.lora else None,
    )


def trl_loss(config: TrainingConfig) -> str:
    """TRL's IPO is always by token."""
    if config.loss == "ipo" and not config.length_normalised:
        raise ValueError("TRL has no IPO of summed log-probabilities")
    if config.loss == "ipo":
        return "ipo"
    return "sigmoid_norm" if config.length_normalised else "sigmoid"


def decoded_once(processor: MultiMoodProcessor) -> LoadClip:
    @cache
    def load(path: Path) -> ClipTensors:
        return processor.load_clip(path)

    return load

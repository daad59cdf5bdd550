"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) over released pairs.

TRL's trainer as it is; a batch is the pairs' chosen rows above their rejected ones, and the media
are given once for both.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from trl import DPOConfig, DPOTrainer

from inference.contracts import PreferencePair, ReplyFields
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import LoadClip, MultiMoodProcessor, Sample
from inference.multimood.splice import IGNORED
from inference.preference_files import (
    MANIFEST_FILE,
    PAIRS_FILE,
    PreferenceFileError,
    clip_hashes,
    read_pairs,
    sha256_file,
    verify_release,
)
from inference.training.config import ConfigError, TrainingConfig
from inference.training.modality import choose_modality
from inference.training.targets import response_only

LLM_LAYERS = r"model\.layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)"
"""A bare `q_proj` would match the frozen towers' too."""
PROJECTORS = ["mm_projector", "mm_projector_a", "memory_projection"]
ROW = "row"


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

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        return dataset


def dpo_trainer(
    config: TrainingConfig,
    arguments: Mapping[str, Any],
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    load_clip: LoadClip,
    callbacks: Sequence[Any],
) -> PairTrainer:
    pairs = load_pairs(config)
    return PairTrainer(
        model=model,
        # With LoRA the reference is the model with its adapters off.
        ref_model=None if config.lora else copy.deepcopy(model),
        args=DPOConfig(**arguments, beta=config.beta, max_length=None),
        data_collator=PairCollator(pairs, processor, load_clip, config),
        train_dataset=Dataset.from_dict({ROW: list(range(len(pairs)))}),
        processing_class=processor.tokenizer,
        callbacks=list(callbacks),
        peft_config=lora_config(config) if config.lora else None,
    )


def lora_config(config: TrainingConfig) -> LoraConfig:
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        target_modules=LLM_LAYERS,
        modules_to_save=PROJECTORS,
        task_type="CAUSAL_LM",
    )


def load_pairs(config: TrainingConfig) -> list[PreferencePair]:
    file = config.dataset
    try:
        if file.is_dir():
            verify_release(file)
            file = file / PAIRS_FILE
        elif (file.parent / MANIFEST_FILE).is_file():
            verify_release(file.parent)
        pairs = list(read_pairs(file, config.media_root))
        hashes = clip_hashes(file)
    except PreferenceFileError as error:
        raise ConfigError(f"dataset: {error}") from error
    if not pairs:
        raise ConfigError(f"dataset: {file} holds no pair.")
    if config.modality != "text":
        check_clips(hashes, config.media_root)
    return pairs


def check_clips(hashes: Mapping[str, str], media_root: Path | None) -> None:
    """Training on other media than the raters saw would go unnoticed otherwise."""
    if hashes and media_root is None:
        raise ConfigError(
            "media_root: missing, and the dataset names clips. Give their folder, or "
            'set modality to "text".'
        )
    for name, expected in hashes.items():
        path = Path(media_root or "", name)
        if not path.is_file():
            raise ConfigError(f"media_root: there is no clip {name} below {media_root}.")
        if sha256_file(path) != expected:
            raise ConfigError(f"media_root: {path} is not the clip that was released.")

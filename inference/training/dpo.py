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
from torch.utils.data import Sampler
from trl import DPOConfig, DPOTrainer

from inference.contracts import PreferencePair, ReplyFields
from inference.multimood.processing import LoadClip, MultiMoodProcessor, Sample
from inference.multimood.splice import IGNORED
from inference.preference_files import (
    MANIFEST_FILE,
    PAIRS_FILE,
    PreferenceFileError,
    clip_hashes,
    fields_shown,
    read_pairs,
    sha256_file,
    verify_release,
)
from inference.training.config import ConfigError, TrainingConfig
from inference.training.modality import choose_modality
from inference.training.passes import EpochCallback, TiesInTurn, whole_and_tied
from inference.training.setup import Outcome, Setup
from inference.training.targets import response_only
from inference.training.trainable import lora_config
from inference.training.trainers import run_trainer

ROW = "row"
WEIGHTS = (0.5, 1.0)
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


def load_pairs(config: TrainingConfig) -> list[PreferencePair]:
    """Those to train on: of the split named in `split` where the dataset has splits, else all."""
    file = config.dataset
    try:
        if file.is_dir():
            manifest = verify_release(file)
            file = file / PAIRS_FILE
        elif (file.parent / MANIFEST_FILE).is_file():
            manifest = verify_release(file.parent)
        else:
            manifest = {}
        pairs = list(read_pairs(file, config.media_root))
        hashes = clip_hashes(file)
    except PreferenceFileError as error:
        raise ConfigError(f"dataset: {error}") from error
    if not pairs:
        raise ConfigError(f"dataset: {file} holds no pair.")
    check_trained_text(config, manifest)
    check_weights(pairs)
    pairs = of_split(pairs, config.split, file)
    if config.modality != "text":
        used = {Path(clip) for pair in pairs for clip in pair.stimulus.clip_paths}
        root = config.media_root or Path()
        check_clips(
            {name: sha256 for name, sha256 in hashes.items() if root / name in used},
            config.media_root,
        )
    return pairs


def of_split(pairs: list[PreferencePair], split: str, file: Path) -> list[PreferencePair]:
    """What is held out to choose between models, or to test one, is never trained on."""
    names = sorted({pair.split for pair in pairs} - {""})
    if not names or not split:
        return pairs
    wanted = [pair for pair in pairs if pair.split == split]
    if not wanted:
        raise ConfigError(
            f"split: {file} has no pair in “{split}”, only in {', '.join(names)}. Release the "
            "study again with another seed or without splits, or name one of these."
        )
    return wanted


def check_trained_text(config: TrainingConfig, manifest: Mapping[str, Any]) -> None:
    """What was rated is what is trained."""
    if config.trains == "all" and fields_shown(manifest) == "hidden":
        raise ConfigError(
            "trains: is “all”, but raters saw only the text of these replies, so nothing they said "
            "speaks of emotion and strategy lines. Set it to “response”."
        )


def check_weights(pairs: Sequence[PreferencePair]) -> None:
    for pair in pairs:
        if pair.weight not in WEIGHTS:
            raise ConfigError(
                f"dataset: pair {pair.pair_id} has the weight {pair.weight:g}; only whole pairs "
                "(1) and the halves of a tie (0.5) can be trained on."
            )


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

"""Pairs as rows of tensors: one prompt with its chosen and its rejected reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset

from inference.contracts import Modality, PreferencePair, ReplyFields, StimulusInput
from inference.multimood.processing import LoadClip, MultiMoodProcessor
from inference.training.config import TrainingConfig
from inference.training.modality import choose_modality
from inference.training.shared_prompts import Answer, SharedRow, collate_rows
from inference.training.targets import response_tokens

REFERENCE = "reference"


@dataclass(frozen=True)
class PairEncoder:
    processor: MultiMoodProcessor
    load_clip: LoadClip
    config: TrainingConfig

    def prompt_of(self, pair: PreferencePair) -> tuple[StimulusInput, Modality]:
        """With the media that this pair is always shown with in this run."""
        drawn = choose_modality(self.config.modality, self.config.seed, pair.pair_id)
        return pair.stimulus, drawn

    def row(
        self, stimulus: StimulusInput, modality: Modality, replies: Sequence[ReplyFields]
    ) -> SharedRow:
        prompt = self.processor.encode(stimulus, None, modality, self.load_clip)
        return SharedRow.of(prompt, [self.answer(reply) for reply in replies])

    def answer(self, reply: ReplyFields) -> Answer:
        ids = self.processor.target_ids(self.processor.template.reply_lines(reply))
        if self.config.trains == "all":
            return Answer(ids, learned=len(ids))
        return Answer(ids, learned=response_tokens(self.processor, reply))


@dataclass(frozen=True)
class PairRow:
    row: SharedRow
    reference: tuple[float, float] | None


class PairRows(Dataset[PairRow]):
    def __init__(
        self,
        pairs: Sequence[PreferencePair],
        encoder: PairEncoder,
        reference: Mapping[str, tuple[float, float]] | None,
    ) -> None:
        """reference: log-probabilities by pair_id; None where they are computed at every step."""
        self.pairs, self.encoder, self.reference = pairs, encoder, reference

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, number: int) -> PairRow:
        pair = self.pairs[number]
        row = self.encoder.row(*self.encoder.prompt_of(pair), (pair.chosen, pair.rejected))
        return PairRow(row, None if self.reference is None else self.reference[pair.pair_id])

    def collate(self, rows: Sequence[PairRow]) -> dict[str, Any]:
        """`collate_rows`, and the reference's log-probabilities (pairs, 2) where they are known."""
        pad_token_id: int = self.encoder.processor.tokenizer.pad_token_id
        batch = collate_rows([row.row for row in rows], pad_token_id)
        if self.reference is not None:
            batch[REFERENCE] = torch.tensor([row.reference for row in rows])
        return batch

"""A trained reward model as a term."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from inference.contracts import Modality, ReplyFields
from inference.multimood.features import TowerCache
from inference.multimood.processing import LoadClip, MultiMoodProcessor, Sample
from inference.multimood.reward_model import MultiMoodForReward
from inference.reward_files import Reads
from inference.training.rewards.contract import Asked, Said


class ModelReward:
    """From pairs: the sigmoid of the score, which is the chance of being preferred to a reply of
    score 0 (Bradley and Terry 1952). From criteria: the mean of the heads, clipped to [0, 1]."""

    name = "model"

    def __init__(
        self,
        model: MultiMoodForReward,
        processor: MultiMoodProcessor,
        load_clip: LoadClip,
        heads: Sequence[int] = (),
        modality: Modality = "av",
        batch_size: int = 16,
    ) -> None:
        """`heads`: places of the criteria to average; none: all."""
        self.model = model.eval().requires_grad_(False)
        self.processor = processor
        self.load_clip = load_clip
        self.heads = list(heads)
        self.modality = modality
        self.batch_size = batch_size

    @classmethod
    def load(
        cls,
        folder: Path,
        criteria: Sequence[str] = (),
        modality: Modality = "av",
        device: str = "cpu",
        batch_size: int = 16,
    ) -> ModelReward:
        dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
        model = MultiMoodForReward.from_pretrained(folder, dtype=dtype).to(device)
        processor = MultiMoodProcessor.from_pretrained(folder)
        heads = [model.criteria.index(name) for name in criteria]
        load_clip = TowerCache(model.model, processor).load
        return cls(model, processor, load_clip, heads, modality, batch_size)

    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[float | None]:
        """An answer without a response cannot be told of by a model of responses, and gets 0."""
        read = [place for place, answer in enumerate(said) if answer.reply.text.strip()]
        scores: list[float | None] = [0.0] * len(said)
        for start in range(0, len(read), self.batch_size):
            places = read[start : start + self.batch_size]
            batch = [self.sample(asked[place], said[place].reply) for place in places]
            for place, score in zip(places, self.scores(batch).tolist(), strict=True):
                scores[place] = score
        return scores

    def sample(self, asked: Asked, reply: ReplyFields) -> Sample:
        target = reply_as_read(self.processor, reply, self.model.reads)
        return self.processor.encode(asked.stimulus, target, self.modality, self.load_clip)

    @torch.inference_mode()
    def scores(self, samples: Sequence[Sample]) -> torch.Tensor:
        """(B,) in [0, 1]"""
        batch = self.processor.collate(samples)
        del batch["labels"]
        device = self.model.device
        batch = {name: value.to(device) for name, value in batch.items()}
        heads: torch.Tensor = self.model(**batch).scores.float()
        if not self.model.criteria:
            return heads[:, 0].sigmoid()
        return (heads[:, self.heads] if self.heads else heads).mean(1).clamp(0, 1)


def reply_as_read(processor: MultiMoodProcessor, reply: ReplyFields, reads: Reads) -> str:
    """The lines of a reply that a reward model is given."""
    shown = reply if reads == "all" else ReplyFields(None, None, None, reply.text)
    return processor.template.reply_lines(shown)

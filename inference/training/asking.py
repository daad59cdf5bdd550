"""How a model is asked for answers to what was held out, while it learns and for the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import LoadClip, MultiMoodProcessor, Sample
from inference.training.config import TrainingConfig
from inference.training.held_out import HeldOut, shown_modality
from inference.training.rewards.contract import Asked, Said
from inference.training.rl.rollout import Drawn, Sampler

NEW_TOKENS = 160
TOGETHER = 8
Check = Callable[[int], None]
"""Told how many entries were done now; raises where the rest is not wanted any more."""


@dataclass(frozen=True)
class Answered:
    said: Said
    prompt: Sample
    ids: torch.Tensor
    """(T,), with the end of sequence if it was written."""


@dataclass(frozen=True)
class Asking:
    """With the same prompt, media and limits, whichever model is asked."""

    config: TrainingConfig
    processor: MultiMoodProcessor
    load_clip: LoadClip

    def fitting(self, found: Sequence[HeldOut]) -> list[HeldOut]:
        """Those whose prompt leaves room for an answer."""
        room = self.processor.config.max_position_embeddings - NEW_TOKENS
        return [one for one in found if self._length(one) <= room]

    def answers(
        self,
        model: MultiMoodForConditionalGeneration,
        found: Sequence[HeldOut],
        temperature: float = 0.0,
        check: Check = lambda done: None,
    ) -> list[Answered]:
        """One an entry, decoded freely, greedily at temperature 0. The model is in its mode
        afterwards, and no random number but the answers' own is drawn."""
        asking = replace(
            self.config,
            temperature=temperature,
            max_new_tokens=NEW_TOKENS,
            modality=shown_modality(self.config),
        )
        sampler = Sampler(model, self.processor, self.load_clip, asking)
        answered: list[Answered] = []
        for start in range(0, len(found), TOGETHER):
            part = [Drawn(Asked(one.stimulus), 0) for one in found[start : start + TOGETHER]]
            answers = sampler.sample(part, 1)
            for said, prompt, ids, mask in zip(
                answers.said, answers.prompts, answers.ids[:, 0], answers.mask[:, 0], strict=True
            ):
                answered.append(Answered(said, prompt, ids[mask.bool()]))
            check(len(part))
        return answered

    def _length(self, one: HeldOut) -> int:
        modality = shown_modality(self.config)
        prompt = self.processor.encode(one.stimulus, None, modality, self.load_clip)
        return len(prompt["input_ids"])

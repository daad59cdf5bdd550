"""A MultiMood that scores a reply instead of writing one.

The backbone with everything it reads (video, sound, history), and a linear head on the hidden
state of the last token, as in Ouyang et al., arXiv 2203.02155: one output that learned from pairs,
or one a criterion.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear
from transformers.modeling_outputs import ModelOutput

from inference.multimood.config import MultiMoodConfig
from inference.multimood.model import MultiMoodForConditionalGeneration, MultiMoodModel
from inference.multimood.pretrained import MultiMoodPreTrainedModel
from inference.reward_files import CRITERIA_KEY, READS_KEY, Reads


@dataclass
class RewardOutput(ModelOutput):
    scores: torch.Tensor | None = None
    """(B, heads), float32"""


class Head(nn.Linear):
    """In float32 also where the backbone is rounded: bfloat16 has eight bits, and the scores of
    two replies would often be the same number."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        with torch.autocast(input.device.type, enabled=False):
            return linear(input.float(), self.weight.float(), self.bias.float())


class MultiMoodForReward(MultiMoodPreTrainedModel):
    def __init__(self, config: MultiMoodConfig) -> None:
        config.num_labels = max(len(getattr(config, CRITERIA_KEY, None) or ()), 1)
        super().__init__(config)
        self.model = MultiMoodModel(config)
        self.score = Head(config.hidden_size, config.num_labels)
        self.post_init()

    @classmethod
    def from_generating(
        cls,
        model: MultiMoodForConditionalGeneration,
        criteria: Sequence[str] = (),
        reads: Reads = "response",
    ) -> MultiMoodForReward:
        """With the backbone of `model` itself, not a copy, and a new head drawn from torch's
        generator; heads of criteria begin near the middle of [0, 1]. `reads`: which lines of a
        reply it is given, see `inference.reward_files`."""
        config = copy.deepcopy(model.config)
        config.tie_word_embeddings = False  # there is no other end to tie them to
        setattr(config, CRITERIA_KEY, list(criteria))
        setattr(config, READS_KEY, reads)
        with torch.device("meta"):
            reward = cls(config)
        reward.model = model.model
        reward.model.config = config
        weight = model.model.embed_tokens.weight
        head = Head(config.hidden_size, config.num_labels)
        spread, middle = (0.1, 0.5) if criteria else (1.0, 0.0)
        nn.init.normal_(head.weight, std=spread * (config.hidden_size + 1) ** -0.5)
        nn.init.constant_(head.bias, middle)
        reward.score = head.to(weight.device, weight.dtype)
        return reward

    @property
    def criteria(self) -> tuple[str, ...]:
        """Names of the heads; empty where one head learned from pairs."""
        return tuple(getattr(self.config, CRITERIA_KEY))

    @property
    def reads(self) -> Reads:
        reads: Reads = getattr(self.config, READS_KEY)
        return reads

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **media: Any,
    ) -> RewardOutput:
        """Inputs as of `MultiMoodForConditionalGeneration.forward`, without labels; padded on
        either side. Scores are (B, heads), of each row's last attended token."""
        hidden = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
            use_cache=False,
            **media,
        ).last_hidden_state
        if attention_mask is None:
            return RewardOutput(scores=self.score(hidden[:, -1]))
        rows = torch.arange(hidden.shape[0], device=hidden.device)
        return RewardOutput(scores=self.score(hidden[rows, last_attended(attention_mask)]))


def last_attended(attention_mask: torch.Tensor) -> torch.Tensor:
    """(B, S) -> (B,), the place of each row's last 1."""
    from_end: torch.Tensor = attention_mask.flip(1).long().argmax(1)
    return attention_mask.shape[1] - 1 - from_end

"""The model in training as a policy: what it thinks of the tokens of given answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import astuple
from typing import NamedTuple

import torch
from peft import PeftModel, get_peft_model
from torch import nn
from torch.utils.checkpoint import checkpoint

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.training.config import TrainingConfig
from inference.training.rl.packing import positions, predictors, visibility
from inference.training.trainable import frozen_copy, lora_config

LOGITS_ELEMENTS = 2**26
"""Of float32 that are held at once: with more, logits are made part by part and, for the gradient,
once more. A vocabulary of 150,000 and 4,000 tokens would take gigabytes several times over."""


class Scores(NamedTuple):
    """(n, k, R) each, in float32; 0 where there is no token."""

    logps: torch.Tensor
    """Log-probabilities of the tokens in the distribution that answers are sampled from."""
    entropy: torch.Tensor
    """Of that distribution, without a gradient."""
    values: torch.Tensor
    """What the answer is expected to earn from this token on; zeros without a value head."""


class Policy(nn.Module):
    """One module, so that several processes share all its gradients."""

    def __init__(
        self, model: MultiMoodForConditionalGeneration, temperature: float, *, values: bool
    ) -> None:
        """values: with a value head on the last hidden states; it begins at 0 everywhere."""
        super().__init__()
        self.model = model
        self.temperature = temperature
        vocabulary = model.config.vocab_size
        self.unsaid = [i for i in astuple(model.config.placeholders) if 0 <= i < vocabulary]
        self.value_head = ValueHead(model.config.hidden_size) if values else None

    def forward(
        self, prompts: Mapping[str, torch.Tensor], ids: torch.Tensor, mask: torch.Tensor
    ) -> Scores:
        """prompts: a batch of n, padded on the right; ids and mask (n, k, R). Each prompt's media
        are projected once for its answers."""
        hidden = self._hidden(prompts, ids, mask)
        there = mask.bool()
        logps, entropy = self._token_scores(hidden[there], ids[there])
        values = torch.zeros_like(logps)
        if self.value_head is not None:
            values = self.value_head(hidden[there])
        return Scores(*(_spread(scores, there) for scores in (logps, entropy, values)))

    def _hidden(
        self, prompts: Mapping[str, torch.Tensor], ids: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """(n, k, R, width): the states that predict the answers' tokens."""
        backbone = self.model.model
        prompt_mask = prompts["attention_mask"]
        media = {name: value for name, value in prompts.items() if name != "attention_mask"}
        embeds = torch.cat(
            [backbone.embed_inputs(**media), backbone.embed_tokens(ids.flatten(1))], 1
        )
        states: torch.Tensor = backbone(
            inputs_embeds=embeds,
            attention_mask=visibility(prompt_mask, mask),
            position_ids=positions(prompt_mask, ids.shape),
            use_cache=False,
        ).last_hidden_state
        rows = torch.arange(len(ids), device=ids.device)[:, None, None]
        return states[rows, predictors(prompt_mask, ids.shape)]

    def _token_scores(
        self, hidden: torch.Tensor, ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(m, width), (m,) -> log-probabilities and entropies (m,)."""
        part = max(1, LOGITS_ELEMENTS // self.model.config.vocab_size)
        if len(ids) <= part:
            return self._of_logits(hidden, ids)
        parts = zip(torch.split(hidden, part), torch.split(ids, part), strict=True)
        scored = [
            checkpoint(self._of_logits, states, tokens, use_reentrant=False)
            for states, tokens in parts
        ]
        logps, entropies = zip(*scored, strict=True)
        return torch.cat(logps), torch.cat(entropies)

    def _of_logits(
        self, hidden: torch.Tensor, ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.model.lm_head(hidden).float()
        if self.temperature != 1:
            logits = logits / self.temperature
        if self.unsaid:  # as when answers are sampled
            unsaid = torch.tensor(self.unsaid, device=logits.device)
            logits = logits.index_fill_(-1, unsaid, torch.finfo(logits.dtype).min)
        normaliser = logits.logsumexp(-1)
        logps = logits.gather(-1, ids[:, None])[:, 0] - normaliser
        with torch.no_grad():
            shares = (logits - normaliser[:, None]).exp_()
            entropy = normaliser - shares.mul_(logits).sum(-1)
        return logps, entropy


class ValueHead(nn.Linear):
    def __init__(self, width: int) -> None:
        super().__init__(width, 1)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(m, width) -> (m,), in float32 also where the model computes in bfloat16."""
        with torch.autocast(hidden.device.type, enabled=False):
            return super().forward(hidden.float())[:, 0]


class Reference:
    """The base: its adapters off with LoRA, else a copy that shares what is not trained."""

    def __init__(self, policy: Policy, config: TrainingConfig) -> None:
        """Call before anything is trained. With LoRA it puts the adapters into the model."""
        self.adapters: PeftModel | None = None
        self.policy = policy
        if config.lora:
            self.adapters = get_peft_model(policy.model, lora_config(config))
        else:
            model = frozen_copy(policy.model)
            self.policy = Policy(model, policy.temperature, values=False).eval()

    def to(self, device: torch.device) -> None:
        if self.adapters is None:
            self.policy.to(device)

    def logps(
        self, prompts: Mapping[str, torch.Tensor], ids: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        with torch.no_grad(), self._base():
            scores: Scores = self.policy(prompts, ids, mask)
            return scores.logps

    def merged(self) -> MultiMoodForConditionalGeneration:
        """The trained model without adapters; they are gone from it afterwards."""
        if self.adapters is None:
            raise ValueError("a run without LoRA has no adapters to merge")
        merged: MultiMoodForConditionalGeneration = self.adapters.merge_and_unload()
        return merged

    @contextmanager
    def _base(self) -> Iterator[None]:
        with nullcontext() if self.adapters is None else self.adapters.disable_adapter():
            yield


def _spread(scores: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """(m,) -> (n, k, R)"""
    return torch.zeros(there.shape, device=scores.device).masked_scatter(there, scores.float())

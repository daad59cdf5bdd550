"""How near an answer is to what the therapist said, in [0, 1]: a metric rather than a reward.

Encoders put an unkind reply on the same subject above a kind paraphrase (tried), so it is best
taken with a judge or a reward model, as MultiMood does (arXiv 2511.10011).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer

from inference.training.config import ConfigError
from inference.training.rewards.contract import Asked, Said

_WORD = re.compile(r"\w+")
LONGEST = 512
"""Tokens that an encoder is given of one text."""


class RougeL:
    """F1 of the longest common subsequence of words (Lin 2004, https://aclanthology.org/W04-1013).

    Words are runs of letters and digits, in lower case and without stemming.
    """

    name = "similarity"

    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[float | None]:
        references = map(reference_text, asked)
        return [
            None if reference is None else rouge_l(answer.reply.text, reference)
            for answer, reference in zip(said, references, strict=True)
        ]


def rouge_l(text: str, reference: str) -> float:
    written, wanted = _words(text), _words(reference)
    common = common_subsequence(written, wanted)
    if not common:
        return 0.0
    precision, recall = common / len(written), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for place, match in enumerate(other, 1):
            above = row[place]
            row[place] = diagonal + 1 if word == match else max(above, row[place - 1])
            diagonal = above
    return row[-1]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def reference_text(asked: Asked) -> str | None:
    """None where the data know no reply, or none with a word in it."""
    text = "" if asked.reference is None else asked.reference.text
    return text if _WORD.search(text) else None


class EncoderSimilarity:
    """Cosine of two texts' mean-pooled last hidden states, from [-1, 1] brought to [0, 1]."""

    name = "similarity"

    def __init__(self, model: Any, tokenizer: Any, batch_size: int = 16) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size

    @classmethod
    def load(cls, folder: Path, device: str = "cpu", batch_size: int = 16) -> EncoderSimilarity:
        """Raises ConfigError where the folder holds no encoder that transformers knows."""
        try:
            model = AutoModel.from_pretrained(folder, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise ConfigError(f"path: {folder} holds no text encoder: {error}") from error
        return cls(model.to(device), tokenizer, batch_size)

    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[float | None]:
        references = list(map(reference_text, asked))
        scores: list[float | None] = [None if text is None else 0.0 for text in references]
        both = [
            (place, answer.reply.text, reference)
            for place, (answer, reference) in enumerate(zip(said, references, strict=True))
            if reference is not None and answer.reply.text.strip()
        ]
        for start in range(0, len(both), self.batch_size):
            places, texts, wanted = zip(*both[start : start + self.batch_size], strict=True)
            cosines = (self.encode(texts) * self.encode(wanted)).sum(1)
            for place, cosine in zip(places, cosines.tolist(), strict=True):
                scores[place] = min(max((1 + cosine) / 2, 0.0), 1.0)
        return scores

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """(N, width), each of length 1."""
        batch = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
        ).to(self.model.device)
        hidden: torch.Tensor = self.model(**batch).last_hidden_state.float()
        mask = batch["attention_mask"][..., None].to(hidden.dtype)
        pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        return torch.nn.functional.normalize(pooled, dim=1)

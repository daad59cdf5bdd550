"""multimood-tiny: a small MultiMood trained from nothing on the demo corpus."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.tiny import tiny_config, tiny_tokenizer

FORMAT_TEXTS = (
    *EMOTIONS,
    *STRATEGIES,
    "Client's emotion: sadness\nTherapist's emotion: neutral",
    "Therapist's strategy: open question\nTherapist's response: I am here. What happened then?",
    "Situation: My sister and I have not spoken for a year.\nClient: I do not know what to do.",
)


def random_tiny_checkpoint(folder: Path, seed: int = 0) -> Path:
    """An untrained checkpoint with a working processor: for tests of all that is not learned."""
    tokenizer = tiny_tokenizer(FORMAT_TEXTS, vocab_size=400)
    config = tiny_config(vocab_size=len(tokenizer))
    torch.manual_seed(seed)
    MultiMoodForConditionalGeneration(config).save_pretrained(folder)
    MultiMoodProcessor(tokenizer, config).save_pretrained(folder)
    return folder

"""The untrained start of the demo model: SmolLM2, the towers of multimood-tiny, and between them
connectors that have learned to say an emotion in the language model's own embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from inference.corpora.records import DialogueRecord
from inference.labels import EMOTIONS
from inference.multimood.config import MultiMoodConfig
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.training.demo.align import Alignment, align_connectors, clip_features
from inference.training.demo.language import EMBEDDINGS, Language

MEMORY_WIDTH = 96
HISTORY_TOKENS = 96
"""Without its kernels Mamba's backward pass takes time that grows with the square of this."""
MEMORY_SCALE = 0.1
"""Standard deviation of the compressor's embeddings."""


def demo_config(language: Language, towers: MultiMoodConfig) -> MultiMoodConfig:
    return MultiMoodConfig(
        **language.config,
        mm_vision_tower=towers.mm_vision_tower,
        mm_audio_tower=towers.mm_audio_tower,
        mamba_compressor="small-mamba",
        num_frames=towers.num_frames,
        max_clips=towers.max_clips,
        max_history_tokens=HISTORY_TOKENS,
        max_audio_seconds=towers.max_audio_seconds,
        prompt_style="brief",
        vision_config=towers.vision_config,
        audio_config=towers.audio_config,
        mamba_config={
            "hidden_size": MEMORY_WIDTH,
            "state_size": 8,
            "num_hidden_layers": 2,
            "initializer_range": MEMORY_SCALE,
        },
    )


def make_base(
    folder: Path,
    language: Language,
    towers: Path,
    dialogues: Sequence[DialogueRecord],
    options: Alignment,
    seed: int,
) -> dict[str, float]:
    """towers: folder of the model whose towers are taken over; dialogues: whose labelled clips the
    connectors learn from. Returns what they learned."""
    donor = MultiMoodForConditionalGeneration.from_pretrained(towers, dtype=torch.float32)
    config = demo_config(language, donor.config)
    torch.manual_seed(seed)
    model = MultiMoodForConditionalGeneration(config)
    model.load_state_dict(language.state, strict=False)
    for name in ("vision_tower", "audio_tower"):
        theirs = donor.model.get_submodule(name).state_dict()
        model.model.get_submodule(name).load_state_dict(theirs)
    compressor = model.model.mamba_compressor
    with torch.no_grad():
        words = compressor.mamba.get_input_embeddings().weight
        words.copy_(MEMORY_SCALE * principal_components(language.state[EMBEDDINGS], MEMORY_WIDTH))
    model.model.train_towers(False)
    processor = MultiMoodProcessor(language.tokenizer, config)
    clips = list(clip_features(model.model, processor, dialogues))
    told = align_connectors(model.model, emotion_embeddings(language), clips, options, seed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return told | {"clips": float(len(clips))}


def principal_components(rows: torch.Tensor, width: int) -> torch.Tensor:
    """(N, D) -> (N, width), each column with mean 0; together with a standard deviation of 1."""
    centred = (rows - rows.mean(0)).double()
    _, vectors = torch.linalg.eigh(centred.T @ centred)  # eigenvalues ascend
    projected: torch.Tensor = centred @ vectors[:, -width:]
    return (projected / projected.std()).float()


def emotion_embeddings(language: Language) -> torch.Tensor:
    """(emotions, hidden): what the language model reads where it reads the word."""
    rows = []
    for emotion in EMOTIONS:
        ids = language.tokenizer(f" {emotion}", add_special_tokens=False)["input_ids"]
        rows.append(language.state[EMBEDDINGS][ids].mean(0))
    return torch.stack(rows)

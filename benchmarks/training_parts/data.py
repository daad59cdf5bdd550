"""Preference pairs of the demo corpus, and a model of the demo's size where none is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from benchmarks.training_parts.messages import Data
from inference.contracts import PreferencePair
from inference.multimood.config import MultiMoodConfig
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.tiny import tiny_config
from inference.preference_files import PAIRS_FILE, sha256_file, write_pairs
from inference.training.sft import Lesson, corpus_lessons

PROJECT = Path(__file__).resolve().parents[2]
CORPUS = PROJECT / "demo" / "corpus"
TINY = PROJECT / "demo" / "models" / "multimood-tiny"
SEED = 0
QWEN2_7B: dict[str, Any] = {
    "vocab_size": 152_064,
    "hidden_size": 3584,
    "intermediate_size": 18_944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32_768,
    "tie_word_embeddings": False,
}
"""Qwen2 technical report (arXiv 2407.10671), table 1, and its published config.json."""
TOKEN_IDS = (
    "pad_token_id",
    "eos_token_id",
    "mem_token_id",
    "image_token_id",
    "video_token_id",
    "audio_token_id",
    "history_token_id",
)


def write_release(folder: Path, count: int) -> Data:
    """Pairs of the training sessions: the reply that was given, before one to somebody else."""
    lessons = [
        lesson
        for lesson in corpus_lessons(CORPUS / "dialogues.jsonl", "train")
        if lesson.whole and lesson.stimulus.clip_paths
    ]
    if len(lessons) < count:
        raise SystemExit(f"the demo corpus has only {len(lessons)} answered stimuli with a clip")
    pairs = list(_pairs(lessons, count))
    clips = {path for pair in pairs for path in pair.stimulus.clip_paths}
    hashes = {path.relative_to(CORPUS).as_posix(): sha256_file(path) for path in clips}
    folder.mkdir()
    write_pairs(folder / PAIRS_FILE, map(_relative, pairs), hashes)
    return Data(folder / PAIRS_FILE, CORPUS)


def _pairs(lessons: list[Lesson], count: int) -> Iterator[PreferencePair]:
    """Spread over the corpus, so that dialogues of all lengths are in."""
    step = len(lessons) / count
    for number in range(count):
        place = int(number * step)
        lesson, other = lessons[place], lessons[place - len(lessons) // 2]
        yield PreferencePair(
            pair_id=f"pair-{number:04d}",
            stimulus=lesson.stimulus,
            chosen=lesson.reply,
            rejected=other.reply,
            source="benchmark",
            strength=1.0,
        )


def _relative(pair: PreferencePair) -> PreferencePair:
    clips = tuple(path.relative_to(CORPUS) for path in pair.stimulus.clip_paths)
    return replace(pair, stimulus=replace(pair.stimulus, clip_paths=clips))


def demo_sized_config() -> MultiMoodConfig:
    """SmolLM2-135M's shape (30 layers of width 576, 49,152 tokens) around the tiny towers, with the
    connector in the published layout."""
    config = tiny_config(vocab_size=49_152)
    config.hidden_size, config.intermediate_size = 576, 1536
    config.num_hidden_layers, config.layer_types = 30, ["full_attention"] * 30
    config.num_attention_heads, config.num_key_value_heads = 9, 3
    config.initializer_range = 0.02
    return config


def write_demo_sized(folder: Path) -> Path:
    """Random weights: a step takes as long as with any others."""
    config = demo_sized_config()
    torch.manual_seed(SEED)
    MultiMoodForConditionalGeneration(config).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(TINY, trust_remote_code=False)
    MultiMoodProcessor(tokenizer, config).save_pretrained(folder)
    return folder


def write_published_sized(folder: Path) -> Path:
    """Random weights of MultiMood's published shape: Qwen2-7B, SigLIP so400m, BEATs, Mamba-370M."""
    tokenizer = AutoTokenizer.from_pretrained(TINY, trust_remote_code=False)
    tiny = tiny_config(vocab_size=len(tokenizer))
    config = MultiMoodConfig(
        **QWEN2_7B,
        **{name: getattr(tiny, name) for name in TOKEN_IDS},
        tokenizer_len=QWEN2_7B["vocab_size"],
    )
    torch.manual_seed(SEED)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        torch.set_default_dtype(torch.bfloat16)  # 18 GB to write instead of 36
        try:
            model = MultiMoodForConditionalGeneration(config)
        finally:
            torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    MultiMoodProcessor(tokenizer, config).save_pretrained(folder)
    return folder

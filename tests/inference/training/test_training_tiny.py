"""How multimood-tiny is made, with a recipe of a few steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from inference.labels import EMOTIONS
from inference.multimood.generation import MultiMoodGenerator
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.tiny import tiny_config
from inference.preference_files import sha256_file
from inference.training.tiny import Recipe, make_tiny
from inference.training.towers import LabelledClip, TowerTraining, pretrain_towers

RECIPE = Recipe(
    seed=3,
    extra_clips=0,
    towers=TowerTraining(steps=3, batch_size=4),
    steps=3,
    batch_size=2,
    threads=1,
)


@pytest.fixture(autouse=True)
def own_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_same_recipe_same_bytes_with_card_and_figures_beside_them(
    corpus: Path, tmp_path: Path
) -> None:
    for name in ("out", "again"):
        make_tiny(corpus, tmp_path / name, tmp_path / f"work-{name}", RECIPE)
    out = tmp_path / "out"
    again = tmp_path / "again" / "model.safetensors"
    assert sha256_file(out / "model.safetensors") == sha256_file(again)

    told = json.loads((out / "metrics.json").read_text())
    assert told["corpus_sha256"] == sha256_file(corpus)
    assert told["majority"] == {"emotion": "sadness", "share": 1.0}
    assert {row["client_emotion"]["n"] for row in told["held_out"].values()} == {1}
    assert "fit for nothing clinical" in (out / "README.md").read_text()
    assert MultiMoodGenerator.load(out, device="cpu").model.config.vocab_size > 256


def test_towers_learn_what_tells_the_emotions_apart() -> None:
    torch.manual_seed(0)
    config = tiny_config(vocab_size=300)
    model = MultiMoodForConditionalGeneration(config).model
    size = config.vision_config.image_size
    clips = []
    for emotion in range(len(EMOTIONS)):
        grey = torch.full((2, 3, size, size), -0.5)
        grey[..., emotion * 8 : emotion * 8 + 8, :] = 0.9  # a bright bar, at another height each
        sound = torch.full((320, 128), 5.0)
        sound[:, emotion * 18 : emotion * 18 + 18] = 20.0  # and another pitch
        clips.append(LabelledClip(grey.half(), sound.half(), emotion))
    told = pretrain_towers(model, clips, TowerTraining(steps=60, batch_size=14), seed=1)
    assert told["vision_accuracy"] == 1.0
    assert told["sound_accuracy"] == 1.0
    assert not any(p.requires_grad for p in model.vision_tower.parameters())
    assert not any(p.requires_grad for p in model.audio_tower.parameters())

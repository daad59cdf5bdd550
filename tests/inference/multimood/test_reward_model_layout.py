"""A reward model's folder: what it holds, and how it is told from a generating model's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from inference.errors import CheckpointError
from inference.multimood.checkpoint import CheckpointMismatchError
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.reward_model import MultiMoodForReward
from inference.reward_files import criteria_of, is_reward_model


@pytest.fixture(scope="module")
def saved(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reward") / "model"
    torch.manual_seed(3)
    generating = MultiMoodForConditionalGeneration.from_pretrained(tiny_checkpoint)
    MultiMoodForReward.from_generating(generating, ("empathy", "safety"), "all").save_pretrained(
        folder
    )
    return folder


def test_a_folder_says_what_it_scores_without_torch(saved: Path, tiny_checkpoint: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from inference.reward_files import criteria_of, is_reward_model\n"
        f"assert criteria_of(Path({str(saved)!r})) == ('empathy', 'safety')\n"
        f"assert not is_reward_model(Path({str(tiny_checkpoint)!r}))\n"
        "assert not {'torch', 'transformers', 'django'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_head_of_pairs_has_no_criteria(tiny_checkpoint: Path, tmp_path: Path) -> None:
    generating = MultiMoodForConditionalGeneration.from_pretrained(tiny_checkpoint)
    MultiMoodForReward.from_generating(generating).save_pretrained(tmp_path)
    assert is_reward_model(tmp_path)
    assert criteria_of(tmp_path) == ()
    loaded = MultiMoodForReward.from_pretrained(tmp_path)
    assert (loaded.criteria, loaded.reads, loaded.score.out_features) == ((), "response", 1)


def test_loaded_scores_are_those_saved(saved: Path, tiny_checkpoint: Path) -> None:
    torch.manual_seed(3)
    generating = MultiMoodForConditionalGeneration.from_pretrained(tiny_checkpoint)
    made = MultiMoodForReward.from_generating(generating, ("empathy", "safety"), "all").eval()
    loaded = MultiMoodForReward.from_pretrained(saved).eval()
    assert (loaded.criteria, loaded.reads) == (("empathy", "safety"), "all")
    ids = torch.tensor([[9, 10, 11, 12]])
    with torch.no_grad():
        assert torch.equal(loaded(input_ids=ids).scores, made(input_ids=ids).scores)


def test_the_backbone_keeps_the_published_names(saved: Path, tiny_checkpoint: Path) -> None:
    names = []
    for folder in (saved, tiny_checkpoint):
        with safe_open(folder / "model.safetensors", "pt") as file:
            names.append(set(file.keys()))
    assert names[0] - names[1] == {"score.weight", "score.bias"}
    assert names[1] - names[0] <= {"lm_head.weight"}


def test_neither_kind_is_taken_for_the_other(saved: Path, tiny_checkpoint: Path) -> None:
    with pytest.raises(CheckpointMismatchError, match=r"missing.*\n.*score\.bias"):
        MultiMoodForReward.from_pretrained(tiny_checkpoint)
    with pytest.raises(CheckpointMismatchError, match=r"score\.weight"):
        MultiMoodForConditionalGeneration.from_pretrained(saved)
    with pytest.raises(CheckpointError, match="holds no reward model"):
        criteria_of(tiny_checkpoint)


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "cannot be read"), ("{", "is not JSON"), ("[]", "must hold one JSON object")],
)
def test_a_folder_without_a_readable_config_is_refused(
    tmp_path: Path, text: str | None, told: str
) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=told):
        is_reward_model(tmp_path)


def test_the_config_names_the_architecture(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    assert config["architectures"] == ["MultiMoodForReward"]
    assert config["model_type"] == "videollama2_qwen2"

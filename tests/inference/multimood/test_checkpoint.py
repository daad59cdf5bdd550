from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from inference.multimood.checkpoint import BIAS_TABLE, CheckpointMismatchError
from inference.multimood.config import MultiMoodConfig
from inference.multimood.model import MultiMoodForConditionalGeneration, MultiMoodModel
from inference.multimood.tiny import tiny_config

FIRST_TABLE = "model." + BIAS_TABLE.format(0)
SECOND_TABLE = "model." + BIAS_TABLE.format(1)


@pytest.fixture
def folder(model: MultiMoodForConditionalGeneration, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def rewrite(folder: Path, change: dict[str, torch.Tensor | None]) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    for name, tensor in change.items():
        if tensor is None:
            del tensors[name]
        else:
            tensors[name] = tensor
    save_file(tensors, file, {"format": "pt"})


def test_saved_names_are_the_published_ones(folder: Path) -> None:
    names = set(load_file(folder / "model.safetensors"))
    conv = "model.audio_tower.encoder.pos_conv.0."
    assert {conv + "weight_g", conv + "weight_v", FIRST_TABLE, SECOND_TABLE} <= names
    siglip = "model.vision_tower.vision_tower.vision_model.embeddings.patch_embedding.weight"
    assert siglip in names
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "videollama2_qwen2"
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"]


def test_loading_gives_the_same_weights(
    model: MultiMoodForConditionalGeneration, folder: Path
) -> None:
    loaded = MultiMoodForConditionalGeneration.from_pretrained(folder)
    ours, theirs = model.state_dict(), loaded.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_auto_classes_know_the_model(folder: Path) -> None:
    assert type(AutoConfig.from_pretrained(folder)) is MultiMoodConfig
    assert type(AutoModel.from_pretrained(folder)) is MultiMoodModel
    assert type(AutoModelForCausalLM.from_pretrained(folder)) is MultiMoodForConditionalGeneration


@pytest.mark.parametrize("dropped", [SECOND_TABLE, FIRST_TABLE])
def test_one_copy_of_the_relative_bias_is_enough(
    model: MultiMoodForConditionalGeneration, folder: Path, dropped: str
) -> None:
    rewrite(folder, {dropped: None})
    loaded = MultiMoodForConditionalGeneration.from_pretrained(folder)
    assert torch.equal(loaded.state_dict()[FIRST_TABLE], model.state_dict()[FIRST_TABLE])


def test_differing_copies_of_the_relative_bias_are_refused(folder: Path) -> None:
    table = load_file(folder / "model.safetensors")[FIRST_TABLE]
    rewrite(folder, {SECOND_TABLE: table + 1})
    with pytest.raises(CheckpointMismatchError, match=r"relative_attention_bias.*differ"):
        MultiMoodForConditionalGeneration.from_pretrained(folder)


def test_tensors_that_do_not_fit_are_listed(folder: Path) -> None:
    rewrite(
        folder,
        {
            "model.mm_projector.readout.0.bias": None,
            "model.mm_projector.readout.2.bias": torch.zeros(7),
            "model.stray.weight": torch.zeros(1),
        },
    )
    with pytest.raises(CheckpointMismatchError) as refused:
        MultiMoodForConditionalGeneration.from_pretrained(folder)
    message = str(refused.value)
    assert "missing (1):\n  model.mm_projector.readout.0.bias" in message
    assert "unexpected (1):\n  model.stray.weight" in message
    assert "readout.2.bias: (7,) in the file, (128,) by the config" in message


def test_trainers_may_load_a_saved_file_by_itself(
    model: MultiMoodForConditionalGeneration, folder: Path
) -> None:
    fresh = MultiMoodForConditionalGeneration(model.config)
    result = fresh.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    assert result.unexpected_keys == []
    assert result.missing_keys == ["lm_head.weight"]  # tied to the embeddings, stored once
    gain = fresh.model.audio_tower.encoder.get_submodule("pos_conv.0").get_parameter("gain")
    stored = load_file(folder / "model.safetensors")
    assert torch.equal(gain, stored["model.audio_tower.encoder.pos_conv.0.weight_g"])


def test_config_without_sizes_of_the_towers_gets_the_published_ones() -> None:
    config = MultiMoodConfig(mm_vision_tower="google/siglip-so400m-patch14-384")
    assert (config.vision_config.hidden_size, config.vision_config.num_hidden_layers) == (1152, 27)
    assert (config.audio_config.encoder_layers, config.audio_config.embed_dim) == (12, 512)
    assert (config.mamba_config.hidden_size, config.mamba_config.num_hidden_layers) == (1024, 48)


def test_other_projectors_are_refused() -> None:
    with pytest.raises(ValueError, match="mlp4x"):
        MultiMoodConfig(mm_projector_type="mlp4x")


def test_tiny_model_stays_below_two_million_parameters() -> None:
    model = MultiMoodForConditionalGeneration(tiny_config(2048))
    assert sum(parameter.numel() for parameter in model.parameters()) < 2_000_000


def test_pickled_weights_are_never_opened(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    with pytest.raises(OSError, match=r"model\.safetensors"):
        MultiMoodForConditionalGeneration.from_pretrained(folder)

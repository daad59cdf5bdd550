"""The parity command on folders of other sizes, whose outputs a second implementation computed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from inference.multimood import parity
from tests.inference.multimood.reference_cases import Cases
from tests.inference.multimood.reference_folder import Sizes

MANY_HEADS = Sizes(
    llm={
        "vocab_size": 90,
        "hidden_size": 48,
        "intermediate_size": 72,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "tie_word_embeddings": False,
    },
    vision={
        "hidden_size": 36,
        "intermediate_size": 40,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "image_size": 70,
        "patch_size": 14,
    },
    audio={
        "input_patch_size": 16,
        "embed_dim": 24,
        "encoder_layers": 3,
        "encoder_embed_dim": 64,
        "encoder_ffn_embed_dim": 80,
        "encoder_attention_heads": 8,
        "layer_wise_gradient_decay_ratio": 0.6,
        "conv_pos": 16,
        "conv_pos_groups": 8,
        "num_buckets": 40,
        "max_distance": 60,
        "finetuned_model": True,
        "predictor_class": 5,
    },
    mamba={"hidden_size": 24, "state_size": 4, "num_hidden_layers": 3, "vocab_size": 80},
    frames=6,
    select=-3,
)
SMALL_PATCHES = Sizes(
    llm={
        "vocab_size": 60,
        "hidden_size": 64,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "tie_word_embeddings": True,
    },
    vision={
        "hidden_size": 64,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 48,
        "patch_size": 8,
    },
    audio={
        "input_patch_size": 8,
        "embed_dim": 20,
        "encoder_layers": 1,
        "encoder_embed_dim": 32,
        "encoder_ffn_embed_dim": 40,
        "encoder_attention_heads": 2,
        "layer_wise_gradient_decay_ratio": 1.0,
        "conv_pos": 15,
        "conv_pos_groups": 4,
        "num_buckets": 16,
        "max_distance": 30,
        "finetuned_model": False,
    },
    mamba={"hidden_size": 16, "state_size": 8, "num_hidden_layers": 1, "vocab_size": 60},
    frames=5,
    select=1,
    bins=64,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(SMALL_PATCHES, tmp_path_factory.mktemp("parity"))


def written(sizes: Sizes, folder: Path) -> Path:
    Cases(sizes).write(folder)
    return folder


@pytest.fixture
def own(small: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(small, tmp_path / "own"))


def run(folder: Path) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = parity.main([str(folder)], lines.append)
    return code, lines


def bad_lines(lines: list[str]) -> list[str]:
    return [line for line in lines[:-1] if not line.startswith("ok ")]


def rewrite_cases(folder: Path, drop: str = "", unlist: str = "", **add: torch.Tensor) -> None:
    """Leaves out tensors and names that begin with `drop`, and names that begin with `unlist`."""
    file = folder / "cases.safetensors"
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    tensors = load_file(file) | {name.replace("__", "."): tensor for name, tensor in add.items()}
    gone = {name for name in tensors if drop and name.startswith(drop)}
    for kind, names in metadata.items():
        kept = [n for n in names.split() if n not in gone]
        kept = [n for n in kept if not (unlist and n.startswith(unlist))]
        metadata[kind] = " ".join(kept)
    metadata["outputs"] += " " + " ".join(name.replace("__", ".") for name in add)
    save_file({name: t for name, t in tensors.items() if name not in gone}, file, metadata)


@pytest.mark.parametrize("sizes", [MANY_HEADS, SMALL_PATCHES], ids=["heads", "patches"])
def test_other_sizes_are_reproduced(sizes: Sizes, small: Path, tmp_path: Path) -> None:
    folder = small if sizes is SMALL_PATCHES else written(sizes, tmp_path)
    code, lines = run(folder)
    assert bad_lines(lines) == []
    assert code == 0
    with safe_open(folder / "cases.safetensors", "pt") as opened:
        outputs = opened.metadata()["outputs"].split()
    assert lines[-1] == f"{len(outputs)} compared, 0 off, 0 not compared"
    assert len(outputs) > 90


def test_one_changed_value_in_each_of_four_weights_is_noticed(own: Path) -> None:
    seen_in = {
        "model.mm_projector.s2.b3.se.fc1.bias": "c1.stc_s2",
        "model.audio_tower.encoder.pos_conv.0.weight_g": "c2b.features",
        "model.mamba_compressor.memory_projection.weight": "c3a.memory",
        "model.layers.0.self_attn.q_proj.bias": "c4d.logits",
    }
    file = own / "model.safetensors"
    tensors = load_file(file)
    for name in seen_in:
        tensors[name].view(-1)[0] += 0.5
    save_file(tensors, file, {"format": "pt"})
    code, lines = run(own)
    assert code == 1
    off = {line.split()[1] for line in lines if line.startswith("OFF")}
    assert set(seen_in.values()) <= off
    assert "c1.stc_s1" not in off


def test_a_changed_output_is_the_only_one_off(own: Path) -> None:
    value = load_file(own / "cases.safetensors")["c4e.logits"]
    value[0, 0, 0] += 2e-3
    rewrite_cases(own, unlist="c4e.logits", c4e__logits=value)
    code, lines = run(own)
    assert code == 1
    assert [line.split()[:2] for line in bad_lines(lines)] == [["OFF", "c4e.logits"]]


def test_cases_that_are_not_stored_are_skipped(own: Path) -> None:
    for case in ("c2", "c4a.", "c5", "c6", "c7", "c9"):
        rewrite_cases(own, drop=case)
    code, lines = run(own)
    # Sound A is gone with c2, so the rows that need it cannot be merged.
    assert code == 1
    assert "FAILED c4b: c2a.fbank is not stored" in lines
    assert "NOT COMPARED c4b.logits" in lines
    for case in ("c4b.", "c4e.", "c4f.", "c4g.", "c4h.", "c4j.", "c4l.", "c10."):
        rewrite_cases(own, drop=case)
    code, lines = run(own)
    assert bad_lines(lines) == []
    assert code == 0


def test_what_no_case_knows_is_named(own: Path) -> None:
    rewrite_cases(own, c11__logits=torch.zeros(2), unlist="c8a.features")
    code, lines = run(own)
    assert code == 1
    assert "NOT COMPARED c11.logits" in lines
    assert "UNKNOWN c8a.features: listed neither as input nor as output" in lines


def test_a_folder_that_cannot_be_read_ends_with_two(own: Path, tmp_path: Path) -> None:
    cases = own / "cases.safetensors"
    save_file(load_file(cases), cases)
    assert "no list of outputs" in refusal(own)
    cases.write_bytes(cases.read_bytes()[:200])
    assert "cases.safetensors is not a whole safetensors file" in refusal(own)
    cases.unlink()
    assert "holds no cases.safetensors" in refusal(own)
    assert "holds no cases.safetensors" in refusal(tmp_path / "nowhere")


def test_a_folder_whose_model_cannot_be_loaded_ends_with_two(own: Path) -> None:
    whole = (own / "config.json").read_text()
    (own / "config.json").write_text("{")
    assert "config.json" in refusal(own)
    (own / "config.json").write_text(whole)
    (own / "model.safetensors").write_bytes(b"not tensors")
    assert "model.safetensors is not a whole safetensors file" in refusal(own)


def refusal(folder: Path) -> str:
    code, lines = run(folder)
    assert code == 2
    return lines[0]

"""What is kept beside the base gives the trained model back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inference.errors import CheckpointError
from inference.training.demo.delta import put_together, read_delta, take_apart, write_delta

BASE = {
    "model.layers.0.self_attn.q_proj.weight": torch.arange(12.0).reshape(4, 3),
    "model.norm.weight": torch.ones(3),
}
MATRIX = "model.layers.0.self_attn.q_proj.weight"


def changed(change: torch.Tensor) -> dict[str, torch.Tensor]:
    return {**BASE, MATRIX: BASE[MATRIX] + change, "model.mm_projector.weight": torch.full((2,), 3)}


def test_a_change_of_rank_one_is_kept_as_two_vectors_and_comes_back() -> None:
    change = torch.outer(torch.tensor([1.0, 2, 0, -1]), torch.tensor([0.5, 0, 2]))
    delta = take_apart(changed(change), BASE, rank=1)
    shapes = {name: tuple(tensor.shape) for name, tensor in delta.items()}
    assert shapes == {
        f"{MATRIX}.change_up": (4, 1),
        f"{MATRIX}.change_down": (1, 3),
        "model.mm_projector.weight": (2,),
    }
    assert {tensor.dtype for tensor in delta.values()} == {torch.float16}

    whole = put_together(delta, BASE)
    assert set(whole) == {*BASE, "model.mm_projector.weight"}
    torch.testing.assert_close(whole[MATRIX].float(), BASE[MATRIX] + change, atol=0.01, rtol=1e-3)
    assert torch.equal(whole["model.norm.weight"], BASE["model.norm.weight"].half())
    assert torch.equal(whole["model.mm_projector.weight"].float(), torch.full((2,), 3.0))


def test_a_change_of_higher_rank_is_refused() -> None:
    with pytest.raises(CheckpointError, match="changed by more than rank 1"):
        take_apart(changed(torch.eye(4, 3)), BASE, rank=1)


def test_a_trained_vector_of_the_base_is_refused() -> None:
    trained = {**BASE, "model.norm.weight": torch.full((3,), 2.0)}
    with pytest.raises(CheckpointError, match=r"model\.norm\.weight was trained"):
        take_apart(trained, BASE, rank=1)


def test_a_model_that_lacks_a_part_of_its_base_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"lacks model\.norm\.weight"):
        take_apart({MATRIX: BASE[MATRIX]}, BASE, rank=1)


def test_it_belongs_to_one_base(tmp_path: Path) -> None:
    write_delta(tmp_path, {"a": torch.ones(2).half()}, base_sha256="1" * 64)
    assert torch.equal(read_delta(tmp_path, "1" * 64)["a"], torch.ones(2).half())
    with pytest.raises(CheckpointError, match="was made for a base with SHA-256 111111111111"):
        read_delta(tmp_path, "2" * 64)

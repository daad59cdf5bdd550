"""Mamba's layers as they are trained here, against those of transformers."""

from __future__ import annotations

import pytest
import torch
from transformers import MambaConfig, MambaModel

from inference.multimood.history import ConvCompressor
from inference.multimood.selective_scan import is_trained, last_hidden_state, recurrence


@pytest.fixture
def mamba() -> MambaModel:
    torch.manual_seed(0)
    config = MambaConfig(
        vocab_size=50, hidden_size=24, state_size=5, num_hidden_layers=2, initializer_range=0.3
    )
    return MambaModel(config)


def gradients(mamba: MambaModel, hidden: torch.Tensor) -> dict[str, torch.Tensor]:
    mamba.zero_grad()
    weights = torch.linspace(-1, 1, hidden.numel()).view_as(hidden)
    torch.autograd.backward((hidden * weights).sum())
    return {name: p.grad.clone() for name, p in mamba.named_parameters()}


@pytest.mark.parametrize("length", [1, 2, 3, 40])
def test_values_and_gradients_are_those_of_transformers(mamba: MambaModel, length: int) -> None:
    ids = torch.randint(50, (3, length), generator=torch.Generator().manual_seed(1))
    expected = mamba(input_ids=ids, use_cache=False).last_hidden_state
    found = last_hidden_state(mamba, ids)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    wanted, got = gradients(mamba, expected), gradients(mamba, found)
    for name, gradient in wanted.items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(
            got[name], gradient, atol=1e-6 + 1e-5 * scale, rtol=1e-4, msg=name
        )


def kept(mamba: MambaModel, ids: torch.Tensor) -> tuple[int, torch.Tensor]:
    """(numbers kept for the backward pass, weights aside; hidden states)"""
    weights = {p.untyped_storage().data_ptr() for p in mamba.parameters()}
    sizes: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes() // 4
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = last_hidden_state(mamba, ids)
    return sum(sizes.values()), hidden


def test_layers_are_computed_again_where_the_model_says_so(mamba: MambaModel) -> None:
    ids = torch.randint(50, (3, 40), generator=torch.Generator().manual_seed(1))
    states = 3 * 40 * 48 * 5  # of one layer: rows, tokens, channels, state
    whole, hidden = kept(mamba.train(), ids)
    assert whole > 2 * 4 * states
    wanted = gradients(mamba, hidden)
    mamba.gradient_checkpointing_enable()
    fewer, again = kept(mamba, ids)
    assert fewer < states
    assert torch.equal(again, hidden)
    got = gradients(mamba, again)
    assert got.keys() == wanted.keys()
    assert all(torch.equal(got[name], wanted[name]) for name in wanted)
    assert kept(mamba.eval(), ids)[0] == whole


def test_recurrence_by_hand() -> None:
    decay = torch.tensor([[9.0], [2.0], [3.0]], requires_grad=True)
    gained = torch.tensor([[1.0], [1.0], [1.0]], requires_grad=True)
    states = recurrence(decay, gained)
    assert states[:, 0].tolist() == [1.0, 3.0, 10.0]  # 1, 2 * 1 + 1, 3 * 3 + 1
    torch.autograd.backward(states[2, 0])
    assert gained.grad is not None
    assert decay.grad is not None
    assert gained.grad[:, 0].tolist() == [6.0, 3.0, 1.0]
    # The last state is d3 * (d2 * 1 + 1) + 1; nothing came before the first.
    assert decay.grad[:, 0].tolist() == [0.0, 3.0, 3.0]


def test_recurrence_has_the_gradient_of_its_differences() -> None:
    generator = torch.Generator().manual_seed(2)
    decay, gained = (
        torch.rand(4, 2, 3, generator=generator, dtype=torch.float64, requires_grad=True)
        for _ in range(2)
    )
    assert torch.autograd.gradcheck(recurrence, (decay, gained))


def test_only_what_is_trained_takes_this_way(mamba: MambaModel) -> None:
    assert is_trained(mamba)
    with torch.no_grad():
        assert not is_trained(mamba)
    assert not is_trained(mamba.requires_grad_(False))


def test_memories_are_the_same_whether_trained_or_read() -> None:
    torch.manual_seed(0)
    config = MambaConfig(vocab_size=20, hidden_size=16, state_size=4, num_hidden_layers=2)
    compressor = ConvCompressor(config, mem_token_id=7, width=12)
    ids = torch.tensor([[3, 4, 7, 5, 7], [1, 7, 0, 0, 0]])
    trained = compressor(ids)
    with torch.no_grad():
        read = compressor(ids)
    assert trained.shape == (3, 12)
    torch.testing.assert_close(trained, read, atol=1e-6, rtol=1e-5)

"""Mamba's layers for training where its kernels are missing (Gu & Dao 2023, arXiv 2312.00752).

The same weights and arithmetic as transformers' Mamba (the tests compare values and gradients). Its
own backward pass goes through every step of the recurrence by itself and takes time that grows with
the square of the length; here it is one recurrence that runs back.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from torch.autograd.function import FunctionCtx
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import MambaModel

KERNELS = all(find_spec(name) is not None for name in ("mamba_ssm", "causal_conv1d"))


def is_trained(mamba: MambaModel) -> bool:
    """Whether a gradient will run back through its layers."""
    return torch.is_grad_enabled() and any(p.requires_grad for p in mamba.parameters())


def last_hidden_state(mamba: MambaModel, ids: torch.Tensor) -> torch.Tensor:
    """(H, L) -> (H, L, width). With gradient checkpointing a layer is computed again when its
    gradient is due, and its states, the largest of all, are kept for one layer at a time."""
    hidden: torch.Tensor = mamba.embeddings(ids)
    again = mamba.training and mamba.gradient_checkpointing
    for block in mamba.layers:
        if again:
            hidden = checkpoint(through, block, hidden, use_reentrant=False)
        else:
            hidden = through(block, hidden)
    normed: torch.Tensor = mamba.norm_f(hidden)
    return normed


def through(block: Any, hidden: torch.Tensor) -> torch.Tensor:
    """(N, L, width) -> (N, L, width), by the weights of a MambaBlock."""
    residual = hidden.float() if block.residual_in_fp32 else hidden
    return residual + mixed(block.mixer, block.norm(hidden.to(block.norm.weight.dtype)))


def mixed(mixer: Any, hidden: torch.Tensor) -> torch.Tensor:
    """(N, L, width) -> (N, L, width), by the weights of a MambaMixer."""
    length = hidden.shape[1]
    x, gate = mixer.in_proj(hidden).transpose(1, 2).chunk(2, dim=1)  # (N, D, L) each
    x = mixer.act(mixer.conv1d(x)[..., :length])
    sizes = [mixer.time_step_rank, mixer.ssm_state_size, mixer.ssm_state_size]
    step, into, out_of = mixer.x_proj(x.transpose(1, 2)).float().split(sizes, dim=-1)
    weight, bias = mixer.dt_proj.weight.float(), mixer.dt_proj.bias.float()
    step = functional.softplus(functional.linear(step, weight, bias))  # (N, L, D)
    decay = torch.exp(step[..., None] * -torch.exp(mixer.A_log.float()))  # (N, L, D, S)
    gained = (step * x.transpose(1, 2))[..., None] * into[:, :, None, :]
    states = recurrence(decay.transpose(0, 1), gained.transpose(0, 1))  # (L, N, D, S)
    scanned = torch.einsum("lnds,nls->nld", states, out_of)
    scanned = scanned + x.transpose(1, 2) * mixer.D.float()
    scanned = scanned * functional.silu(gate.transpose(1, 2))
    output: torch.Tensor = mixer.out_proj(scanned.to(hidden.dtype))
    return output


def recurrence(decay: torch.Tensor, gained: torch.Tensor) -> torch.Tensor:
    """states[t] = decay[t] * states[t - 1] + gained[t], from zero; all (L, ...)."""
    states: torch.Tensor = _Recurrence.apply(decay, gained)  # type: ignore[no-untyped-call]
    return states


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, decay: torch.Tensor, gained: torch.Tensor) -> torch.Tensor:
        decay, states = decay.contiguous(), gained.contiguous().clone()
        for t in range(1, len(states)):
            states[t].addcmul_(decay[t], states[t - 1])
        ctx.save_for_backward(decay, states)
        return states

    @staticmethod
    def backward(ctx: Any, *given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        decay, states = ctx.saved_tensors
        gradients = given[0].contiguous().clone()
        for t in range(len(states) - 2, -1, -1):
            gradients[t].addcmul_(decay[t + 1], gradients[t + 1])
        of_decay = torch.zeros_like(decay)
        torch.mul(gradients[1:], states[:-1], out=of_decay[1:])
        return of_decay, gradients

"""STC connector "v35": (clips, frames, patches, width) -> (clips, tokens, LLM width).

Two stages of RegNet blocks around a strided 3-D convolution, then an MLP (VideoLLaMA 2,
Cheng et al., arXiv 2406.07476). The blocks follow RegNet-Y (Radosavovic et al., 2020) with
layer norms over channels.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import nn
from torch.nn import functional

NORM_EPS = 1e-5
BLOCKS_PER_STAGE = 4
STRIDE = (2, 2, 2)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over dimension 1 of (N, channels, rows, columns)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNorm(nn.Module):
    def __init__(self, width_in: int, width: int, kernel: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            width_in, width, kernel, padding=kernel // 2, groups=groups, bias=False
        )
        self.bn = ChannelNorm(width, eps=NORM_EPS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.bn(self.conv(x)))


class SqueezeExcite(nn.Module):
    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        squeezed = functional.silu(self.fc1(x.mean((2, 3), keepdim=True)))
        gate: torch.Tensor = self.fc2(squeezed).sigmoid()
        return x * gate


class RegNetBlock(nn.Module):
    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width_in, width)
        self.conv2 = ConvNorm(width, width, kernel=3, groups=width)
        # RegNet sizes the squeeze by the block's input, not by its own width.
        self.se = SqueezeExcite(width, round(width_in / 4))
        self.conv3 = ConvNorm(width, width)
        self.downsample = ConvNorm(width_in, width) if width_in != width else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = functional.silu(self.conv1(x))
        x = self.se(functional.silu(self.conv2(x)))
        return functional.silu(self.conv3(x) + shortcut)


class Stage(nn.Module):
    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        for i in range(BLOCKS_PER_STAGE):
            self.add_module(f"b{i + 1}", RegNetBlock(width_in if i == 0 else width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.children():
            x = block(x)
        return x


class StcConnector(nn.Module):
    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.s1 = Stage(width_in, width)
        self.sampler = nn.Sequential(nn.Conv3d(width, width, STRIDE, STRIDE), nn.SiLU())
        self.s2 = Stage(width, width)
        self.readout = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(V, F, P, D) -> (V, N, hidden), N ordered by time, row, column."""
        clips, frames, patches, width = features.shape
        side = math.isqrt(patches)
        if side * side != patches:
            raise ValueError(f"{patches} patches do not make a square")
        grid = features.reshape(clips * frames, side, side, width).permute(0, 3, 1, 2)
        grid = self.s1(grid)
        grid = grid.unflatten(0, (clips, frames)).transpose(1, 2)  # (V, D, F, side, side)
        grid = self.sampler(grid)
        times = grid.shape[2]
        grid = self.s2(grid.transpose(1, 2).flatten(0, 1))  # (V * times, D, rows, columns)
        tokens = grid.unflatten(0, (clips, times)).permute(0, 1, 3, 4, 2).flatten(1, 3)
        return cast(torch.Tensor, self.readout(tokens))


def video_token_count(frames: int, patches: int) -> int:
    side = math.isqrt(patches)
    return (frames // STRIDE[0]) * (side // STRIDE[1]) * (side // STRIDE[2])


def video_token_counts(frame_padding: torch.Tensor, patches: int) -> list[int]:
    """(V, F) 1 = padding, at the end -> tokens of each clip. Steps in time do not overlap, so
    padding after a clip's frames changes none of its tokens."""
    frames: list[int] = (~frame_padding.bool()).sum(1).tolist()
    return [video_token_count(count, patches) for count in frames]

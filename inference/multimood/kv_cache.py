"""Keys and values of rows that share the prefix of their prompt.

The prefix is stored once a prompt, what follows once a row. Rows of unequal length are packed to
the left and masked on the right, so that a row's sums run over the same numbers in the same order
whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

ROW_MULTIPLE = 8
"""Matrices of a multiple of this many rows, so that each row's product has the same bits for every
number of rows (measured with MKL, float32: the kernels for 1 to 3 rows sum in another order)."""
PREFIX_MULTIPLE, SUFFIX_MULTIPLE = 64, 32
"""Lengths are rounded up, so that the sums over them keep their lanes."""
MIN_QUERIES = 4


def round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


class SharedCache:
    """`prefix` (layers, 2, prompts * heads, P, d), `suffix` (layers, 2, rows * heads, T, d): keys
    and values. Rows beyond `len(prompt_of_row)` are padding."""

    def __init__(
        self,
        layers: int,
        kv_heads: int,
        width: int,
        prompt_lengths: Sequence[int],
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.kv_heads = kv_heads
        self.prompt_lengths = list(prompt_lengths)
        self.prompt_of_row: list[int] = []
        self.lengths: list[int] = []
        room = round_up(max(prompt_lengths), PREFIX_MULTIPLE)
        shape = (layers, 2, len(prompt_lengths) * kv_heads, room, width)
        self.prefix = torch.zeros(shape, dtype=dtype, device=device)
        self.suffix = self.prefix.new_zeros(layers, 2, 0, 0, width)
        mask = _padding_mask(prompt_lengths, room).to(device, dtype)
        self.prefix_mask = mask.repeat_interleave(kv_heads, 0)[:, None]
        self._grids: dict[int, Grid] = {}

    @property
    def rows(self) -> int:
        """With padding."""
        return self.suffix.shape[2] // self.kv_heads

    @property
    def room(self) -> int:
        return self.suffix.shape[3]

    def store_prompt(
        self, layer: int, prompt: int, keys: torch.Tensor, values: torch.Tensor
    ) -> None:
        """(heads, S, d) each."""
        heads = slice(prompt * self.kv_heads, (prompt + 1) * self.kv_heads)
        self.prefix[layer, 0, heads, : keys.shape[1]] = keys
        self.prefix[layer, 1, heads, : keys.shape[1]] = values

    def start_rows(self, prompt_of_row: Sequence[int], room: int) -> None:
        """Rows that hold nothing beside their prompt."""
        layers, _, _, _, width = self.prefix.shape
        rows = round_up(len(prompt_of_row), ROW_MULTIPLE)
        room = round_up(room, SUFFIX_MULTIPLE)
        self.suffix = self.prefix.new_zeros(layers, 2, rows * self.kv_heads, room, width)
        self.prompt_of_row = list(prompt_of_row)
        self.lengths = [0] * len(prompt_of_row)
        self._grids.clear()

    def branch(self, parents: Sequence[int], slots: Sequence[Sequence[int]], room: int) -> None:
        """New rows, each with the given slots of its parent, in that order."""
        old, old_room = self.suffix, self.room
        prompts = [self.prompt_of_row[parent] for parent in parents]
        self.start_rows(prompts, room)
        self.lengths = [len(kept) for kept in slots]
        longest = max(self.lengths, default=0)
        if not longest:
            return
        picked = torch.zeros(self.rows, longest, dtype=torch.long)
        for row, (parent, kept) in enumerate(zip(parents, slots, strict=True)):
            picked[row, : len(kept)] = torch.tensor(kept)
            picked[row] += parent * self.kv_heads * old_room
        heads = torch.arange(self.kv_heads)[:, None] * old_room
        places = (picked[:, None] + heads).flatten().to(old.device)
        kept_part = old.flatten(2, 3).index_select(2, places)
        self.suffix[:, :, :, :longest] = kept_part.view(
            *kept_part.shape[:2], -1, longest, kept_part.shape[-1]
        )

    def widen(self, room: int) -> None:
        old, kept = self.suffix, self.room
        layers, pair, rows, _, width = old.shape
        self.suffix = old.new_zeros(layers, pair, rows, round_up(room, SUFFIX_MULTIPLE), width)
        self.suffix[:, :, :, :kept] = old

    def keep_rows(self, rows: Sequence[int]) -> None:
        """The other rows leave; their prompts too, once half of the prompts have no row."""
        padded = [*rows, *[rows[0]] * (round_up(len(rows), ROW_MULTIPLE) - len(rows))]
        self.suffix = self.suffix.index_select(2, self._with_heads(padded))
        self.lengths = [self.lengths[row] for row in rows]
        self.prompt_of_row = [self.prompt_of_row[row] for row in rows]
        alive = sorted(set(self.prompt_of_row))
        if 2 * len(alive) <= len(self.prompt_lengths):
            self._keep_prompts(alive)
        self._grids.clear()

    def grid(self, queries: int) -> Grid:
        if queries not in self._grids:
            self._grids[queries] = Grid(self, queries)
        return self._grids[queries]

    def _keep_prompts(self, prompts: Sequence[int]) -> None:
        index = self._with_heads(prompts)
        self.prompt_lengths = [self.prompt_lengths[prompt] for prompt in prompts]
        room = round_up(max(self.prompt_lengths), PREFIX_MULTIPLE)
        self.prefix = self.prefix[:, :, :, :room].index_select(2, index)
        self.prefix_mask = self.prefix_mask[index, :, :room]
        place = {prompt: i for i, prompt in enumerate(prompts)}
        self.prompt_of_row = [place[prompt] for prompt in self.prompt_of_row]

    def _with_heads(self, entries: Sequence[int]) -> torch.Tensor:
        heads = torch.arange(self.kv_heads)
        index = torch.tensor(entries)[:, None] * self.kv_heads + heads
        return index.flatten().to(self.prefix.device)


class Grid:
    """Which rows stand at which prompt, as indices: queries of all rows of a prompt meet its keys
    in one product. Rows and slots count by key/value head."""

    def __init__(self, cache: SharedCache, queries: int) -> None:
        """`queries` are those of a row and a key/value head."""
        rows_of: list[list[int]] = [[] for _ in cache.prompt_lengths]
        for row, prompt in enumerate(cache.prompt_of_row):
            rows_of[prompt].append(row)
        self.slots = max(max(map(len, rows_of)), -(-MIN_QUERIES // queries))
        heads, slots = cache.kv_heads, self.slots
        to_grid = torch.zeros(len(rows_of), slots, dtype=torch.long)
        to_rows = torch.zeros(cache.rows, dtype=torch.long)
        for prompt, rows in enumerate(rows_of):
            to_grid[prompt, : len(rows)] = torch.tensor(rows, dtype=torch.long)
            for slot, row in enumerate(rows):
                to_rows[row] = prompt * heads * slots + slot
        head = torch.arange(heads)
        device = cache.prefix.device
        grid = to_grid[:, None] * heads + head[:, None]
        self.to_grid = grid.flatten().to(device)
        self.to_rows = (to_rows[:, None] + head * slots).flatten().to(device)


def _padding_mask(lengths: Sequence[int], room: int) -> torch.Tensor:
    """(n, room): 0 where there is something, -inf beyond."""
    filled = torch.arange(room) < torch.tensor(lengths)[:, None]
    return torch.where(filled, 0.0, -torch.inf)

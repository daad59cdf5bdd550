"""Which tensors a checkpoint holds, told from its files' headers. Standard library only.

A safetensors file begins with eight bytes that give the length of its header, a JSON object with
the type and shape of every tensor (https://github.com/huggingface/safetensors, "Format").
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import CheckpointError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
HEADER_LIMIT = 100_000_000
"""Bytes, as in the format's reference implementation."""
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
OTHERS = {"I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}


@dataclass(frozen=True)
class TensorHeader:
    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    def bytes_as(self, float_size: int) -> int:
        """In memory, when every float takes `float_size` bytes."""
        return self.elements * (float_size if self.dtype in FLOATS else OTHERS.get(self.dtype, 8))


def weight_files(folder: Path) -> list[Path]:
    """All `*.safetensors` by name; of shards those that their index names, since some releases have
    the same weights again in `consolidated*.safetensors`."""
    files = sorted(folder.glob("*.safetensors"))
    index = folder / INDEX
    if (folder / WEIGHTS).is_file() or not index.is_file():
        return files
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{index} is no index of weights. Copy it anew.") from error
    return [file for file in files if file.name in named]


def checkpoint_headers(folder: Path) -> Iterator[TensorHeader]:
    """Of all its weights, file by file."""
    for file in weight_files(folder):
        yield from file_headers(file)


def file_headers(file: Path) -> list[TensorHeader]:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 0 < length <= HEADER_LIMIT:
            raise CheckpointError(f"{file} is not a safetensors file: its header is missing.")
        text = stream.read(length)
    try:
        header: dict[str, Any] = json.loads(text)
        header.pop("__metadata__", None)
        return [
            TensorHeader(name, tensor["dtype"], tuple(tensor["shape"]))
            for name, tensor in header.items()
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{file} is not a safetensors file: {error}.") from error

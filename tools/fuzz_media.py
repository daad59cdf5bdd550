"""Damages small valid media files at random and reads them: what happens is counted.

    python tools/fuzz_media.py [--count 10000] [--seed 0] [--keep FOLDER] [--json]

Each damaged file is probed, read or copied through `inference.media`, so in its child process.
The only allowed outcomes are an answer and a MediaError; anything else ends the run with exit
code 1. Files that broke the child or took too long are kept in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from inference.media import (
    MediaError,
    MediaLimits,
    SoundPlan,
    make_playback,
    probe,
    read_clip,
)
from inference.media.process import READER
from tests.inference.media.seeds import write_seeds

LIMITS = MediaLimits(seconds=20.0, memory_mb=1024, max_pixels=4_000_000, max_seconds=600.0)
SIZES = (b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff")
HEADER = 4096
BROKE, KILLED, LATE = "broke down", "the system stopped", "took longer"

Mutation = Callable[[random.Random, bytearray, list[bytes]], bytearray]


def flip_bits(draw: random.Random, data: bytearray, seeds: list[bytes]) -> bytearray:
    for _ in range(draw.choice((1, 1, 4, 16, 64))):
        data[_place(draw, data)] ^= 1 << draw.randrange(8)
    return data


def overwrite(draw: random.Random, data: bytearray, seeds: list[bytes]) -> bytearray:
    at, length = _place(draw, data), draw.choice((1, 2, 4, 8, 64, 1024))
    filling = draw.choice((b"\0", b"\xff", draw.randbytes(1)))
    data[at : at + length] = filling * len(data[at : at + length])
    return data


def edit_sizes(draw: random.Random, data: bytearray, seeds: list[bytes]) -> bytearray:
    """Where numbers of four bytes lie in most headers."""
    for _ in range(draw.choice((1, 1, 2, 5))):
        at = draw.randrange(0, max(min(len(data), HEADER) - 4, 1))
        new = draw.choice((*SIZES, draw.randbytes(4), None))
        old = int.from_bytes(data[at : at + 4], "big")
        near = ((old + draw.choice((-1, 1, 8, -8))) % 2**32).to_bytes(4, "big")
        new = new or near
        data[at : at + 4] = new if draw.random() < 0.7 else new[::-1]
    return data


def truncate(draw: random.Random, data: bytearray, seeds: list[bytes]) -> bytearray:
    return data[: draw.randrange(len(data))]


def swap_chunks(draw: random.Random, data: bytearray, seeds: list[bytes]) -> bytearray:
    a, b, c = sorted(draw.randrange(len(data) + 1) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def remove_chunk(draw: random.Random, data: bytearray, seeds: list[bytes]) -> bytearray:
    at = _place(draw, data)
    return data[:at] + data[at + draw.choice((1, 2, 4, 16, 256, 4096)) :]


def repeat_chunk(draw: random.Random, data: bytearray, seeds: list[bytes]) -> bytearray:
    at, length = _place(draw, data), draw.choice((1, 4, 64, 1024))
    return data[: at + length] + data[at : at + length] * draw.choice((1, 2, 50)) + data[at:]


def splice(draw: random.Random, data: bytearray, seeds: list[bytes]) -> bytearray:
    other = draw.choice(seeds)
    return data[: draw.randrange(len(data))] + other[draw.randrange(len(other)) :]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, flip_bits, overwrite, edit_sizes, edit_sizes, truncate, swap_chunks, remove_chunk,
    repeat_chunk, splice,
)  # fmt: skip


def _place(draw: random.Random, data: bytearray) -> int:
    """Headers are hit as often as everything else."""
    return draw.randrange(min(len(data), HEADER) if draw.random() < 0.5 else len(data))


def mutated(draw: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.choice((1, 1, 2, 3))):
        if len(data) > 1:
            data = draw.choice(MUTATIONS)(draw, data, seeds)
    return bytes(data)


def use(draw: random.Random, path: Path, copy: Path) -> str:
    """One way of reading it, and what came of that."""
    try:
        choice = draw.random()
        if choice < 0.25:
            probe(path, limits=LIMITS, decode=draw.random() < 0.8)
        elif choice < 0.95:
            # Short windows, so that seeking in sound is tried too.
            plan = draw.choice((SoundPlan(), SoundPlan("windows", 0.2, 3), SoundPlan("published")))
            read_clip(path, num_frames=draw.choice((1, 8)), sound=plan, limits=LIMITS)
        else:
            make_playback(path, copy, limits=LIMITS)
    except MediaError as error:
        for known in (BROKE, KILLED, LATE):
            if known in error.reason:
                return known
        return "refused"
    return "read"


def child_peak_kb() -> tuple[int, int]:
    """Resident and reserved memory of the present child, at their highest."""
    child = READER._child  # the figures are about the process, which has no public face
    if child is None or child.process.poll() is not None:
        return 0, 0
    lines = Path(f"/proc/{child.process.pid}/status").read_text().splitlines()
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    return tuple(int(fields.get(n, ["0"])[0]) for n in ("VmHWM", "VmPeak"))  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for files that broke the reader")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = fuzz(Path(name), arguments.count, arguments.seed, arguments.keep)
    for key, value in figures.items():
        print(f"{key:24}{value:>12,}")
    if arguments.json:
        print(json.dumps(figures))


def fuzz(folder: Path, count: int, seed: int, keep: Path | None) -> dict[str, float]:
    seeds = [path.read_bytes() for path in write_seeds(folder)]
    outcomes: Counter[str] = Counter()
    slowest, resident, reserved, children = 0.0, 0, 0, set()
    path, copy = folder / "damaged", folder / "copy.mp4"
    for number in range(count):
        draw = random.Random(f"{seed}/{number}")  # noqa: S311
        path.write_bytes(mutated(draw, seeds))
        began = time.perf_counter()
        outcome = use(draw, path, copy)
        slowest = max(slowest, time.perf_counter() - began)
        outcomes[outcome] += 1
        if keep is not None and outcome in (BROKE, KILLED, LATE):
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{seed}-{number}-{outcome.replace(' ', '-')}").write_bytes(path.read_bytes())
        now = child_peak_kb()
        resident, reserved = max(resident, now[0]), max(reserved, now[1])
        if READER._child is not None:
            children.add(READER._child.process.pid)
        if number % 1000 == 999:
            print(f"{number + 1:,}: {dict(outcomes)}", flush=True)
    return {
        "mutations": count,
        "seed_files": len(seeds),
        "read": outcomes["read"],
        "refused": outcomes["refused"],
        "child_broke_down": outcomes[BROKE],
        "child_killed_by_system": outcomes[KILLED],
        "too_slow": outcomes[LATE],
        "children_started": len(children),
        "slowest_seconds": round(slowest, 2),
        "peak_resident_mb": resident // 1024,
        "peak_reserved_mb": reserved // 1024,
    }


if __name__ == "__main__":
    main()

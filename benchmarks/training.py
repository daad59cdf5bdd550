"""Steps a second and memory of our DPO against TRL's trainer as it is, on the same data.

    python benchmarks/training.py [--quick] [--json] [--gpu] [--base FOLDER]

Both train the same model on the same pairs of the demo corpus (video, sound and history) in the
same order, with the same loss, optimiser, number format and threads; the losses of every step must
agree, or there are no figures. TRL's way recomputes naively: each reply is a row with the whole
prompt and its own media, both towers run for every row at every step, and the reference (a copy of
the model, or with LoRA the model with its adapters off) does so again. Ours reads features of clips
that went through the towers once, computes a pair's prompt once, and the reference before the first
step.

Each way runs in a process of its own, which gives its own peak memory, and both take turns of a few
steps, so that a machine that slows down slows both. Loading libraries and the model is left out;
"before step 1" is everything else before the first step: reading the pairs, and with ours decoding
all clips, the towers and the reference. TRL decodes a clip when it first needs it and keeps it.

--quick trains multimood-tiny whole, and `speedup_vs_trl` has everything included. Otherwise the
adapters (LoRA) of a model of the demo's size are trained, `--base`, or random weights of that
shape, and `speedup_vs_trl` is of steps after what was computed before them, the cost of which is
printed beside. `memory_ratio` is our peak over TRL's. The last line with --json is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

from benchmarks.training_parts.data import TINY, write_demo_sized, write_release  # noqa: E402
from benchmarks.training_parts.messages import Finished, Job, Ready, Turn, Way  # noqa: E402
from benchmarks.training_parts.report import Comparison, Run  # noqa: E402
from inference.training.config import TrainingConfig  # noqa: E402

T = TypeVar("T")
CONTENDED_LOAD = 1.0
LOSS_TOLERANCE = {False: 2e-3, True: 5e-2}
"""By whether it is computed in bfloat16."""


@dataclass(frozen=True)
class Size:
    pairs: int
    batch_size: int
    steps: int
    turn: int
    lora: bool


QUICK = Size(pairs=24, batch_size=4, steps=18, turn=6, lora=False)
FULL = Size(pairs=16, batch_size=2, steps=8, turn=1, lora=True)


def main() -> None:
    arguments = _parser().parse_args()
    size = QUICK if arguments.quick else FULL
    size = replace(size, steps=arguments.steps or size.steps)
    load = os.getloadavg()[0]
    said = "contended: trust the ratios, not the times" if load > CONTENDED_LOAD else "quiet"
    print(f"{_place(arguments)}, {arguments.threads} threads; load before: {load:.2f} ({said})")
    with tempfile.TemporaryDirectory() as folder:
        compared = compare(Path(folder), arguments.base, size, arguments)
    print("\n".join(compared.table()))
    difference = compared.loss_difference
    print(f"largest difference of a step's loss: {difference:.1e}")
    if difference > LOSS_TOLERANCE[arguments.gpu]:
        raise SystemExit("the two ways do not train the same: their losses differ")
    if arguments.json:
        measured = compared.figures(all_included=arguments.quick)
        machine = {
            "place": _place(arguments),
            "load_before": round(load, 2),
            "threads": arguments.threads,
        }
        print(json.dumps(machine | measured))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="multimood-tiny, under a minute")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    parser.add_argument("--base", type=Path, help="checkpoint to train, such as the demo model's")
    parser.add_argument("--gpu", action="store_true", help="on a GPU in bfloat16; its memory")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--steps", type=int, help=f"instead of {FULL.steps}, quick {QUICK.steps}")
    return parser


def _place(arguments: argparse.Namespace) -> str:
    if not arguments.gpu:
        return "cpu, float32"
    import torch

    return f"{torch.cuda.get_device_name()}, bfloat16"


def compare(
    folder: Path, base: Path | None, size: Size, arguments: argparse.Namespace
) -> Comparison:
    data = write_release(folder / "release", size.pairs)
    if base is None:
        base = TINY if arguments.quick else write_demo_sized(folder / "base")
    config = TrainingConfig(
        method="dpo",
        base=base,
        dataset=data.pairs_file,
        media_root=data.media_root,
        output=folder / "ours",
        max_steps=size.steps,
        batch_size=size.batch_size,
        learning_rate=1e-4,
        lora=size.lora,
        device="auto" if arguments.gpu else "cpu",
    )
    kind = "adapters" if size.lora else "all weights"
    print(
        f"{base.name}: {kind}, {size.steps} steps of {size.batch_size} pairs out of {size.pairs}",
        flush=True,
    )
    ours = Job(config, arguments.threads, size.turn)
    trl = replace(ours, config=replace(config, output=folder / "trl"))
    with _process("trl", trl) as theirs, _process("ours", ours) as own:
        return Comparison(*_in_turns([theirs, own]))


def _in_turns(pipes: list[Connection]) -> list[Run]:
    ready = [_received(pipe, Ready) for pipe in pipes]
    turns: list[list[Turn]] = [[] for _ in pipes]
    finished: dict[int, Finished] = {}
    while len(finished) < len(pipes):
        for number, pipe in enumerate(pipes):
            if number in finished:
                continue
            pipe.send(None)
            told = pipe.recv()
            if isinstance(told, Finished):
                finished[number] = told
            else:
                turns[number].append(told)
    return [
        Run(ready[number], turns[number][0], tuple(turns[number][1:]), finished[number].peak_mb)
        for number in range(len(pipes))
    ]


@contextmanager
def _process(way: Way, job: Job) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, way, job), daemon=True)
    process.start()
    there.close()
    try:
        yield here
        process.join(10)
    finally:
        process.kill()


def _serve(pipe: Connection, way: Way, job: Job) -> None:
    from benchmarks.training_parts.worker import serve  # seconds, which the parent is spared

    serve(pipe, way, job)


def _received(pipe: Connection, kind: type[T]) -> T:
    try:
        received = pipe.recv()
    except EOFError:
        raise SystemExit("a process of the benchmark ended; its error is above") from None
    if not isinstance(received, kind):
        raise TypeError(f"{type(received)} instead of {kind}")
    return received


if __name__ == "__main__":
    main()

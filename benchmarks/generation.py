"""Answers a second of the MultiMood model: the published way against ours, on the same weights.

    python benchmarks/generation.py [--quick] [--json] [--sizes tiny,large] [--device cuda]

The published way answers one sample at a time: it decodes the clips, runs both towers, the history
compressor and the whole prompt for every sample, and samples the reply at batch 1. Ours answers 16
stimuli of the demo corpus with 4 samples each, in batches. Both have the same random weights,
number format, device, threads, prompts, frames and sound, sample with the same temperature and
nucleus, and write replies of the same number of tokens: the end token is forbidden to both, and
ours decodes freely, so that like is compared with like ("ours"; the feature cache starts empty).
"ours, warm" is the same again with the features of all clips in the cache. "ours, labels" is what
the product does by default, from an empty cache: the label lines are fed in pieces and only chosen
among the labels, so its replies have as many tokens, but not each is a decoding step.

Each way runs in a process of its own, which gives its own peak memory, and works while the other
waits: the published way before and after ours, on half of the stimuli each, so that a machine that
slows down slows both. On the large size, and with --quick, the published way answers each stimulus
once: it repeats all work for every sample, so its responses a second are those of four.

"bandwidth fraction": the time that memory would need, at the bandwidth measured in this run, to
stream once for every decoding step the weights of the LLM and the attention cache (the prompt's
once a stimulus, the reply's once a row), as a share of the time that decoding took. Batches are
meant to leave this limit for that of arithmetic, which is printed beside it: operations of the
weights alone over the speed of a large matrix product.

--quick leaves the large size out and says so. With --sizes large it answers one stimulus of it,
with replies of 16 tokens, in the first two columns: with four rows a step and little to decode,
that speed-up is below the full run's. The last line with --json is one JSON object; its unprefixed
figures are of the largest size that ran.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch  # noqa: E402

from benchmarks.generation_parts.limits import measure_limits  # noqa: E402
from benchmarks.generation_parts.messages import Done, Ready, Setup, Work  # noqa: E402
from benchmarks.generation_parts.report import Run, SizeResult  # noqa: E402

T = TypeVar("T")
SIZES = ("tiny", "large")
STIMULI, SAMPLES, TOKENS = 16, 4, 64
QUICK_LARGE_STIMULI, QUICK_LARGE_TOKENS = 1, 16
CONTENDED_LOAD = 1.0


@dataclass(frozen=True)
class Plan:
    size: str
    stimuli: int
    samples: int
    published_samples: int
    tokens: int
    batch_size: int
    columns: tuple[str, ...]
    """Beside "published" and "ours"."""


def main() -> None:
    arguments = _parser().parse_args()
    load = os.getloadavg()[0]
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    torch.set_num_threads(arguments.threads)
    said = "contended: trust the ratios, not the times" if load > CONTENDED_LOAD else "quiet"
    print(f"{device}, {dtype}, {arguments.threads} threads; load before: {load:.2f} ({said})")
    figures: dict[str, float] = {"load_before": round(load, 2), "threads": arguments.threads}
    for size in arguments.sizes or (SIZES[:1] if arguments.quick else SIZES):
        plan = _plan(size, arguments)
        print(_told(plan), flush=True)
        result = measure(plan, device, dtype, arguments.threads, arguments.compile)
        print("\n".join(result.table()), end="\n\n", flush=True)
        own = result.figures()
        figures |= {f"{size}_{name}": value for name, value in own.items()} | own
    if arguments.quick and not arguments.sizes:
        print("large: left out by --quick; --quick --sizes large measures one stimulus of it")
    if arguments.json:
        print(json.dumps(figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny only, or large in small")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    parser.add_argument("--sizes", type=_sizes, help="tiny,large; with --quick only tiny")
    parser.add_argument("--device", default="auto", help="cpu, cuda, or what there is")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--compile", action="store_true", help="torch.compile for ours")
    parser.add_argument("--stimuli", type=int, help=f"instead of {STIMULI}")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of each stimulus")
    parser.add_argument("--tokens", type=int, help=f"of a reply, instead of {TOKENS}")
    parser.add_argument("--batch-size", type=int, help="stimuli; all of them by default")
    return parser


def _sizes(text: str) -> tuple[str, ...]:
    chosen = tuple(size for size in SIZES if size in text.split(","))
    if not chosen or len(chosen) != len(text.split(",")):
        raise argparse.ArgumentTypeError(f"sizes are {', '.join(SIZES)}")
    return chosen


def _plan(size: str, arguments: argparse.Namespace) -> Plan:
    short = arguments.quick and size == "large"
    stimuli = arguments.stimuli or (QUICK_LARGE_STIMULI if short else STIMULI)
    return Plan(
        size=size,
        stimuli=stimuli,
        samples=arguments.samples,
        published_samples=1 if arguments.quick or size == "large" else arguments.samples,
        tokens=arguments.tokens or (QUICK_LARGE_TOKENS if short else TOKENS),
        batch_size=arguments.batch_size or stimuli,
        columns=() if short else ("ours, warm", "ours, labels"),
    )


def _told(plan: Plan) -> str:
    return (
        f"{plan.size}: {plan.stimuli} stimuli, {plan.samples} samples of each "
        f"({plan.published_samples} the published way), {plan.tokens} tokens a reply"
    )


def measure(
    plan: Plan, device: str, dtype: torch.dtype, threads: int, compiled: bool
) -> SizeResult:
    limits = measure_limits(device, dtype)
    setup = Setup(plan.size, device, dtype, threads, compiled, plan.stimuli)
    with _process("published", setup) as published, _process("ours", setup) as ours:
        theirs, ready = _received(published, Ready), _received(ours, Ready)
        if not math.isclose(theirs.checksum, ready.checksum, rel_tol=1e-9):
            raise SystemExit("the two ways have different weights")
        runs = _alternate(plan, published, ours)
    limits = limits.best_of(measure_limits(device, dtype))
    return SizeResult(plan.size, ready, limits, runs)


def _alternate(plan: Plan, published: Connection, ours: Connection) -> dict[str, Run]:
    half = plan.stimuli // 2
    halves = [(0, half), (half, plan.stimuli - half)] if half else [(0, plan.stimuli)]
    alone = [Work(first, count, plan.published_samples, plan.tokens, 1) for first, count in halves]
    whole = Work(0, plan.stimuli, plan.samples, plan.tokens, plan.batch_size)
    before = _ask(published, alone[0])
    runs = {"ours": Run((whole,), (_ask(ours, whole),))}
    after = [_ask(published, work) for work in alone[1:]]
    runs["published"] = Run(tuple(alone), (before, *after))
    for column in plan.columns:
        labels = column == "ours, labels"
        work = Work(
            0,
            plan.stimuli,
            plan.samples,
            plan.tokens,
            plan.batch_size,
            labels=labels,
            warm=not labels,
        )
        runs[column] = Run((work,), (_ask(ours, work),))
    return runs


@contextmanager
def _process(way: str, setup: Setup) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, way, setup), daemon=True)
    process.start()
    there.close()
    try:
        yield here
        here.send(None)
        process.join(10)
    finally:
        process.kill()


def _serve(pipe: Connection, way: str, setup: Setup) -> None:
    from benchmarks.generation_parts.worker import serve  # seconds, which the parent is spared

    serve(pipe, way, setup)


def _ask(pipe: Connection, work: Work) -> Done:
    pipe.send(work)
    return _received(pipe, Done)


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

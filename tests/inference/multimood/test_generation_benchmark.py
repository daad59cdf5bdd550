"""The benchmark at its smallest, and its arithmetic. Speeds are not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.generation_parts.limits import DecodeWork
from benchmarks.generation_parts.sizes import large_config, parameter_counts
from benchmarks.generation_parts.stopwatch import Stopwatch
from inference.multimood.config import MultiMoodConfig
from inference.multimood.model import MultiMoodForConditionalGeneration

PROJECT = Path(__file__).resolve().parents[3]
STAGES = ("media", "vision", "audio", "history", "prefill", "labels", "decode", "other")
PROMISED = ("speedup_vs_published", "tokens_per_s", "bandwidth_fraction", "peak_mb")


@pytest.mark.timeout(600)
def test_quick_run_ends_with_its_figures() -> None:
    command = [sys.executable, "benchmarks/generation.py", "--quick", "--json", "--device", "cpu"]
    smallest = ["--sizes", "tiny", "--stimuli", "2", "--samples", "2", "--tokens", "40"]
    done = subprocess.run(
        [*command, *smallest], cwd=PROJECT, capture_output=True, text=True, timeout=540
    )
    assert done.returncode == 0, done.stderr
    *table, last = done.stdout.splitlines()
    figures = json.loads(last)
    assert all(isinstance(value, int | float) for value in figures.values())
    assert all(figures[name] > 0 for name in PROMISED)
    assert all(figures[name] == figures[f"tiny_{name}"] for name in PROMISED)
    assert figures["published_peak_mb"] > 100  # two processes, each with torch
    shares = [figures[f"share_{stage}"] for stage in STAGES]
    assert sum(shares) == pytest.approx(1, abs=0.01)
    assert figures["share_labels"] == 0  # like is compared with like: decoded freely
    rows = {line[:22].strip(): line[22:].split() for line in table}
    assert rows["responses"] == ["2", "4", "4", "4"]
    assert rows["tokens a response"][:3] == ["40.0"] * 3


def test_large_size_keeps_the_published_proportions() -> None:
    published = MultiMoodConfig(
        vocab_size=152_064,
        hidden_size=3584,
        intermediate_size=18_944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        tokenizer_len=151_649,
        mem_token_id=151_648,
    )
    with torch.device("meta"):
        ours, theirs = (
            parameter_counts(MultiMoodForConditionalGeneration(config))
            for config in (large_config(), published)
        )
    assert 0.45e9 < sum(ours.values()) < 0.55e9
    assert ours.keys() == theirs.keys()
    for part, count in ours.items():
        share = theirs[part] / sum(theirs.values())
        assert count / sum(ours.values()) == pytest.approx(share, abs=0.01), part


def test_decoding_reads_weights_and_caches_once_a_step() -> None:
    work = DecodeWork(weight_bytes=1000, cache_bytes_per_position=10, flops_per_token=7)
    # Three tokens, the first from the prompt's pass: two steps. Two samples of a prompt of 5
    # positions and two of one of 8 see 13 prompt positions, and their own 1 and 2.
    assert work.bytes_read([5, 8], samples=2, tokens=3) == 2 * 1000 + 10 * (2 * 13 + 4 * (1 + 2))
    assert work.flops(replies=4, tokens=3) == 4 * 2 * 7


def test_stage_within_a_stage_counts_for_itself() -> None:
    clock = iter([0.0, 1.0, 4.0, 10.0])
    stopwatch = Stopwatch(torch.device("cpu"))
    stopwatch._now = lambda: next(clock)  # type: ignore[method-assign]
    with stopwatch.stage("decode"), stopwatch.stage("prefill"):
        pass
    assert stopwatch.take_stages() == {"prefill": 3.0, "decode": 7.0}
    assert stopwatch.take_stages() == {}

"""The benchmark and the fuzzer, on a small scale."""

from __future__ import annotations

from pathlib import Path

from benchmarks.media import GROUP_SECONDS, RATE, in_process, write_film, write_voice
from inference.media import probe
from tools.fuzz_media import fuzz


def test_the_films_of_the_benchmark_are_as_long_as_they_say(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", (64, 48), groups=4)
    facts = probe(tmp_path / "film.mp4", decode=True)
    assert facts.frames == 4 * RATE * GROUP_SECONDS
    assert abs(facts.duration_ms - 4_000 * GROUP_SECONDS) < 300
    in_process(tmp_path / "film.mp4")
    write_voice(tmp_path / "voice.m4a", minutes=2)
    assert abs(probe(tmp_path / "voice.m4a").duration_ms - 120_000) < 300


def test_the_fuzzer_counts_every_file(tmp_path: Path) -> None:
    figures = fuzz(tmp_path, 25, 1, None)
    assert figures["read"] + figures["refused"] == 25
    assert figures["read"] > 0
    assert figures["refused"] > 0
    assert figures["peak_resident_mb"] > 20

"""Features on disk: exact, bounded, and never anything else than what was stored."""

from __future__ import annotations

import logging
import multiprocessing
import resource
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference.multimood.feature_cache import FeatureCache

VERSION = "0" * 64
LARGE = 10**9


def clip(number: int) -> str:
    return f"{number:064x}"


def tensors(number: int = 0, size: int = 250) -> dict[str, torch.Tensor]:
    """About 1 kB an entry."""
    return {"audio": torch.full((size,), float(number))}


def entry_bytes(folder: Path) -> int:
    cache = FeatureCache(folder / "one", LARGE)
    cache.put(VERSION, clip(0), tensors())
    return cache.held_bytes()


def test_what_was_stored_is_read_back_exactly(tmp_path: Path) -> None:
    stored = {
        "video": torch.randn(2, 3, 4).to(torch.bfloat16),
        "audio": torch.randn(5, 3)[:, 1:],
        "mask": torch.tensor([[True, False]]),
        "nothing": torch.zeros(0, 7),
    }
    FeatureCache(tmp_path, LARGE).put(VERSION, clip(1), stored)
    read = FeatureCache(tmp_path, LARGE).get(VERSION, clip(1))
    assert read is not None
    assert read.keys() == stored.keys()
    for name, tensor in stored.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)


def test_a_clip_without_any_stream_is_stored_too(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, LARGE)
    cache.put(VERSION, clip(1), {})
    assert cache.get(VERSION, clip(1)) == {}


def test_another_clip_or_extractor_gets_nothing(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, LARGE)
    cache.put(VERSION, clip(1), tensors())
    assert cache.get(VERSION, clip(2)) is None
    assert cache.get("1" + VERSION[1:], clip(1)) is None


def test_a_file_put_under_another_name_is_left_aside(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, LARGE)
    for number in (1, 2):
        cache.put(VERSION, clip(number), tensors(number))
    first, second = sorted(tmp_path.glob("*/*/*.safetensors"))
    second.write_bytes(first.read_bytes())
    assert cache.get(VERSION, clip(2)) is None
    cache.put(VERSION, clip(2), tensors(2))
    again = cache.get(VERSION, clip(2))
    assert again is not None
    assert again["audio"][0] == 2


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, 1300), at=st.integers(0, 1300), bits=st.integers(0, 255))
@example(cut=0, at=0, bits=0)
@example(cut=1300, at=7, bits=255)
def test_a_damaged_file_is_absent_or_unharmed(cut: int, at: int, bits: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        cache = FeatureCache(Path(name), LARGE)
        cache.put(VERSION, clip(1), tensors(3))
        [file] = Path(name).glob("*/*/*.safetensors")
        data = bytearray(file.read_bytes())
        data[min(at, len(data) - 1)] ^= bits
        file.write_bytes(data[:cut])
        read = cache.get(VERSION, clip(1))
        assert read is None or torch.equal(read["audio"], tensors(3)["audio"])
        assert read is None or cut >= len(data)
        cache.put(VERSION, clip(1), tensors(3))
        replaced = cache.get(VERSION, clip(1))
        assert replaced is not None
        assert torch.equal(replaced["audio"], tensors(3)["audio"])


def test_entries_longest_not_read_leave_first(tmp_path: Path) -> None:
    each = entry_bytes(tmp_path)
    cache = FeatureCache(tmp_path, 4 * each)
    for number in range(4):
        cache.put(VERSION, clip(number), tensors(number))
    assert cache.get(VERSION, clip(0)) is not None
    cache.put(VERSION, clip(4), tensors(4))
    assert cache.held_bytes() <= 4 * each
    kept = {n for n in range(5) if cache.get(VERSION, clip(n)) is not None}
    assert 0 in kept
    assert 4 in kept
    assert 1 not in kept


def test_a_fresh_process_counts_what_lies_there(tmp_path: Path) -> None:
    each = entry_bytes(tmp_path)
    for number in range(30):
        FeatureCache(tmp_path, 3 * each).put(VERSION, clip(number), tensors(number))
        assert FeatureCache(tmp_path, LARGE).held_bytes() <= 3 * each


def test_replacing_an_entry_does_not_count_it_twice(tmp_path: Path) -> None:
    each = entry_bytes(tmp_path)
    cache = FeatureCache(tmp_path, 3 * each)
    cache.put(VERSION, clip(7), tensors(7))
    for _ in range(10):
        cache.put(VERSION, clip(1), tensors(1))
    assert cache.get(VERSION, clip(7)) is not None


def test_no_room_at_all_or_for_this_one_stores_nothing(tmp_path: Path) -> None:
    for room in (0, 100):
        cache = FeatureCache(tmp_path / "none", room)
        cache.put(VERSION, clip(1), tensors())
        assert cache.get(VERSION, clip(1)) is None
    assert not (tmp_path / "none").exists()


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    FeatureCache(tmp_path, LARGE).put(VERSION, clip(1), tensors())
    [file] = tmp_path.glob("*/*/*.safetensors")
    left = file.with_name("left.tmp")
    left.write_bytes(b"half")
    (tmp_path / ".lock").write_text("not a number")
    FeatureCache(tmp_path, LARGE).put(VERSION, clip(2), tensors())
    assert not left.exists()


def test_a_folder_that_cannot_be_written_only_ends_the_storing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = FeatureCache(blocked, LARGE)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            cache.put(VERSION, clip(number), tensors())
    assert cache.get(VERSION, clip(0)) is None
    assert sum("not stored" in record.message for record in caplog.records) == 1


def test_a_disk_that_takes_no_more_only_ends_the_storing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = FeatureCache(tmp_path, LARGE)
    cache.put(VERSION, clip(1), tensors(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # as a full disk: writing fails midway
    try:
        cache.put(VERSION, clip(2), tensors(2, size=5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "not stored" in caplog.text
    assert cache.get(VERSION, clip(2)) is None
    assert cache.get(VERSION, clip(1)) is not None
    assert not list(tmp_path.glob("*/*/*.tmp"))


def work(folder: Path, max_bytes: int, seed: int) -> int:
    """Stores and reads the same clips as its siblings; how many reads were wrong."""
    cache = FeatureCache(folder, max_bytes)
    wrong = 0
    for turn in range(120):
        number = (turn * 7 + seed) % 20
        found = cache.get(VERSION, clip(number))
        if found is None:
            cache.put(VERSION, clip(number), tensors(number))
        else:
            wrong += not torch.equal(found["audio"], tensors(number)["audio"])
        wrong += cache.held_bytes() > max_bytes
    return wrong


def test_processes_share_a_folder(tmp_path: Path) -> None:
    room = 8 * entry_bytes(tmp_path)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        wrong = pool.starmap(work, [(tmp_path, room, seed) for seed in range(4)])
    assert wrong == [0, 0, 0, 0]
    assert 0 < FeatureCache(tmp_path, room).held_bytes() <= room
    assert int((tmp_path / ".lock").read_text()) == FeatureCache(tmp_path, room).held_bytes()

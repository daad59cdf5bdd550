"""Which models stay loaded, and what happens to one that does not fit. Real checkpoints."""

from __future__ import annotations

import json
import mmap
import re
import shutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inference import machine_memory
from inference.backends import weights
from inference.backends.base import Machine
from inference.backends.memory import (
    ModelDoesNotFitError,
    available_bytes,
    is_out_of_memory,
    needed_bytes,
)
from inference.backends.multimood import (
    KEPT,
    Checkpoint,
    MultiMoodBackend,
    load_multimood,
    unload_multimood,
)
from inference.backends.weights import weights_sha256
from inference.errors import CheckpointError
from tests.processes import PROJECT

GIB = 2**30


@pytest.fixture(autouse=True)
def nothing_loaded() -> None:
    unload_multimood()


@pytest.fixture(scope="module")
def folders(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three checkpoints, alike but for their place."""
    room = tmp_path_factory.mktemp("checkpoints")
    return [shutil.copytree(tiny_checkpoint, room / name) for name in ("one", "two", "three")]


def key(folder: Path) -> Checkpoint:
    return Checkpoint(folder, "registered", device="cpu")


def load(folder: Path, kept: int) -> weakref.ref[MultiMoodBackend]:
    return weakref.ref(load_multimood(key(folder), Machine("cpu", models_in_memory=kept)))


def test_the_least_recently_used_model_leaves_and_its_memory_is_free(folders: list[Path]) -> None:
    one, two, three = folders
    first, second = load(one, 2), load(two, 2)
    network = weakref.ref(KEPT.get(key(two), 2, bool, bool).generator.model)  # type: ignore[arg-type]
    assert load(one, 2)() is first(), "loaded once"
    assert KEPT.keys() == [key(two), key(one)]
    third = load(three, 2)
    assert KEPT.keys() == [key(one), key(three)]
    assert second() is None
    assert network() is None
    unload_multimood()
    assert [ref() for ref in (first, third)] == [None, None]


def test_with_room_for_one_the_old_one_goes_before_the_new_one_comes(folders: list[Path]) -> None:
    old = load(folders[0], 1)
    seen: list[object] = []

    def verify() -> None:
        seen.append(old())

    load_multimood(key(folders[1]), Machine("cpu", models_in_memory=1), verify)
    assert seen[0] is None
    assert KEPT.keys() == [key(folders[1])]


def test_two_threads_load_a_model_once(folders: list[Path]) -> None:
    loads: list[float] = []
    found: list[MultiMoodBackend] = []

    def verify() -> None:
        if not KEPT._models:  # asked also of a model that is there
            loads.append(time.monotonic())

    def work() -> None:
        found.append(load_multimood(key(folders[0]), Machine("cpu"), verify))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert found[0] is found[1] is found[2]


def test_the_need_is_that_of_the_weights_as_they_are_loaded(tiny_checkpoint: Path) -> None:
    stored = sum(file.stat().st_size for file in tiny_checkpoint.glob("*.safetensors"))
    whole, half = (needed_bytes(tiny_checkpoint, d) for d in (torch.float32, torch.bfloat16))
    assert stored < whole < 1.5 * stored
    assert half < 0.6 * whole


def claim(folder: Path, tensors: dict[str, list[int]], kind: str = "BF16") -> None:
    """A checkpoint of which only the header is on the disk: the rest of the file is a hole."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    end, header = 0, {}
    for name, shape in tensors.items():
        start, end = end, end + 2 * torch.Size(shape).numel()
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def test_a_model_that_cannot_fit_is_refused_before_anything_is_read(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    folder = tmp_path / "seven-billion"
    layers = max(28, available_bytes("cpu") // GIB)  # 1 GB each as float32, on any machine
    claim(folder, {f"model.layers.{i}.weight": [16384, 16384] for i in range(layers)})
    kept = load(tiny_checkpoint, 2)
    with pytest.raises(ModelDoesNotFitError) as refusal:
        load_multimood(key(folder), Machine("cpu", models_in_memory=2), pytest.fail)
    needed = layers * 1.1 + 1
    assert f"seven-billion needs about {needed:.1f} GB of memory" in str(refusal.value)
    assert "are free. Choose a smaller model" in str(refusal.value)
    assert kept() is None, "it made room first"


def test_memory_that_ran_out_is_known_by_every_name() -> None:
    """Asked for for real: none of these sizes exists."""
    more: list[Callable[[], object]] = [
        lambda: torch.empty(2**50, dtype=torch.float32),
        lambda: bytearray(2**60),
        lambda: mmap.mmap(-1, 2**60),
    ]
    for ask in more:
        with pytest.raises((RuntimeError, MemoryError, OSError)) as refusal:
            ask()
        assert is_out_of_memory(refusal.value), refusal.value
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    assert not is_out_of_memory(FileNotFoundError())


def test_a_limit_on_the_process_counts(tiny_checkpoint: Path) -> None:
    """In a child, since a limit cannot be taken back."""
    program = (
        "import re, resource, sys; from pathlib import Path;"
        "from inference.backends.multimood import Checkpoint, load_multimood;"
        "size = int(re.search(r'VmSize:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]);"
        "resource.setrlimit(resource.RLIMIT_AS, (size * 1024 + 2**22,) * 2);"
        f"load_multimood(Checkpoint(Path({str(tiny_checkpoint)!r}), 'x', device='cpu'))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert re.search(
        r"ModelDoesNotFitError: .* needs about \d MB of memory, \d MB are free", said
    ), said


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]", b"text text"])
def test_a_file_without_a_header_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.safetensors is not a safetensors file"):
        needed_bytes(tmp_path, torch.float32)


def test_available_memory_is_the_least_that_any_limit_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = available_bytes("cpu")
    assert 0 < machine < 2**50
    group = tmp_path / "worker" / "gpu"
    group.mkdir(parents=True)
    own = tmp_path / "self"
    own.write_text("0::/worker/gpu\n")
    monkeypatch.setattr(machine_memory, "CGROUPS", own)
    monkeypatch.setattr(machine_memory, "CGROUP_ROOT", tmp_path)
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("300\n")
    (tmp_path / "worker" / "memory.max").write_text("1000\n")
    (tmp_path / "worker" / "memory.current").write_text("400\n")
    (tmp_path / "worker" / "memory.stat").write_text("anon 200\ninactive_file 150\n")
    assert available_bytes("cpu") == 750, "the group above limits it; cached files do not count"


def test_a_limit_of_the_first_version_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_memory, "CGROUP_ROOT", tmp_path)
    monkeypatch.setattr(machine_memory, "CGROUPS", tmp_path / "none")
    group = tmp_path / "memory"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text("1000\n")
    (group / "memory.usage_in_bytes").write_text("900\n")
    assert available_bytes("cpu") == 100


def test_weights_are_hashed_once_and_again_when_they_change(tiny_checkpoint: Path) -> None:
    file = tiny_checkpoint / "model.safetensors"
    first = weights_sha256(tiny_checkpoint)
    weights._known[weights._state(file)] = "remembered"
    assert weights_sha256(tiny_checkpoint) == "remembered"
    del weights._known[weights._state(file)]
    assert weights_sha256(tiny_checkpoint) == first


def test_an_exchanged_file_of_equal_size_and_time_is_hashed_again(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"one")
    first = weights_sha256(tmp_path)
    before = file.stat()
    other = tmp_path / "other"
    other.write_bytes(b"two")
    shutil.copystat(file, other)
    other.replace(file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert weights_sha256(tmp_path) != first

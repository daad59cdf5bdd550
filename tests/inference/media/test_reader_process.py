from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inference.media import MediaError, MediaLimits, SoundPlan, probe, read_clip
from inference.media.process import READER, Child
from tests.inference.media.films import Audio, Video, write

ROOT = Path(__file__).resolve().parents[3]
QUIET = SoundPlan()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write(tmp_path / "film.mp4", Video(), Audio())


@pytest.fixture(scope="module")
def long_sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes seconds to decode to its end: one sound many times over, as its format allows."""
    path = write(tmp_path_factory.mktemp("long") / "long.aac", Audio("aac", 30.0))
    path.write_bytes(path.read_bytes() * 30)
    return path


def child() -> Child:
    present = READER._child
    assert present is not None
    return present


def test_one_child_serves_many_files_and_threads(film: Path) -> None:
    probe(film)
    pid, jobs = child().process.pid, child().jobs
    with ThreadPoolExecutor(8) as pool:
        clips = list(pool.map(lambda _: read_clip(film, num_frames=4, sound=QUIET), range(16)))
    assert child().process.pid == pid
    assert child().jobs == jobs + 16
    frames = {clip.frames.tobytes() for clip in clips if clip.frames is not None}
    assert len(frames) == 1


def test_a_child_that_was_killed_is_replaced(film: Path) -> None:
    probe(film)
    first = child().process
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert probe(film).frames == 100
    assert child().process.pid != first.pid


def test_a_child_that_dies_at_work_is_tried_again_once(film: Path, long_sound: Path) -> None:
    probe(film)
    first = child().process.pid
    killer = threading.Timer(0.1, os.kill, (first, signal.SIGKILL))
    killer.start()
    assert probe(long_sound, decode=True).duration_ms > 890_000
    killer.join()


@pytest.mark.parametrize(
    ("death", "words"),
    [
        (signal.SIGKILL, "the system stopped reading it"),
        (signal.SIGSEGV, "the decoder broke down on it (SIGSEGV)"),
        (signal.SIGXCPU, "took longer than"),
    ],
)
def test_the_death_of_a_fresh_child_is_explained(
    long_sound: Path, death: signal.Signals, words: str
) -> None:
    READER.close()
    done = threading.Event()

    def kill_each() -> None:
        """Also the second, should the first have been killed before it was asked."""
        while not done.wait(0.02):
            present = READER._child
            if present is not None and present.jobs:
                os.kill(present.process.pid, death)
                time.sleep(0.2)

    killer = threading.Thread(target=kill_each)
    killer.start()
    try:
        with pytest.raises(MediaError) as caught:
            probe(long_sound, decode=True)
    finally:
        done.set()
        killer.join()
    assert words in caught.value.reason
    assert caught.value.remedy


def test_reading_ends_with_the_time_it_may_take(film: Path, long_sound: Path) -> None:
    probe(film)
    began = time.monotonic()
    with pytest.raises(MediaError, match=r"took longer than 0\.2 seconds"):
        probe(long_sound, decode=True, limits=MediaLimits(seconds=0.2))
    assert time.monotonic() - began < 20
    assert probe(film).frames == 100


def test_reading_ends_with_the_memory_it_may_take(tmp_path: Path, film: Path) -> None:
    path = write(tmp_path / "large.mkv", Video("mjpeg", 3, (4000, 4000), "yuvj420p"))
    with pytest.raises(MediaError, match="more than 340 MB of memory") as caught:
        read_clip(path, num_frames=3, sound=QUIET, limits=MediaLimits(memory_mb=340))
    assert "smaller" in caught.value.remedy
    clip = read_clip(path, num_frames=3, sound=QUIET)
    assert clip.frames is not None
    assert clip.frames.shape == (3, 4000, 4000, 3)


def test_the_child_knows_no_passwords_and_opens_no_more_than_it_needs(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    READER.close()
    monkeypatch.setenv("SECRET_KEY", "hush")
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:hush@localhost/x")
    probe(film)
    proc = Path(f"/proc/{child().process.pid}")
    assert b"hush" not in (proc / "environ").read_bytes()
    limits = (proc / "limits").read_text()
    assert f"Max address space         {2048 << 20}" in limits
    assert "Max open files            32 " in limits
    assert "Max core file size        0 " in limits
    loaded = (proc / "maps").read_text()
    assert "libav" in loaded
    assert "torch" not in loaded
    assert len(list((proc / "fd").iterdir())) < 10


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < deadline, "the reader outlived the process that started it"
        time.sleep(0.02)


PARENT = """
import sys, threading
from pathlib import Path
from inference.media import probe
from inference.media.process import READER
film = Path(sys.argv[1])
# Started by a thread that is gone when the file is read.
thread = threading.Thread(target=probe, args=(film,))
thread.start()
thread.join()
first = READER._child.process.pid
probe(film)
assert READER._child.process.pid == first
print(first, "django" in sys.modules, "av" in sys.modules, "torch" in sys.modules, flush=True)
{end}
"""


@pytest.mark.parametrize("end", ["sys.stdin.read()", "", "raise SystemExit(3)"])
def test_the_child_ends_with_its_parent(film: Path, end: str) -> None:
    program = [sys.executable, "-c", PARENT.format(end=end), str(film)]
    with subprocess.Popen(
        program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, *loaded = parent.stdout.readline().split()
        assert loaded == ["False", "False", "False"]
        if "stdin" in end:
            assert alive(int(pid))
            parent.kill()
        parent.wait()
    wait_until_gone(int(pid))


def test_a_child_at_work_ends_with_its_parent(long_sound: Path) -> None:
    work = PARENT.replace("probe(film)\nassert", "assert").format(
        end="probe(film, decode=True); print('done', flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", work, str(long_sound)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        time.sleep(0.1)
        parent.kill()
        parent.wait()
        wait_until_gone(pid)


def test_a_forked_process_starts_a_child_of_its_own(film: Path) -> None:
    probe(film)
    mine = child().process.pid
    fork = os.fork()
    if not fork:  # no test code may run on in the fork
        code = 1
        try:
            code = 0 if probe(film).frames == 100 and child().process.pid != mine else 2
            READER.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    assert probe(film).frames == 100
    assert child().process.pid == mine

import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mood_eval import launcher
from mood_eval.demo_accounts import DEMO_ACCOUNTS
from mood_eval.embedded import using_servers
from mood_eval.launcher import Launch, LaunchError
from tests.processes import PROJECT, processes_in, wait_until

NOT_COPIED = (".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis")
STUBBORN = """
import signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
time.sleep(60)
"""
START_AND_WAIT = """
import sys, time
from pathlib import Path
from mood_eval.launcher import Launch
Launch(Path(sys.argv[1])).start("child", "-c", "import time; time.sleep(60)")
time.sleep(60)
"""


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATABASE_URL", "REDIS_URL", "MOODEVAL_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MOODEVAL_VAR", str(tmp_path / "var"))
    (tmp_path / "var" / "log").mkdir(parents=True)
    return tmp_path / "var"


def run_launcher(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mood_eval.launcher", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_failed_step_names_the_step_the_log_and_the_last_lines(
    var: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = Launch(var)
    (var / "log" / "tables.log").write_text("what an earlier start said\n")
    with pytest.raises(LaunchError) as failure, launch.step("Preparing the tables"):
        launch.run("tables", "-c", "raise SystemExit('no room left')")
    assert str(failure.value).splitlines() == [
        f"Step 1/{launcher.STEPS} Preparing the tables failed: "
        f"tables ended with exit code 1; see {var}/log/tables.log",
        "  no room left",
    ]
    assert capsys.readouterr().out.endswith("failed\n")


def test_child_that_dies_early_is_noticed(var: Path) -> None:
    launch = Launch(var)
    with using_servers(var, durable=False):
        child = launch.start("worker-gpu", "-c", "raise SystemExit('no such model')")
        child.process.wait()
        with pytest.raises(LaunchError, match=r"worker-gpu ended(.|\n)*no such model"):
            launch.check()


def test_servers_that_stop_are_noticed(var: Path) -> None:
    with pytest.raises(LaunchError, match=r"postgres stopped by itself; see .*postgres\.log"):
        Launch(var).check()


def test_stop_ends_a_stubborn_child_and_what_it_started(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "TERM_SECONDS", 0.3)
    monkeypatch.setattr(launcher, "QUIT_SECONDS", 0.3)
    launch = Launch(var)
    child = launch.start("stubborn", "-c", STUBBORN)
    assert wait_until(lambda: "ready" in child.log.read_text(), 10)
    assert len(processes_in(var)) == 2
    launch.stop()
    assert wait_until(lambda: not processes_in(var), 5), processes_in(var)


def test_children_die_with_a_killed_launcher(var: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", START_AND_WAIT, str(var)], cwd=PROJECT)
    assert wait_until(lambda: len(processes_in(var)) == 2, 10)
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not processes_in(var), 5), processes_in(var)


def test_busy_port_gives_the_next_free_one() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with launcher.listen_on_free_port(port) as listener:
            assert port < listener.getsockname()[1] < port + 100


def test_second_start_says_where_the_first_one_is(var: Path) -> None:
    (var / "run").mkdir()
    with (var / "run" / "demo.lock").open("w") as lock:
        json.dump({"address": "http://127.0.0.1:8123/"}, lock)
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = run_launcher()
        assert second.stdout == "The demo is running already at http://127.0.0.1:8123/.\n"
        assert second.returncode == 0
        assert run_launcher("--reset").returncode == 1


def test_reset_touches_only_the_projects_own_folder(var: Path) -> None:
    (var / "thesis.txt").write_text("three years of work")
    refused = run_launcher("--reset")
    assert refused.returncode == 1
    assert "unset MOODEVAL_VAR" in refused.stderr
    assert (var / "thesis.txt").exists()


def test_launcher_refuses_production(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOODEVAL_MODE", "production")
    refused = run_launcher()
    assert refused.returncode == 1
    assert "MOODEVAL_MODE" in refused.stderr
    assert processes_in(var) == {}


class Demo:
    """`make demo` in a copy of the project, whose path is long and has spaces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder.parent / "output"
        self.make: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> float:
        began = time.monotonic()
        outside = {"MOODEVAL_VAR", "MOODEVAL_MODE", "DATABASE_URL", "REDIS_URL", "MAKEFLAGS"}
        with self.output.open("wb") as output:
            self.make = subprocess.Popen(
                ["make", "demo", *arguments],
                cwd=self.folder,
                env={name: value for name, value in os.environ.items() if name not in outside},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        assert wait_until(lambda: "ready after" in self.said() or self.has_ended(), 300)
        assert "ready after" in self.said(), self.said()
        return time.monotonic() - began

    def said(self) -> str:
        return self.output.read_text()

    def has_ended(self) -> bool:
        return self.make is not None and self.make.poll() is not None

    def interrupt(self) -> None:
        assert self.make
        os.killpg(self.make.pid, signal.SIGINT)  # as the terminal does
        self.make.wait(60)

    def get(self, path: str) -> tuple[int, str]:
        host = re.findall(r"http://(\S+)/", self.said())[-1]
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def processes(self) -> dict[int, str]:
        return {
            pid: command
            for pid, command in processes_in(self.folder).items()
            if self.make is None or pid != self.make.pid
        }

    def number_of(self, part: str) -> int:
        return min(pid for pid, command in self.processes().items() if part in command)

    def leaves_nothing(self, seconds: float = 3) -> bool:
        return wait_until(lambda: not self.processes(), seconds)


@pytest.fixture(scope="module")
def copied_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("demo")
    folder = base.joinpath(*["a folder with spaces and a long name"] * 3, "moodeval")
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    (folder / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    yield folder
    shutil.rmtree(base)


@pytest.fixture
def demo(copied_project: Path) -> Iterator[Demo]:
    demo = Demo(copied_project)
    yield demo
    if demo.make and not demo.has_ended():
        demo.interrupt()


@pytest.mark.demo
@pytest.mark.timeout(600)
def test_demo_starts_answers_and_ends_with_ctrl_c(demo: Demo) -> None:
    demo.start()
    assert demo.get("/healthz")[0] == 200
    assert demo.get("/")[0] == 200
    assert all(account.email in demo.said() for account in DEMO_ACCOUNTS)
    assert {"--queues default", "--queues gpu"} <= {
        part
        for command in demo.processes().values()
        for part in re.findall(r"--queues \w+", command)
    }
    demo.interrupt()
    assert "nothing is left running" in demo.said()
    assert demo.processes() == {}


@pytest.mark.demo
@pytest.mark.timeout(600)
@pytest.mark.parametrize("killed", ["make", "launcher", "both"])
def test_second_start_is_quick_and_killing_it_leaves_nothing(demo: Demo, killed: str) -> None:
    demo.start()  # whatever ran before, the tables and the data are there now
    demo.interrupt()
    seconds = demo.start()
    processes_per_core = os.getloadavg()[0] / (os.cpu_count() or 1)
    assert seconds < 10 * max(1, processes_per_core), demo.said()
    assert demo.make
    victims = {
        "make": [demo.make.pid],
        "launcher": [demo.number_of("mood_eval.launcher")],
        "both": [demo.make.pid, demo.number_of("mood_eval.launcher")],
    }[killed]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    demo.make.wait()
    assert demo.leaves_nothing(15 if killed == "make" else 3), demo.processes()


@pytest.mark.demo
@pytest.mark.timeout(600)
def test_dead_worker_ends_the_demo_and_names_its_log(demo: Demo) -> None:
    demo.start()
    os.kill(demo.number_of("--queues gpu"), signal.SIGKILL)
    assert demo.make
    assert demo.make.wait(60) != 0
    assert f"worker-gpu ended with exit code -9; see {demo.folder}/var/log" in demo.said()
    assert demo.leaves_nothing()


@pytest.mark.demo
@pytest.mark.timeout(600)
def test_reset_starts_over(demo: Demo) -> None:
    note = demo.folder / "var" / "media" / "left by an earlier start"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.touch()
    demo.start()
    assert note.exists()
    running = subprocess.run(["make", "demo", "RESET=1"], cwd=demo.folder, check=False)
    assert running.returncode != 0
    assert note.exists()
    demo.interrupt()
    demo.start("RESET=1")
    assert not note.exists()
    assert demo.get("/healthz")[0] == 200
    demo.interrupt()
    assert demo.processes() == {}

"""The trainer as a child process: `python -m inference.training CONFIG`, under torchrun for more.

It lives in a session of its own and dies with the thread that supervises it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from mood_eval.embedded.keeper import die_with_parent

MODULE = "inference.training"
SECRET_NAMES = ("DATABASE_URL", "REDIS_URL")
SECRET_WORDS = {"SECRET", "PASSWORD", "TOKEN", "KEY", "CREDENTIALS"}
"""As whole words of a variable's name, as in AWS_SECRET_ACCESS_KEY."""
HURRIED_STOP_SECONDS = 6.0
"""A worker that is told to end has 10 s, and the job has to be handed back within them."""
LOG_TAIL_BYTES = 8000


@dataclass(frozen=True)
class TrainerProcess:
    popen: subprocess.Popen[bytes]
    config: Path

    @property
    def number(self) -> int:
        return self.popen.pid

    def exit_code(self) -> int | None:
        return self.popen.poll()

    def ask_to_stop(self) -> None:
        """The trainer writes a checkpoint and ends."""
        self._signal(signal.SIGTERM)

    def end(self, seconds: float) -> None:
        """Asked first, then killed with everything it started."""
        if self.exit_code() is None:
            self.ask_to_stop()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(seconds)
        self._signal(signal.SIGKILL)
        self.popen.wait()
        end_leftovers(self.config)  # torchrun puts its processes into sessions of their own

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


def start_trainer(
    config: Path, log: Path, processes: int, keys: Collection[str] = ()
) -> TrainerProcess:
    """`keys`: variables of the environment that it is handed although they are secret."""
    # torchrun passes SIGTERM on to its processes; killed, it would leave them behind.
    death_signal = signal.SIGKILL if processes == 1 else signal.SIGTERM
    with log.open("ab") as output:
        popen = subprocess.Popen(  # noqa: S603
            command(config, processes),
            cwd=settings.BASE_DIR,
            env=trainer_environment(keys),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),
        )
    return TrainerProcess(popen, config)


def trainer_environment(keys: Collection[str] = ()) -> dict[str, str]:
    """It runs a checkpoint's settings and other people's packages: no secrets of ours for it, but
    the keys of the judges that it asks."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in keys or not (name in SECRET_NAMES or is_secret(name))
    }
    return passed | {"PYTHONUNBUFFERED": "1"}


def is_secret(name: str) -> bool:
    return not SECRET_WORDS.isdisjoint(name.upper().split("_"))


def command(config: Path, processes: int) -> list[str]:
    if processes == 1:
        return [sys.executable, "-m", MODULE, str(config)]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    return [sys.executable, *launcher, "-m", MODULE, str(config)]


def end_leftovers(config: Path) -> int:
    """A trainer of this run that outlived its supervisor would write into the same folder."""
    ended = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has just ended, or is not ours
            continue
        if MODULE.encode() in words and os.fsencode(config) in words:
            try:
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
            except (ProcessLookupError, PermissionError):
                continue
    return ended


def log_tail(log: Path, size: int = LOG_TAIL_BYTES) -> str:
    """The last whole lines."""
    try:
        with log.open("rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - size))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return text if length <= size else text.partition("\n")[2]

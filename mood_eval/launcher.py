"""`make demo`: starts everything, says where it is, and takes everything down again.

The children get sessions of their own, so that Ctrl-C in the terminal reaches only this process,
which then stops them in order. If this process is killed, the kernel kills them.
"""

import argparse
import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from mood_eval import embedded
from mood_eval.demo_accounts import DEMO_ACCOUNTS
from mood_eval.embedded.folders import BASE_DIR, folders_of, rotate_log
from mood_eval.embedded.keeper import die_with_parent, die_with_this_parent, try_lock

HOST = "127.0.0.1"
STEPS = 7
ANSWER_SECONDS = 60.0
TERM_SECONDS = 10.0
QUIT_SECONDS = 5.0
POLL_SECONDS = 0.1


class LaunchError(RuntimeError):
    """Said to the person who typed `make demo`."""


class AskedToStop(BaseException):
    """Ctrl-C, SIGTERM, or the terminal has gone."""


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int

    def failure(self) -> str:
        code = self.process.returncode
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            last = file.read().decode(errors="replace").strip().splitlines()[-8:]
        return "\n  ".join([f"{self.name} ended with exit code {code}; see {self.log}", *last])


@dataclass
class Launch:
    var: Path
    children: list[Child] = field(default_factory=list)
    steps_begun: int = 0

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.steps_begun += 1
        label = f"{self.steps_begun}/{STEPS} {title}"
        print(f"{label} ... ", end="", flush=True)
        began = time.monotonic()
        try:
            yield
        except (LaunchError, embedded.EmbeddedServerError) as error:
            print("failed", flush=True)
            raise LaunchError(f"Step {label} failed: {error}") from error
        print(f"{time.monotonic() - began:.1f} s", flush=True)

    def start(self, name: str, *command: str, inherit: tuple[int, ...] = ()) -> Child:
        log = folders_of(self.var).log(name)
        rotate_log(log)
        with log.open("ab") as output:
            child = Child(
                name,
                subprocess.Popen(  # noqa: S603
                    [sys.executable, *command],
                    cwd=BASE_DIR,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    pass_fds=inherit,
                    preexec_fn=die_with_parent(),
                ),
                log,
                output.tell(),
            )
        self.children.append(child)
        return child

    def run(self, name: str, *command: str) -> None:
        child = self.start(name, *command)
        child.process.wait()
        self.children.remove(child)
        if child.process.returncode:
            raise LaunchError(child.failure())

    def check(self) -> None:
        for child in self.children:
            if child.process.poll() is not None:
                raise LaunchError(child.failure())
        stopped = embedded.servers_stopped(self.var)
        if stopped:
            log = folders_of(self.var).log(stopped[0])
            raise LaunchError(f"{stopped[0]} stopped by itself; see {log}")

    def stop(self) -> None:
        """Celery finishes its task on TERM and drops it on QUIT; its row is taken up again."""
        for number, seconds in (
            (signal.SIGTERM, TERM_SECONDS),
            (signal.SIGQUIT, QUIT_SECONDS),
            (signal.SIGKILL, QUIT_SECONDS),
        ):
            for child in self._running():
                child.process.send_signal(number)
            deadline = time.monotonic() + seconds
            while self._running() and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        for child in self.children:  # what they have started and left
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)

    def _running(self) -> list[Child]:
        return [child for child in self.children if child.process.poll() is None]


def main() -> int:
    options = _options()
    if os.environ.get("MOODEVAL_ENDS_WITH_PARENT"):  # `make` between the terminal and us
        die_with_this_parent(signal.SIGTERM)
    var = embedded.default_var()
    _listen_for_signals()
    try:
        if os.environ.get("MOODEVAL_MODE", "demo") != "demo":
            raise LaunchError("MOODEVAL_MODE is set: this starts the demonstration only.")
        folders_of(var).create()
        with (var / "run" / "demo.lock").open("a+") as lock:
            if not try_lock(lock, fcntl.LOCK_EX):
                return _say_it_is_running(lock, reset=options.reset)
            if options.reset:
                _reset(var)
            _run_demo(Launch(var), lock, options.port)
    except AskedToStop:
        print("Stopped; nothing is left running.")
        return 0
    except (LaunchError, embedded.EmbeddedServerError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="taken if free, else the next one")
    parser.add_argument("--reset", action="store_true", help="start over with an empty var/")
    return parser.parse_args()


def _listen_for_signals() -> None:
    def on_signal(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # stopping has begun; let it finish
        raise AskedToStop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)


def _run_demo(launch: Launch, lock: IO[str], port: int) -> None:
    began = time.monotonic()
    with contextlib.ExitStack() as servers:
        try:
            with launch.step("Starting the database and the broker"):
                servers.enter_context(embedded.using_servers(launch.var))
            with launch.step("Preparing the tables"):
                launch.run("migrate", "manage.py", "migrate", "--noinput")
            with launch.step("Putting the demo model together (once, below a minute)"):
                left_out = _put_model_together(launch)
            if left_out:
                print(f"  The demonstration goes on without it: {left_out}", flush=True)
            with launch.step("Loading the demo study"):
                launch.run("load_demo", "manage.py", "load_demo")
            with launch.step("Starting the web server"):
                address = _start_web(launch, port)
            with launch.step("Starting the workers"):
                _start_workers(launch)
            with launch.step("Waiting for the first page"):
                _wait_for_answer(launch, address)
            lock.truncate(0)
            lock.write(json.dumps({"address": address}))
            lock.flush()
            _welcome(address, launch.var, time.monotonic() - began)
            while True:
                launch.check()
                time.sleep(POLL_SECONDS)
        finally:
            if launch.children:
                print("\nStopping ...", flush=True)
            launch.stop()


def _put_model_together(launch: Launch) -> str:
    """Why it could not be done; none where the model is there, or the project comes without it."""
    models = launch.var / "models"
    try:
        launch.run("demo_model", "-m", "inference.demo_checkpoint", "--models", str(models))
    except LaunchError as error:
        return str(error)
    return ""


def _start_web(launch: Launch, port: int) -> str:
    with listen_on_free_port(port) as listener:
        listener.set_inheritable(True)
        descriptor = listener.fileno()
        launch.start(
            "web",
            *("-m", "gunicorn", "mood_eval.wsgi", "--config", "python:mood_eval.gunicorn_conf"),
            *("--bind", f"fd://{descriptor}"),
            inherit=(descriptor,),
        )
        return f"http://{HOST}:{listener.getsockname()[1]}/"


def _start_workers(launch: Launch) -> None:
    for queue, pool in (("default", "prefork"), ("gpu", "threads")):
        launch.start(
            f"worker-{queue}",
            *("-m", "celery", "--app", "mood_eval", "worker", "--queues", queue),
            *("--pool", pool, "--concurrency", "1", "--hostname", f"{queue}@%h"),
            *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
        )


def listen_on_free_port(first: int) -> socket.socket:
    for port in range(first, min(first + 100, 65536)):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener
    raise LaunchError(f"No port between {first} and {first + 99} is free; give another: PORT=9000.")


def _wait_for_answer(launch: Launch, address: str) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    answer = "nothing"
    while time.monotonic() < deadline:
        launch.check()
        connection = http.client.HTTPConnection(address.split("/")[2], timeout=ANSWER_SECONDS)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/healthz")
                status = connection.getresponse().status
            except OSError as error:
                answer = str(error)
            else:
                if status == http.HTTPStatus.OK:
                    return
                answer = f"status {status}"
        time.sleep(POLL_SECONDS)
    raise LaunchError(f"{address}healthz gave {answer}; see {folders_of(launch.var).log('web')}")


def _welcome(address: str, var: Path, seconds: float) -> None:
    print(f"\nMoodEval is ready after {seconds:.1f} s:  {address}\n")
    width = max(len(account.email) for account in DEMO_ACCOUNTS)
    for account in DEMO_ACCOUNTS:
        print(f"  {account.email:<{width}}  {account.password}  ({account.role})")
    print(f"\nStop with Ctrl-C. Data and logs: {var}", flush=True)
    if sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        webbrowser.open(address)


def _say_it_is_running(lock: IO[str], *, reset: bool) -> int:
    lock.seek(0)
    known = lock.read()
    where = f" at {json.loads(known)['address']}" if known else ""
    print(f"The demo is running already{where}.")
    if reset:
        print("Stop it first (Ctrl-C where it runs), then start over.", file=sys.stderr)
    return 1 if reset else 0


def _reset(var: Path) -> None:
    if var != BASE_DIR / "var" or os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        raise LaunchError(
            "RESET=1 empties the project's own var/ and its servers; unset MOODEVAL_VAR, "
            "DATABASE_URL and REDIS_URL, or empty those places yourself."
        )
    if embedded.servers_have_users(var):
        raise LaunchError(f"Another command is using {var}; wait for it, then start over.")
    for entry in var.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            if entry.name != "run":  # the locks, ours among them
                shutil.rmtree(entry)
        else:
            entry.unlink()
    folders_of(var).create()
    print(f"Removed everything in {var}.")


if __name__ == "__main__":
    sys.exit(main())

"""The web server as the launcher runs it, and what processor time it takes with its database."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[int]:
    """Yields the port of a gunicorn on 127.0.0.1 that uses the servers of `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "gunicorn", "mood_eval.wsgi"),
        *("--config", "python:mood_eval.gunicorn_conf", "--bind", f"127.0.0.1:{port}"),
    ]
    environment = {**os.environ, "LOG_LEVEL": "WARNING"}
    log = (folder / "gunicorn.log").open("w")
    process = subprocess.Popen(  # noqa: S603
        command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def wait_for(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError("the web server did not start")


def processor_seconds() -> float:
    """Of every gunicorn process and every session of PostgreSQL of this run. What PostgreSQL does
    by itself, as cleaning up after a million made-up ratings, is not the raters' doing."""
    folder = os.environ["MOODEVAL_VAR"].encode()
    found: dict[str, tuple[bytes, list[str]]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            ours = b"gunicorn" in command and folder in (entry / "environ").read_bytes()
        except OSError:
            continue
        found[entry.name] = (b"gunicorn" if ours else command, fields)
    servers = {pid for pid, (command, _) in found.items() if folder in command}
    total = 0
    for command, fields in found.values():
        # PostgreSQL writes what a session does over its command line and its environment.
        session = b"[local]" in command and fields[1] in servers
        if session or command == b"gunicorn":
            total += int(fields[11]) + int(fields[12])
    return total / TICKS

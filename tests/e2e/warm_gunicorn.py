"""A process that has imported what the web server needs, and forks gunicorns that then start at
once: each test has its own, and importing took longer than most of what is tested.

Run as a module it obeys lines of standard input: "start ADDRESS LOG" forks one and answers with its
number, "stop" ends it and answers once it has ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from tests.processes import PROJECT

STOP_SECONDS = 20.0


class WarmGunicorn:
    """The side of the tests."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.warm_gunicorn"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, *words: object) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(*words, sep="\t", file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=STOP_SECONDS)


def serve(address: str, log: str) -> NoReturn:
    """As `make demo` runs it."""
    from gunicorn.app.wsgiapp import WSGIApplication

    code = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for standard in (1, 2):
            os.dup2(output, standard)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["gunicorn", "--config", "mood_eval/gunicorn_conf.py", "--bind", address]
        sys.argv.append("mood_eval.wsgi")
        WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]").run()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def stop(server: int) -> str:
    """It lets workers finish what they answer; so nothing is under way when it has ended."""
    deadline = time.monotonic() + STOP_SECONDS
    with suppress(ProcessLookupError):
        os.kill(server, signal.SIGTERM)
    while os.waitpid(server, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(server, signal.SIGKILL)
            os.waitpid(server, 0)
            return "killed"
        time.sleep(0.02)
    return "stopped"


def main() -> None:
    from django.urls import get_resolver

    from mood_eval import wsgi

    assert wsgi.application
    assert get_resolver().url_patterns, "imports every view"
    server = 0
    for line in sys.stdin:
        words = line.rstrip("\n").split("\t")
        if words[0] == "stop":
            print(stop(server) if server else "none", flush=True)
            server = 0
            continue
        Path(words[2]).touch()
        server = os.fork()
        if not server:
            serve(words[1], words[2])
        print(server, flush=True)
    if server:
        stop(server)


if __name__ == "__main__":
    main()

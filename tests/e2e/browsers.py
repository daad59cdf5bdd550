"""One browser for all tests. When it answers no more it is killed, and the next test has another:
Playwright would wait for it without end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from tests.processes import descendants

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
SHARE_OF_TIME = 0.7
"""Of what pytest-timeout gives a test: the rest is for saying what happened."""


class Browsers:
    def __init__(self, program: Path, stack: ExitStack) -> None:
        self.program, self.stack = program, stack
        self.browser: Browser | None = None

    def running(self) -> Browser:
        if self.browser is None or not self.browser.is_connected():
            self.stack.close()
            playwright = self.stack.enter_context(sync_playwright())
            self.browser = playwright.chromium.launch(executable_path=self.program, args=ARGUMENTS)
        return self.browser

    @contextmanager
    def killed_if_stuck(self, test: pytest.Item) -> Iterator[None]:
        """What waits for the browser then raises; that it was killed fails the test."""
        seconds = SHARE_OF_TIME * seconds_of(test)
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            self.browser = None
            print(f"{test.nodeid}: the browser is killed after {seconds:.0f} s.", file=sys.stderr)
            for frame in sys._current_frames().values():
                traceback.print_stack(frame, file=sys.stderr)
            kill_browsers()

        timer = threading.Timer(seconds, kill)
        timer.start()
        try:
            yield
        except Error:
            if not killed.is_set():
                raise
        finally:
            timer.cancel()
            timer.join()
        if killed.is_set():
            pytest.fail(f"The browser was killed after {seconds:.0f} s.", pytrace=False)


def seconds_of(test: pytest.Item) -> float:
    marker = test.get_closest_marker("timeout")
    return float(marker.args[0] if marker else test.config.getini("timeout"))


def kill_browsers() -> None:
    """And Playwright's driver, which may be what is stuck."""
    for driver, command in descendants(os.getpid()).items():
        if "run-driver" in command:
            for pid in (*descendants(driver), driver):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

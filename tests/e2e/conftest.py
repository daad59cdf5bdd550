"""A real server process on the test's database, and a real browser. Never skipped."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from mood_eval.models import User
from tests.e2e.browsers import Browsers
from tests.e2e.warm_gunicorn import WarmGunicorn
from tests.factories import PASSWORD
from tests.processes import wait_until

CHROMIUM = Path(os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium")
START_SECONDS = 60.0
PATIENCE_MS = 30_000.0
"""A busy machine may take its time; nothing here is about speed."""
expect.set_options(timeout=PATIENCE_MS)
LAPTOP = {"width": 1280, "height": 640}


class SignIn(Protocol):
    def __call__(self, user: User, **options: object) -> Page: ...


@pytest.fixture(scope="session")
def browsers() -> Iterator[Browsers]:
    if not CHROMIUM.exists():
        pytest.fail(
            "These tests need Chromium. Install it (Debian: apt-get install chromium), "
            "or name it in the environment variable CHROMIUM.",
            pytrace=False,
        )
    # Playwright keeps an event loop in this thread, and Django would refuse to query beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with ExitStack() as stack:
        yield Browsers(CHROMIUM, stack)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def warm_gunicorn(database_url: str) -> Iterator[WarmGunicorn]:
    gunicorn = WarmGunicorn({**os.environ, "DATABASE_URL": database_url})
    yield gunicorn
    gunicorn.end()


@pytest.fixture
def server_url(
    warm_gunicorn: WarmGunicorn, transactional_db: None, tmp_path: Path
) -> Iterator[str]:
    """Address of gunicorn, run as `make demo` runs it, on the test's database.

    One per test: it has to have answered its last request before the tables are emptied.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "gunicorn.log"
    warm_gunicorn.say("start", f"127.0.0.1:{port}", log)
    try:
        assert wait_until(lambda: answers(port), START_SECONDS), log.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        ended = warm_gunicorn.say("stop")
    assert ended == "stopped", log.read_text()


def answers(port: int) -> bool:
    request = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        request.request("GET", "/healthz")
        return request.getresponse().status == 200
    except OSError:
        return False
    finally:
        request.close()


@pytest.fixture
def new_context(
    browsers: Browsers, server_url: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., BrowserContext]]:
    """A browser of its own for a person; errors of its scripts fail the test."""
    browser = browsers.running()
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(**options: object) -> BrowserContext:
        options.setdefault("viewport", LAPTOP)
        context = browser.new_context(base_url=server_url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        contexts.append(context)
        return context

    with browsers.killed_if_stuck(request.node):
        yield make
        for context in contexts:
            context.close()
    assert not errors


@pytest.fixture
def sign_in(new_context: Callable[..., BrowserContext]) -> SignIn:
    """A page in a new browser, signed in through the form. `factories.make_user` sets PASSWORD."""

    def act(user: User, **options: object) -> Page:
        page = new_context(**options).new_page()
        page.goto("/accounts/login/")
        page.fill("input[name=login]", user.email)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        return page

    return act

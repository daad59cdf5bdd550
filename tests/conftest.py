"""Every run has a PostgreSQL and a broker of its own, in a folder that goes away with it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import django
import hypothesis
import pytest
from django.conf import settings
from pytest_timeout import Settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # also for plain `pytest`

from mood_eval.embedded import EmbeddedServerError, using_servers
from mood_eval.embedded.folders import folders_of

# A worker of pytest-xdist is given its parent's folder.
OWN_FOLDER = "PYTEST_XDIST_WORKER" not in os.environ
if OWN_FOLDER:
    if settings.configured:
        raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: it loads the settings too early.")
    os.environ["MOODEVAL_VAR"] = tempfile.mkdtemp(prefix="moodeval-test-")
TEARDOWN_SECONDS = 300.0
VAR = Path(os.environ["MOODEVAL_VAR"])
SERVERS = ExitStack()

# A busy machine is slow, and no test is about speed.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")
os.environ["MOODEVAL_MODE"] = "test"
# A table that another connection has locked is waited for like this, and no lock is kept for ever.
os.environ["PGOPTIONS"] = "-c lock_timeout=60s -c idle_in_transaction_session_timeout=400s"
os.environ["DJANGO_SETTINGS_MODULE"] = "mood_eval.settings"
django.setup()


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    try:
        SERVERS.enter_context(using_servers(VAR, durable=False))
    except EmbeddedServerError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    SERVERS.close()
    if OWN_FOLDER:
        shutil.rmtree(folders_of(VAR).runtime, ignore_errors=True)
        shutil.rmtree(VAR, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """With a limit of its own: pytest-timeout no longer watches a test that has failed."""
    limit = Settings(TEARDOWN_SECONDS, "signal", False, False)
    item.config.hook.pytest_timeout_cancel_timer(item=item)
    item.config.hook.pytest_timeout_set_timer(item=item, settings=limit)
    return (yield)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained, and not to be changed: a test that writes into it copies it first."""
    from inference.training.tiny import random_tiny_checkpoint

    return random_tiny_checkpoint(tmp_path_factory.mktemp("tiny"), seed=1)


@pytest.fixture(scope="session")
def database_url(django_db_setup: None) -> str:
    from django.db import connection

    url = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    return url.geturl()


@pytest.fixture
def child_environment(database_url: str, transactional_db: None) -> dict[str, str]:
    """For a server, worker or command that a test starts: it works on the test's database."""
    return {**os.environ, "DATABASE_URL": database_url}

"""Settings are read in a process of their own, as the start of a server reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mood_eval import env

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "MOODEVAL_MODE": "production",
    "SECRET_KEY": "k" * 60,
    "ALLOWED_HOSTS": "moodeval.example",
    "DATABASE_URL": "postgresql://moodeval:secret@db.example:5432/moodeval",
    "REDIS_URL": "redis://broker.example:6379/0",
}


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    program = (
        "import mood_eval.settings as s; print(s.MODE, s.DEBUG, s.DATABASES['default']['HOST'])"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**keep, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_starts_with_everything_set() -> None:
    done = start(**PRODUCTION)
    assert done.stdout.split() == ["production", "False", "db.example"], done.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"])
def test_production_names_the_variable_that_is_missing(name: str) -> None:
    done = start(**{key: value for key, value in PRODUCTION.items() if key != name})
    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr


def test_a_relative_var_is_the_same_folder_for_processes_that_work_elsewhere() -> None:
    program = "import mood_eval.settings as s; print(s.VAR)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **PRODUCTION, "MOODEVAL_VAR": "elsewhere"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == ROOT / "elsewhere"


def test_production_refuses_debug() -> None:
    done = start(**PRODUCTION, MOODEVAL_DEBUG="1")
    assert done.returncode != 0
    assert "MOODEVAL_DEBUG" in done.stderr


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:0,1", "cpu "])
def test_an_unknown_device_stops_the_start(device: str) -> None:
    done = start(**PRODUCTION, MOODEVAL_DEVICE=device)
    assert done.returncode != 0
    assert "MOODEVAL_DEVICE must be auto, cpu, cuda" in done.stderr


def test_unknown_mode_is_refused_with_the_choices() -> None:
    done = start(MOODEVAL_MODE="staging")
    assert done.returncode != 0
    assert "demo, test, production" in done.stderr


def test_postgres_url_reads_a_socket_folder() -> None:
    database = env.postgres("postgresql://moodeval@/moodeval?host=/run/moodeval&port=5433")
    assert database["HOST"] == "/run/moodeval"
    assert database["PORT"] == "5433"
    assert database["USER"] == "moodeval"


def test_celery_names_a_socket_its_own_way() -> None:
    assert (
        env.celery_broker("unix:///run/v.sock?db=1") == "redis+socket:///run/v.sock?virtual_host=1"
    )
    assert env.celery_broker("redis://broker:6379/0") == "redis://broker:6379/0"

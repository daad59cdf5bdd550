from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from inference.models import Corpus, GenerationRun, JobState, ModelVersion
from inference.services.model_versions import register_imported
from tests.factories import make_corpus_with_dialogues, make_team

PROJECT = Path(__file__).resolve().parents[3]


def report(*arguments: str) -> Any:
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def test_generate_wait_answers_everything_and_reports(
    corpus: Corpus, therapists: ModelVersion
) -> None:
    told = io.StringIO()
    out = io.StringIO()
    arguments = ["--model", "therapists", "--corpus", corpus.name, "--batch-size", "2"]
    call_command("generate", *arguments, "--limit", "5", "--wait", stdout=out, stderr=told)
    run = GenerationRun.objects.get()
    assert (run.state, run.done, run.total) == (JobState.DONE, 5, 5)
    assert "5 of 5 answered" in out.getvalue()
    assert [line.split(",")[0] for line in told.getvalue().splitlines()[1:]] == [
        "2/5",
        "4/5",
        "5/5",
    ]


def test_generate_without_wait_leaves_the_row_for_a_worker(
    corpus: Corpus, therapists: ModelVersion
) -> None:
    facts = report(
        "generate", "--model", "therapists", "--corpus", corpus.name, "--seed", "7",
        "--modality", "text", "--split", "rate",
    )  # fmt: skip
    run = GenerationRun.objects.get(pk=facts["run"])
    assert (run.state, facts["state"]) == (JobState.QUEUED, "queued")
    assert (run.options["seed"], run.options["modality"], run.splits) == (7, "text", ["rate"])


def test_generate_wait_says_why_a_model_failed(corpus: Corpus) -> None:
    ModelVersion.objects.create(team=corpus.team, name="gone", kind="multimood", path="no/model")
    with pytest.raises(CommandError, match="no/model") as refusal:
        report("generate", "--model", "gone", "--corpus", corpus.name, "--wait")
    assert refusal.value.returncode == 1


def test_a_wrong_name_is_answered_with_the_right_ones(
    corpus: Corpus, therapists: ModelVersion
) -> None:
    with pytest.raises(CommandError, match=r"no model named “x”. Known: therapists"):
        report("generate", "--model", "x", "--corpus", corpus.name)
    with pytest.raises(CommandError, match=rf"no corpus named “x”. Known: {corpus.name}"):
        report("generate", "--model", "therapists", "--corpus", "x")
    with pytest.raises(CommandError, match=rf"no team named “x”. Teams: {corpus.team.name}"):
        report("models", "--team", "x")


def test_models_and_runs_list_what_is_there(corpus: Corpus, therapists: ModelVersion) -> None:
    assert report("runs") == []
    report("generate", "--model", "therapists", "--corpus", corpus.name, "--wait")
    (model,) = report("models")
    assert (model["name"], model["kind"], model["runs"]) == ("therapists", "imported", 1)
    (run,) = report("runs")
    assert (run["model"], run["state"], run["done"]) == ("therapists", "done", 6)
    out = io.StringIO()
    call_command("runs", stdout=out)
    assert "6/6" in out.getvalue()


def test_register_model_takes_the_replies_of_a_corpus_once(corpus: Corpus) -> None:
    assert report("register_model", "people", "--corpus", corpus.name)["kind"] == "imported"
    with pytest.raises(CommandError, match="already a model named “people”"):
        report("register_model", "people", "--corpus", corpus.name)


def test_register_model_refuses_a_folder_without_weights(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"no config\.json"):
        report("register_model", "empty", "--path", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CommandError, match="safetensors"):
        report("register_model", "empty", "--path", str(tmp_path))
    with pytest.raises(CommandError, match="There is no folder"):
        report("register_model", "none", "--path", str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["generate", "--model", "a"], 2, "--corpus"),
        (["generate", "--model", "a", "--corpus", "b", "--limit", "many"], 2, "invalid int"),
        (["generate", "--model", "a", "--corpus", "b"], 1, "Refused: There is no team yet"),
        (["runs", "--help"], 0, ""),
    ],
)
def test_exit_codes(
    child_environment: dict[str, str], arguments: list[str], code: int, said: str
) -> None:
    done = manage(child_environment, *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def empty_database(child_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE never_migrated")
    url = urlsplit(child_environment["DATABASE_URL"])._replace(path="/never_migrated")
    yield {**child_environment, "DATABASE_URL": url.geturl()}
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE never_migrated WITH (FORCE)")


def test_a_database_without_tables_is_answered_with_the_remedy(
    empty_database: dict[str, str],
) -> None:
    for arguments in (["models", "--json"], ["create_team", "Lab"]):
        done = manage(empty_database, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert "`manage.py migrate` first" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_database_that_does_not_run_is_named(child_environment: dict[str, str]) -> None:
    nowhere = {**child_environment, "DATABASE_URL": "postgresql://moodeval@127.0.0.1:1/none"}
    done = manage(nowhere, "runs")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_broker_the_run_still_waits_in_the_database(
    corpus: Corpus, therapists: ModelVersion, child_environment: dict[str, str]
) -> None:
    no_broker = {**child_environment, "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = manage(no_broker, "generate", "--model", "therapists", "--corpus", corpus.name)
    assert done.returncode == 0, done.stderr
    assert "no broker" in done.stderr
    assert GenerationRun.objects.get().state == JobState.QUEUED


def test_an_interrupted_command_hands_its_run_back(child_environment: dict[str, str]) -> None:
    corpus = make_corpus_with_dialogues(make_team(), 120)
    register_imported(corpus.team, "therapists", corpus)
    arguments = ["--model", "therapists", "--corpus", corpus.name, "--batch-size", "1", "--wait"]
    command = subprocess.Popen(
        [sys.executable, "manage.py", "generate", *arguments],
        cwd=PROJECT,
        env=child_environment,
        stderr=subprocess.PIPE,
        text=True,
        # A run of the tests in the background ignores Ctrl-C, and its children would as well.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert command.stderr is not None
    next(line for line in command.stderr if line.startswith("3/360"))
    command.send_signal(signal.SIGINT)
    told = command.stderr.read()
    command.stderr.close()
    assert command.wait() == 1, told
    assert "Interrupted at" in told
    assert "Traceback" not in told
    run = GenerationRun.objects.get()
    assert (run.state, run.lease_token) == (JobState.QUEUED, None)
    assert 3 <= run.done == run.responses.count() < 360

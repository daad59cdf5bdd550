from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from inference.models import Corpus, GenerationRun, JobState, ModelVersion

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
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=child_environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr

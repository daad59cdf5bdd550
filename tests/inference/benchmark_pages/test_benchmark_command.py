"""`manage.py benchmark`: a readable table, JSON, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from inference.models import Benchmark, GenerationRun, JobState
from inference.services.imports import import_dialogues
from inference.services.model_versions import register_imported
from mood_eval.models import Team
from tests.factories import make_team, make_user
from tests.inference.benchmark_pages.conftest import Scene, printed, report

QUICKLY = ("--resamples", "100")


def test_the_table_shows_run_baseline_and_papers(scene: Scene) -> None:
    asked = ("benchmark", "mesc", "--run", scene.run.pk, "--against", scene.other.pk, *QUICKLY)
    out, err = printed(*asked)
    assert out.startswith(f"Run {scene.run.pk} of right on Small corpus: 18 client turns")
    assert "Client's emotion: Accuracy" in out
    assert "always “sadness”" in out
    assert "MultiMood SFT+GRPO" in out
    assert "arXiv 2511.10011" in out
    assert f"Against run {scene.other.pk}, on 18 client turns of both:" in out
    assert "+100.00" in out
    assert err.strip() == f"Measuring run {scene.run.pk}."
    assert printed(*asked) == (out, "")  # the stored one
    assert Benchmark.objects.count() == 1


def test_json_holds_everything(scene: Scene) -> None:
    told = report("benchmark", "mesc", "--run", scene.run.pk, "--as-published", *QUICKLY)
    assert told["report"]["definitions"].startswith("as published")
    assert (told["run"], told["model"], told["report"]["n"]) == (scene.run.pk, "right", 18)
    assert "paired" not in told


def test_refusals_say_what_to_do(scene: Scene) -> None:
    with pytest.raises(CommandError, match="has no run 4711"):
        printed("benchmark", "mesc", "--run", 4711)
    with pytest.raises(CommandError, match="not those of dfew"):
        printed("benchmark", "dfew", "--run", scene.run.pk)
    with pytest.raises(CommandError, match="There is no folder"):
        printed("benchmark", "mesc", "--run", scene.run.pk, "--encoder", "nowhere")
    with pytest.raises(CommandError, match="resamples: 7 is not"):
        printed("benchmark", "mesc", "--run", scene.run.pk, "--resamples", 7)
    GenerationRun.objects.update(state=JobState.RUNNING, done=3)
    with pytest.raises(CommandError, match="3 of 18 answers are there"):
        printed("benchmark", "mesc", "--run", scene.run.pk)
    assert not Benchmark.objects.exists()


def test_the_demonstrations_model_on_its_corpus(demo_team: Team) -> None:
    run = report(
        *("generate", "--model", "tiny", "--corpus", "Demo", "--limit", "8", "--wait"),
        *("--modality", "text", "--max-new-tokens", "16"),
    )["run"]
    told = report("benchmark", "mesc", "--run", run, *QUICKLY)
    found = told["report"]
    assert found["n"] == 8
    assert [task["name"] for task in found["tasks"]] == [
        "client_emotion",
        "therapist_emotion",
        "strategy",
    ]
    assert all(0 <= task["figures"][0]["estimate"]["value"] <= 1 for task in found["tasks"])
    assert {figure["name"] for figure in found["text"]} >= {"text.bleu2", "text.rouge_l"}


def test_the_real_test_split_of_mesc_with_what_therapists_said(
    transactional_db: None, real_mesc: Path
) -> None:
    """The ceiling: the corpus agrees with itself, also on its 454 client turns with a reply."""
    team = make_team(owner=make_user())
    files = [real_mesc / "test.json", real_mesc / "MESC.csv"]
    import_dialogues(team=team, format="mesc", paths=files, corpus_name="MESC")
    register_imported(team, "therapists", team.corpora.get())
    run = report("generate", "--model", "therapists", "--corpus", "MESC", "--wait")["run"]
    found = report("benchmark", "mesc", "--run", run, *QUICKLY)["report"]
    assert found["n"] == 454
    for task in found["tasks"]:
        assert task["n"] == 454
        assert task["figures"][0]["estimate"]["value"] == 1
    majority = {
        task["name"]: (task["majority_label"], task["majority"][0]["estimate"]["value"])
        for task in found["tasks"]
    }
    label, share = majority["therapist_emotion"]
    assert label == "neutral"
    assert share > 0.95
    assert "nothing was predicted" in found["notes"][0]
    assert any("leaks" in note for note in found["notes"])
    by_name = {figure["name"]: figure["estimate"]["value"] for figure in found["text"]}
    assert by_name["text.rouge_l"] == pytest.approx(1, abs=0.01)

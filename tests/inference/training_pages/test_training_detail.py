"""The page of a training run, for who may see it and in every state."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from inference.models import JobState, ModelVersion, TrainingRun
from tests.inference.training_pages.conftest import Lab, MakeRun

READING = ("training_detail", "training_samples", "training_progress_jsonl", "training_log")
ACTS = ("training_cancel", "training_resume")


def page_of(client: Client, run: TrainingRun) -> str:
    return client.get(reverse("training_detail", args=[run.pk])).content.decode()


@pytest.mark.parametrize("person", ["ada", "max"])
def test_members_see_a_run_and_may_stop_it(lab: Lab, make_run: MakeRun, person: str) -> None:
    client, run = lab.as_person(person), make_run(points=4, evaluations=2)
    for name in READING:
        assert client.get(reverse(name, args=[run.pk])).status_code == 200, name
    assert "hush-run" in client.get(reverse("training_list")).content.decode()
    assert client.post(reverse("training_cancel", args=[run.pk])).status_code == 302
    run.refresh_from_db()
    assert run.cancel_requested


def test_to_a_stranger_there_is_no_such_run(lab: Lab, make_run: MakeRun) -> None:
    sam, run = lab.as_person("sam"), make_run(points=4, evaluations=2)
    for name in READING:
        assert sam.get(reverse(name, args=[run.pk])).status_code == 404, name
    for name in ACTS:
        assert sam.post(reverse(name, args=[run.pk])).status_code == 404, name
        assert Client().post(reverse(name, args=[run.pk])).status_code == 302, name
    assert "hush" not in sam.get(reverse("training_list")).content.decode()
    run.refresh_from_db()
    assert not run.cancel_requested


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("loading", "Loading the model"),
        ("features", "Reading the clips"),
        ("reference", "Computing the reference&#x27;s log-probabilities"),
        ("evaluating", "Evaluating on what is held out"),
        ("report", "Comparing the new version with the one it was trained from"),
    ],
)
def test_what_goes_on_between_steps_is_said(
    ada: Client, make_run: MakeRun, stage: str, said: str
) -> None:
    run = make_run(points=3, stage=stage)
    page = page_of(ada, run)
    assert said in page
    assert '<strong class="number">3</strong> of 10 steps' in page
    TrainingRun.objects.update(state=JobState.DONE)
    assert said not in page_of(ada, run)


def test_after_its_last_step_a_run_writes_the_new_version(ada: Client, make_run: MakeRun) -> None:
    page = page_of(ada, make_run(points=10, stage="training"))
    assert "Writing the new version" in page
    assert "left</span>" not in page


def test_progress_is_fetched_while_it_runs_and_the_whole_page_at_the_end(
    ada: Client, make_run: MakeRun
) -> None:
    run = make_run(points=3)
    url = reverse("training_detail", args=[run.pk])
    fragment = ada.get(url, headers={"HX-Request": "true"})
    assert b"<html" not in fragment.content
    assert f'hx-get="{url}"' in fragment.content.decode()
    TrainingRun.objects.update(state=JobState.DONE)
    ended = ada.get(url, headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    assert b"hx-get" not in ended.content


def test_everything_told_can_be_downloaded(ada: Client, make_run: MakeRun) -> None:
    run = make_run(points=4, evaluations=2)
    response = ada.get(reverse("training_progress_jsonl", args=[run.pk]))
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert "attachment" in response.headers["Content-Disposition"]
    told = [json.loads(line) for line in response.getvalue().splitlines()]
    assert [line["step"] for line in told if line["event"] == "log"] == [1, 2, 3, 4]
    assert [len(line["samples"]) for line in told if line["event"] == "samples"] == [2, 2]


def test_what_was_asked_is_told_in_words_with_the_presets_source(
    lab: Lab, ada: Client, make_run: MakeRun, reward_model: ModelVersion
) -> None:
    run = make_run(
        method="grpo",
        preset="grpo-multimood",
        corpus=lab.corpus,
        config={
            "beta": 1.12,
            "lora": True,
            "rewards": [{"kind": "function", "name": "asks_a_question", "weight": 0.5}],
        },
    )
    run.reward_models.add(reward_model)
    page = page_of(ada, run)
    assert "arXiv 2511.10011" in page
    assert "<dt>Train adapters only (LoRA)</dt>" in page
    assert "function asks_a_question, weight 0.5" in page
    assert reverse("model_detail", args=[reward_model.pk]) in page
    assert reverse("corpus_detail", args=[lab.corpus.pk]) in page


def test_a_judges_address_is_not_shown(ada: Client, make_run: MakeRun) -> None:
    judge = {"kind": "judge", "name": "trusty", "url": "https://judge.example/v1"}
    page = page_of(ada, make_run(method="ppo", config={"rewards": [judge]}))
    assert "judge trusty" in page
    assert "judge.example" not in page


def test_a_reward_model_is_used_and_not_rated(
    lab: Lab, ada: Client, make_run: MakeRun, reward_model: ModelVersion
) -> None:
    run = make_run(method="reward", state=JobState.DONE, result=reward_model)
    page = page_of(ada, run)
    assert "The reward model is ready" in page
    assert "Rate old against new" not in page
    assert f"reward_model={reward_model.pk}" in page


def test_what_comes_of_a_demo_model_is_for_nothing_clinical(ada: Client, make_run: MakeRun) -> None:
    run = make_run()
    assert "fit for nothing clinical" not in page_of(ada, run)
    ModelVersion.objects.update(is_demo=True)
    assert "fit for nothing clinical" in page_of(ada, run)


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (JobState.QUEUED, "Stop with a checkpoint"),
        (JobState.RUNNING, "Stop with a checkpoint"),
        (JobState.CANCELLED, "Resume the training"),
        (JobState.FAILED, "Resume the training"),
        (JobState.DONE, ""),
    ],
)
def test_a_run_is_stopped_or_resumed_where_that_means_something(
    ada: Client, make_run: MakeRun, state: str, offered: str
) -> None:
    page = page_of(ada, make_run(points=2, state=state))
    buttons = {"Stop with a checkpoint", "Resume the training"}
    assert {button for button in buttons if button in page} == ({offered} if offered else set())


def test_an_empty_list_says_what_to_do(lab: Lab) -> None:
    page = lab.as_person("sam").get(reverse("training_list")).content.decode()
    assert "No training run yet" in page
    assert reverse("training_new") in page

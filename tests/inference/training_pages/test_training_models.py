"""Models as training leaves them: what a reward model scores, and how a version was trained."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse

from inference.models import JobState, ModelVersion
from tests.inference.training_pages.conftest import Lab, MakeRun

VALUES = {"eval_accuracy": 0.8, "eval_pairs": 40.0}


def page_of(client: Client, model: ModelVersion) -> str:
    return client.get(reverse("model_detail", args=[model.pk])).content.decode()


def test_a_reward_model_says_what_it_scores_and_how_well(
    lab: Lab, ada: Client, make_run: MakeRun, reward_model: ModelVersion
) -> None:
    run = make_run(
        method="reward", state=JobState.DONE, result=reward_model, report={"values": VALUES}
    )
    page = page_of(ada, reward_model)
    assert "as one score" in page
    assert re.search(r"Held-out preference accuracy<.*</th><td[^>]*>0.80", page)
    assert run.dataset_sha256 in page
    assert f"{reverse('training_detail', args=[run.pk])}#curves" in page
    assert f"reward_model={reward_model.pk}" in page
    assert "Let it answer" not in page


def test_a_reward_model_of_criteria_names_them(ada: Client, reward_model: ModelVersion) -> None:
    ModelVersion.objects.update(config={"reward_criteria": ["empathy", "safety"]})
    page = page_of(ada, reward_model)
    assert "<li>empathy</li><li>safety</li>" in page


def test_a_checkpoint_can_answer_and_be_trained(lab: Lab, ada: Client) -> None:
    page = page_of(ada, lab.base)
    assert "Let it answer" in page
    assert f"{reverse('training_new')}?base={lab.base.pk}" in page
    assert "What it scores" not in page
    assert "How it was trained" not in page


def test_a_version_says_how_it_was_trained(lab: Lab, ada: Client, make_run: MakeRun) -> None:
    new = ModelVersion.objects.create(
        team=lab.team, name="next", kind="multimood", path=lab.base.path, parent=lab.base
    )
    run = make_run(
        method="sft", state=JobState.DONE, result=new, corpus=lab.corpus, config={"lora": True}
    )
    page = page_of(ada, new)
    assert reverse("training_detail", args=[run.pk]) in page
    assert reverse("corpus_detail", args=[lab.corpus.pk]) in page
    assert "<dt>Train adapters only (LoRA)</dt>" in page


def test_to_a_stranger_there_is_no_such_model(lab: Lab, reward_model: ModelVersion) -> None:
    sam = lab.as_person("sam")
    for model in (reward_model, lab.base):
        assert sam.get(reverse("model_detail", args=[model.pk])).status_code == 404


def test_a_corpus_can_be_trained_on(lab: Lab, ada: Client) -> None:
    page = ada.get(reverse("corpus_detail", args=[lab.corpus.pk])).content.decode()
    assert f"{reverse('training_new')}?corpus={lab.corpus.pk}" in page
    opened = ada.get(reverse("training_new"), {"corpus": lab.corpus.pk}).content.decode()
    assert f'<option value="{lab.corpus.pk}" selected>' in opened

"""A language model on this machine as a judge: real forward passes, nothing sent, nothing paid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.judging.contract import JudgeOptions
from annotations.models import Assignment, JudgeAnswer
from annotations.selectors.judges import judge_progress, where_it_goes
from annotations.services.judge_answers import REFUSED
from annotations.services.judge_work import run_judging
from annotations.services.judging import resume_judging
from inference.models import JobState, ModelCall, Response
from inference.services.text_models import register_text_model
from mood_eval.models import Team
from tests.annotations.exports import tiny_language_models
from tests.annotations.judges.judged_studies import absolute_study, start

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import LlamaForCausalLM

    place = tmp_path_factory.mktemp("models") / "tiny-judge"
    torch.manual_seed(3)
    config = tiny_language_models.config()
    config.max_position_embeddings = 8192
    LlamaForCausalLM(config).save_pretrained(place)
    tiny_language_models.tokenizer().save_pretrained(place)
    return place


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    from inference.backends.transformers_text import unload_text

    yield
    unload_text()


def test_a_model_without_training_is_asked_and_says_nothing_that_could_be_read(
    team: Team, folder: Path
) -> None:
    judge = register_text_model(team=team, name="tiny judge", path=str(folder))
    study = absolute_study(team, dialogues=1)
    run = start(study, judge, max_tokens=8)
    assert "nothing is sent anywhere" in where_it_goes(judge, study, JudgeOptions())
    run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error, run.done) == (JobState.DONE, "", 3)
    assert not ModelCall.objects.exists()
    assert judge_progress(run).spent_words == ""
    answers = list(JudgeAnswer.objects.all())
    assert all(answer.raw for answer in answers)
    assert all(set(answer.unread) == {"empathy", "safety", "advice"} for answer in answers)
    assert Assignment.objects.filter(rater=run.rater, state="submitted").count() == 3


def test_questions_longer_than_the_model_reads_are_no_fault_of_the_platform(
    team: Team, folder: Path
) -> None:
    judge = register_text_model(team=team, name="tiny judge", path=str(folder))
    run = start(absolute_study(team, dialogues=2), judge, max_tokens=9000)
    run_judging(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert run.error.startswith("The judge does not answer")
    assert "8,192" in run.error


def test_items_too_long_for_it_are_missing_and_the_others_are_judged(
    team: Team, folder: Path
) -> None:
    """Also where they come first and stop it: on resume it begins with what it was never asked."""
    judge = register_text_model(team=team, name="tiny judge", path=str(folder))
    run = start(absolute_study(team, dialogues=2), judge, max_tokens=8)
    first = Assignment.objects.filter(rater=run.rater).order_by("position")[:3]
    responses = [assignment.display_order[0] for assignment in first]
    Response.objects.filter(pk__in=responses).update(text="word " * 9000)
    run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == (JobState.FAILED, 3)
    assert run.error.startswith("The judge does not answer")
    resume_judging(run)
    run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error, run.done) == (JobState.DONE, "", 6)
    refused = JudgeAnswer.objects.filter(unread__empathy__startswith=REFUSED)
    assert set(refused.values_list("assignment", flat=True)) == {row.pk for row in first}
    assert Assignment.objects.filter(rater=run.rater, state="submitted").count() == 6


def test_a_first_item_that_is_too_long_is_final_once_another_is_judged(
    team: Team, folder: Path
) -> None:
    judge = register_text_model(team=team, name="tiny judge", path=str(folder))
    run = start(absolute_study(team, dialogues=1), judge, max_tokens=8)
    first = Assignment.objects.filter(rater=run.rater).order_by("position")[0]
    Response.objects.filter(pk=first.display_order[0]).update(text="word " * 9000)
    run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error, run.done) == (JobState.DONE, "", 3)
    refused = JudgeAnswer.objects.get(assignment=first)
    assert refused.error == ""
    assert "8,192" in refused.unread["empathy"]

"""Figures of a run, of several runs, and of modalities, as a researcher sees them."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import expect

from inference.models import Benchmark, GenerationRun, JobState, Response, RunGroup
from inference.services.benchmarks import run_benchmark
from inference.services.modalities import compare_modalities
from mood_eval.models import User
from tests.e2e.conftest import SignIn
from tests.e2e.test_import_page import looked_over
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
    make_team,
    make_user,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
REPLIES = (
    "What goes through your mind when you lie there?",
    "It sounds as if you miss her very much.",
    "Try not to think about it.",
)
NAMED = ("sadness", "sadness", "sadness", "depression", "neutral", "")


@pytest.fixture
def researcher() -> User:
    user = make_user()
    team = make_team(owner=user)
    corpus = make_corpus_with_dialogues(team, 8, clips=True)
    for name in ("MultiMood by pairs", "MultiMood by words"):
        make_model_version(team, name, kind="multimood", path=name, weights_sha256="0" * 64)
        vary(make_run_with_responses(team, corpus, name), random.Random(name))
    return user


def vary(run: GenerationRun, chance: random.Random) -> None:
    for response in Response.objects.filter(run=run).order_by("pk"):
        response.client_emotion = chance.choice(NAMED)
        response.strategy = chance.choice(["approval", "open question"])
        response.text = chance.choice(REPLIES)
        response.save()


def measure_all() -> None:
    for benchmark in Benchmark.objects.filter(state=JobState.QUEUED):
        run_benchmark(benchmark.pk)


def test_a_run_is_measured_and_compared(researcher: User, sign_in: SignIn, server_url: str) -> None:
    first, second = GenerationRun.objects.order_by("pk")
    page = sign_in(researcher)
    page.goto(f"{server_url}/runs/{first.pk}/")
    page.get_by_role("link", name="Benchmarks").click()
    looked_over(page, "benchmarks-start")
    page.get_by_label("Test the differences from").select_option(index=1)
    page.get_by_role("button", name="Compute the figures").click()
    expect(page.get_by_role("heading", name="Progress")).to_be_visible()
    looked_over(page, "benchmark-progress")
    measure_all()
    expect(page.get_by_role("heading", name="Before you quote a figure")).to_be_visible()
    looked_over(page, "benchmark-report")
    page.goto(f"{server_url}/benchmarks/compare/?run={first.pk}")
    page.get_by_label(f"Run {second.pk}").check()
    page.get_by_role("button", name="Compare these").click()
    looked_over(page, "compare-start")
    page.get_by_role("button", name="Compare the 2 runs").click()
    expect(page.get_by_role("heading", name="Being computed")).to_be_visible()
    measure_all()
    heading = page.get_by_role("heading", name=f"Differences from run {first.pk}")
    expect(heading).to_be_visible(timeout=30_000)
    looked_over(page, "compare-report")


def test_modalities_are_compared_with_one_click(
    researcher: User, sign_in: SignIn, server_url: str
) -> None:
    run = GenerationRun.objects.order_by("pk")[0]
    page = sign_in(researcher)
    page.goto(f"{server_url}/models/{run.model_version_id}/modalities/")
    looked_over(page, "modalities-offered")
    page.goto(f"{server_url}/runs/{run.pk}/")
    page.get_by_role("button", name="Compare modalities").click()
    expect(page.get_by_role("heading", name="by modality")).to_be_visible()
    looked_over(page, "modalities-at-work")
    group = RunGroup.objects.get()
    assert group == compare_modalities(model=run.model_version, corpus=run.corpus)
    for other in group.runs.exclude(pk=run.pk):
        answered = Response.objects.filter(run=run)
        Response.objects.bulk_create(
            Response(run=other, stimulus=row.stimulus, text=f"{row.text} {other.pk}", seconds=1)
            for row in answered
        )
        GenerationRun.objects.filter(pk=other.pk).update(state=JobState.DONE, done=other.total)
    expect(page.get_by_role("link", name="Compare by benchmark figures")).to_be_visible()
    looked_over(page, "modalities-done")
    page.get_by_role("button", name="Draft a blind study").click()
    expect(page.get_by_text("The draft is ready.")).to_be_visible()

"""Benchmarks on their pages: started, watched, read, downloaded, compared."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from inference.models import Benchmark, Corpus, GenerationRun, JobState, Response, Turn
from inference.services.benchmarks import create_benchmark, run_benchmark
from mood_eval.models import User
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
)
from tests.inference.benchmark_pages.conftest import QUICK, Scene

FILES = ("benchmark.json", "figures.csv", "confusion-strategy.csv")


@pytest.fixture
def done(scene: Scene) -> Benchmark:
    return measured(scene.run, against=scene.other)


def measured(run: GenerationRun, against: GenerationRun | None = None) -> Benchmark:
    benchmark = create_benchmark(run=run, suite="mesc", options=QUICK, against=against)
    run_benchmark(benchmark.pk)
    benchmark.refresh_from_db()
    assert benchmark.state == JobState.DONE, benchmark.error
    return benchmark


def page_of(benchmark: Benchmark) -> str:
    return reverse("benchmark_detail", args=[benchmark.run_id, benchmark.pk])


def compared(*runs: GenerationRun) -> str:
    query = "&".join(f"run={run.pk}" for run in runs)
    return f"{reverse('benchmark_compare')}?{query}&resamples=100"


def addresses(benchmark: Benchmark) -> list[str]:
    files = [
        reverse("benchmark_file", args=[benchmark.run_id, benchmark.pk, name]) for name in FILES
    ]
    runs = [benchmark.run, benchmark.against]
    both = compared(*[run for run in runs if run])
    return [
        reverse("run_benchmarks", args=[benchmark.run_id]),
        page_of(benchmark),
        *files,
        both,
    ]


@pytest.mark.parametrize(("person", "status"), [("ada", 200), ("rui", 200), ("sam", 404)])
def test_pages_and_files_are_the_teams(
    scene: Scene,
    done: Benchmark,
    signed_in: Callable[[User], Client],
    person: str,
    status: int,
) -> None:
    client = signed_in(getattr(scene, person))
    assert [client.get(url).status_code for url in addresses(done)] == [status] * 6
    acts = [
        reverse(f"benchmark_{act}", args=[done.run_id, done.pk]) for act in ("cancel", "resume")
    ]
    acted = [client.post(url).status_code for url in acts]
    assert acted == [404 if status == 404 else 302] * 2


def test_who_is_not_signed_in_is_sent_to_sign_in(done: Benchmark, client: Client) -> None:
    assert {client.get(url).status_code for url in addresses(done)} == {302}


def test_a_benchmark_is_started_watched_and_read(
    scene: Scene, signed_in: Callable[[User], Client]
) -> None:
    ada, url = signed_in(scene.ada), reverse("run_benchmarks", args=[scene.run.pk])
    assert url in ada.get(reverse("run_detail", args=[scene.run.pk])).content.decode()
    asked = {"suite": "mesc", "against": scene.other.pk, "resamples": 100}
    answer = ada.post(url, asked)
    benchmark = Benchmark.objects.get()
    assert answer.headers["Location"] == page_of(benchmark)
    waiting = ada.get(page_of(benchmark)).content.decode()
    assert "Waiting for a worker" in waiting
    assert "0</strong> of 3 steps" in waiting
    fragment = ada.get(page_of(benchmark), headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()
    run_benchmark(benchmark.pk)
    fragment = ada.get(page_of(benchmark), headers={"HX-Request": "true"})
    assert fragment.headers["HX-Refresh"] == "true"
    assert ada.post(url, asked).headers["Location"] == page_of(benchmark)
    assert "sound" in ada.get(url).content.decode()
    assert Benchmark.objects.count() == 1


def test_the_report_begins_with_what_must_be_known(
    scene: Scene, done: Benchmark, signed_in: Callable[[User], Client]
) -> None:
    text = signed_in(scene.ada).get(page_of(done)).content.decode()
    main = text.split("<main")[1]
    assert main.index("Before you quote a figure") < main.index('id="figures"')
    assert "could be read in everything" in main
    assert "<script" not in main
    assert '<td class="shade-9 agrees">18</td>' in main
    assert "MultiMood SFT+GRPO" in main
    assert "arXiv 2511.10011" in main
    assert "right, run" in main
    assert "Always the most frequent label" in main
    assert "+100.00" in main  # the first is right about every feeling, the other about none
    assert "Holm" in main
    shares = signed_in(scene.ada).get(f"{page_of(done)}?cells=shares").content.decode()
    assert '<td class="shade-9 agrees">100</td>' in shares


def test_figures_that_are_out_of_date_say_so(
    scene: Scene, done: Benchmark, signed_in: Callable[[User], Client]
) -> None:
    assert "has changed since" not in signed_in(scene.ada).get(page_of(done)).content.decode()
    GenerationRun.objects.filter(pk=scene.run.pk).update(finished_at=timezone.now())
    assert "has changed since" in signed_in(scene.ada).get(page_of(done)).content.decode()


def test_a_failure_is_told_and_can_be_tried_again(
    scene: Scene, signed_in: Callable[[User], Client]
) -> None:
    benchmark = create_benchmark(run=scene.run, suite="mesc", options=QUICK)
    Response.objects.filter(run=scene.run).delete()
    run_benchmark(benchmark.pk)
    ada = signed_in(scene.ada)
    text = ada.get(page_of(benchmark)).content.decode()
    assert "There is no answer to measure." in text
    assert reverse("benchmark_resume", args=[scene.run.pk, benchmark.pk]) in text
    ada.post(reverse("benchmark_resume", args=[scene.run.pk, benchmark.pk]))
    benchmark.refresh_from_db()
    assert benchmark.state == JobState.QUEUED
    ada.post(reverse("benchmark_cancel", args=[scene.run.pk, benchmark.pk]))
    benchmark.refresh_from_db()
    assert benchmark.state == JobState.CANCELLED
    assert ada.get(addresses(benchmark)[2]).status_code == 404


def test_what_cannot_be_measured_is_said_before_it_is_asked(
    scene: Scene, signed_in: Callable[[User], Client]
) -> None:
    ada = signed_in(scene.ada)

    def text(run: GenerationRun) -> str:
        return ada.get(reverse("run_benchmarks", args=[run.pk])).content.decode()

    GenerationRun.objects.filter(pk=scene.run.pk).update(state=JobState.RUNNING, done=4)
    assert "4 of 18 answers are there" in text(scene.run)
    GenerationRun.objects.filter(pk=scene.run.pk).update(state=JobState.CANCELLED)
    assert "The run was stopped: 4 of 18" in text(scene.run)
    GenerationRun.objects.filter(pk=scene.run.pk).update(done=0)
    assert "no answer that could be measured" in text(scene.run)
    Corpus.objects.update(format="letters")
    assert "No benchmark for this corpus" in text(scene.run)


def test_wrong_options_are_refused_in_words(
    scene: Scene, signed_in: Callable[[User], Client]
) -> None:
    url = reverse("run_benchmarks", args=[scene.run.pk])
    for asked, why in (
        ({"suite": "mesc", "resamples": 1}, "resamples: 1 is not"),
        ({"suite": "dfew"}, "Select a valid choice"),
        ({"suite": "mesc", "encoder": "/etc"}, "Select a valid choice"),
    ):
        assert why in signed_in(scene.ada).post(url, asked).content.decode()
    assert not Benchmark.objects.exists()


def test_files_hold_what_the_page_shows(
    scene: Scene, done: Benchmark, signed_in: Callable[[User], Client]
) -> None:
    ada = signed_in(scene.ada)
    _, _, facts, figures, matrix, _ = (ada.get(url) for url in addresses(done))
    told = json.loads(facts.content)
    assert told["report"]["n"] == 18
    assert told["paired"]["n"] == 18
    rows = list(csv.DictReader(figures.content.decode().splitlines()))
    assert {row["system"] for row in rows} >= {f"run {scene.run.pk}", "SMES", "GPT-4o (text)"}
    own = next(row for row in rows if row["figure"] == "client_emotion.accuracy")
    assert (own["percent"], own["n"]) == ("100.0", "18")
    assert next(csv.reader(matrix.content.decode().splitlines()))[0] == "corpus label"
    assert "attachment" in facts["Content-Disposition"]
    other = reverse("benchmark_file", args=[done.run_id, done.pk, "secrets.csv"])
    assert ada.get(other).status_code == 404


def test_every_suite_has_its_page(scene: Scene, signed_in: Callable[[User], Client]) -> None:
    ada = signed_in(scene.ada)
    Turn.objects.filter(speaker="therapist").update(strategy="Question")
    scene.corpus.dialogues.filter(external_id__lt="dialogue-003").update(split="fold-1")
    scene.corpus.dialogues.filter(external_id__gte="dialogue-003").update(split="fold-2")
    for suite, word in (("esconv", "Question"), ("dfew", "fold-2")):
        Corpus.objects.update(format=suite)
        scene.run.corpus.refresh_from_db()
        benchmark = create_benchmark(run=scene.run, suite=suite, options=QUICK)
        run_benchmark(benchmark.pk)
        text = ada.get(page_of(benchmark)).content.decode()
        assert word in text
        assert "Before you quote a figure" in text


def test_pages_ask_the_same_few_queries_of_any_run(
    scene: Scene, signed_in: Callable[[User], Client]
) -> None:
    large = make_corpus_with_dialogues(scene.team, 40, name="Large")
    runs = [scene.run, make_run_with_responses(scene.team, large, "right")]
    ada, counts = signed_in(scene.ada), []
    for run in runs:
        benchmark = measured(run)
        with CaptureQueriesContext(connection) as queries:
            ada.get(page_of(benchmark))
        shown = len(queries)
        with CaptureQueriesContext(connection) as queries:
            ada.get(reverse("run_benchmarks", args=[run.pk]))
        counts.append((shown, len(queries)))
        for seed in range(3):
            create_benchmark(run=run, suite="mesc", options=QUICK.__class__(seed=seed))
        with CaptureQueriesContext(connection) as queries:
            ada.get(reverse("run_benchmarks", args=[run.pk]))
        assert len(queries) == counts[-1][1]
    assert counts[0] == counts[1]


def test_several_runs_are_compared_on_one_page(
    scene: Scene, signed_in: Callable[[User], Client]
) -> None:
    make_model_version(scene.team, "third", kind="multimood", path="t")
    third = make_run_with_responses(
        scene.team, scene.corpus, "third", state=JobState.CANCELLED, answered=9
    )
    ada, runs = signed_in(scene.ada), [scene.run, scene.other, third]
    before = ada.get(compared(*runs)).content.decode()
    assert "Compare the 3 runs" in before
    assert '<th scope="row">Model</th>' in before  # what differs
    sent = {"run": [run.pk for run in runs], "resamples": 100}
    answer = ada.post(reverse("benchmark_compare"), sent)
    assert answer.headers["Location"] == compared(*runs)
    waiting = ada.get(compared(*runs)).content.decode()
    assert "Being computed" in waiting
    for benchmark in Benchmark.objects.all():
        run_benchmark(benchmark.pk)
    text = ada.get(compared(*runs)).content.decode()
    assert "9 that all of them answered" in text
    of_second = Benchmark.objects.get(run=scene.other)
    alone = ada.get(page_of(of_second)).content.decode()
    assert "that all of runs" in alone
    assert "has changed since" not in alone
    assert "-100.00" in text
    assert "n 9" in text
    assert "MultiMood SFT+GRPO" in text
    address = compared(*runs).replace("/compare/", "/comparison.csv")
    lines = list(csv.DictReader(ada.get(address).content.decode().splitlines()))
    first = [row for row in lines if row["figure"] == "Client's emotion: Accuracy"]
    assert [row["difference"] for row in first] == ["", "-100.0", "0.0"]
    assert {row["n"] for row in first} == {"9"}
    assert not ada.get(reverse("run_benchmarks", args=[third.pk])).context["page"].paginator.count


def test_what_cannot_be_compared_is_said(scene: Scene, signed_in: Callable[[User], Client]) -> None:
    ada = signed_in(scene.ada)
    elsewhere = make_corpus_with_dialogues(scene.team, 1, name="Elsewhere")
    far = make_run_with_responses(scene.team, elsewhere, "right")
    assert "answer different corpora" in ada.get(compared(scene.run, far)).content.decode()
    none = make_run_with_responses(
        scene.team, scene.corpus, "right", state=JobState.CANCELLED, answered=0
    )
    assert "has no answer" in ada.get(compared(scene.run, none)).content.decode()
    one = ada.get(compared(scene.run)).content.decode()
    assert f"Run {scene.other.pk}: wrong" in one
    assert f"Run {far.pk}" not in one
    assert ada.get(reverse("benchmark_compare")).status_code == 200
    assert ada.get(f"{reverse('benchmark_compare')}?run=x").status_code == 404
    assert ada.get(compared(scene.run).replace("/compare/", "/comparison.csv")).status_code == 404
    wrong = f"{compared(scene.run, scene.other)}&seed=-1"
    assert "seed: -1 is below 0" in ada.get(wrong).content.decode()


def test_the_comparison_asks_the_same_few_queries_of_any_runs(
    scene: Scene, signed_in: Callable[[User], Client]
) -> None:
    large = make_corpus_with_dialogues(scene.team, 30, name="Large")
    pairs = [
        (scene.run, scene.other),
        tuple(make_run_with_responses(scene.team, large, name) for name in ("right", "wrong")),
    ]
    ada, counts = signed_in(scene.ada), []
    for pair in pairs:
        sent = {"run": [run.pk for run in pair], "resamples": 100}
        ada.post(reverse("benchmark_compare"), sent)
        for benchmark in Benchmark.objects.filter(state=JobState.QUEUED):
            run_benchmark(benchmark.pk)
        with CaptureQueriesContext(connection) as queries:
            assert "Differences from" in ada.get(compared(*pair)).content.decode()
        counts.append(len(queries))
    assert counts[0] == counts[1]

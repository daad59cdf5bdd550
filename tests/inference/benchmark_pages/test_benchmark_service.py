"""Benchmarks as jobs: what is refused, computed once, kept, and computed anew."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from inference.benchmarks.contract import Options
from inference.errors import (
    CheckpointError,
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    WrongStateError,
)
from inference.models import Benchmark, Corpus, GenerationRun, JobState, Response
from inference.selectors.benchmarks import (
    benchmark_progress,
    encoders_here,
    options_of_benchmark,
    paired_of,
    report_of,
)
from inference.services.benchmarks import (
    cancel_benchmark,
    compare_runs,
    create_benchmark,
    run_benchmark,
)
from inference.services.sweeper import job_models
from inference.tasks import gpu_benchmark
from tests.factories import make_corpus_with_dialogues, make_run_with_responses
from tests.inference.benchmark_pages.conftest import QUICK, Scene


def measured(benchmark: Benchmark) -> Benchmark:
    assert run_benchmark(benchmark.pk)
    benchmark.refresh_from_db()
    assert benchmark.state == JobState.DONE, benchmark.error
    return benchmark


def test_figures_are_computed_by_the_task_and_kept(scene: Scene) -> None:
    benchmark = create_benchmark(run=scene.run, suite="mesc", options=QUICK, user=scene.ada)
    assert (benchmark.state, report_of(benchmark)) == (JobState.QUEUED, None)
    gpu_benchmark(benchmark.pk)
    benchmark.refresh_from_db()
    report = report_of(benchmark)
    assert report is not None
    assert (benchmark.state, benchmark.done, benchmark.total) == (JobState.DONE, 2, 2)
    figures = {figure.name: figure for figure in report.figures}
    assert figures["client_emotion.accuracy"].percent == 100
    assert figures["client_emotion.accuracy"].n == 18
    assert figures["text.rouge_l"].n == 18
    assert (report.n, report.groups, report.options) == (18, 6, QUICK)
    assert report.coverage.value == 1
    assert report.published[0].system == "MultiMood SFT"


def test_the_same_again_is_the_stored_one(scene: Scene) -> None:
    first = create_benchmark(run=scene.run, suite="mesc", options=QUICK)
    assert create_benchmark(run=scene.run, suite="mesc", options=QUICK) == first
    measured(first)
    assert create_benchmark(run=scene.run, suite="mesc", options=QUICK) == first
    others = [
        create_benchmark(run=scene.run, suite="mesc", options=Options(resamples=101)),
        create_benchmark(run=scene.run, suite="mesc", options=QUICK, against=scene.other),
        create_benchmark(run=scene.other, suite="mesc", options=QUICK),
    ]
    assert len({first.pk, *(other.pk for other in others)}) == 4


def test_a_run_that_changed_is_measured_anew(scene: Scene) -> None:
    first = create_benchmark(run=scene.run, suite="mesc", options=QUICK)
    GenerationRun.objects.filter(pk=scene.run.pk).update(finished_at=timezone.now())
    scene.run.refresh_from_db()
    assert create_benchmark(run=scene.run, suite="mesc", options=QUICK) != first


def test_a_cancelled_one_is_taken_up_when_asked_again(scene: Scene) -> None:
    first = create_benchmark(run=scene.run, suite="mesc", options=QUICK)
    cancel_benchmark(first)
    again = create_benchmark(run=scene.run, suite="mesc", options=QUICK)
    assert (again, again.state) == (first, JobState.QUEUED)


def test_nobody_computes_what_another_worker_holds(scene: Scene) -> None:
    benchmark = create_benchmark(run=scene.run, suite="mesc", options=QUICK)
    Benchmark.objects.filter(pk=benchmark.pk).update(
        state=JobState.RUNNING,
        lease_token=uuid.uuid4(),
        lease_expires_at=timezone.now() + timedelta(hours=1),
    )
    assert not run_benchmark(benchmark.pk)
    assert Benchmark in job_models()


def test_a_request_to_stop_ends_it(scene: Scene) -> None:
    benchmark = create_benchmark(run=scene.run, suite="mesc", options=QUICK)
    Benchmark.objects.filter(pk=benchmark.pk).update(cancel_requested=True)
    run_benchmark(benchmark.pk)
    benchmark.refresh_from_db()
    assert (benchmark.state, benchmark.result) == (JobState.CANCELLED, {})


def test_a_suite_has_to_fit_the_corpus(scene: Scene) -> None:
    with pytest.raises(InvalidOptionsError, match="holds jsonl dialogues, not those of dfew"):
        create_benchmark(run=scene.run, suite="dfew")
    Corpus.objects.filter(pk=scene.corpus.pk).update(format="letters")
    scene.run.corpus.refresh_from_db()
    with pytest.raises(InvalidOptionsError, match="for which there is no benchmark"):
        create_benchmark(run=scene.run, suite="mesc")
    assert not Benchmark.objects.exists()


def test_a_run_at_work_is_refused_with_how_much_is_there(scene: Scene) -> None:
    run = make_run_with_responses(
        scene.team, scene.corpus, "right", state=JobState.RUNNING, answered=4
    )
    with pytest.raises(WrongStateError, match="still at work: 4 of 18 answers are there"):
        create_benchmark(run=run, suite="mesc")
    run = make_run_with_responses(
        scene.team, scene.corpus, "right", state=JobState.FAILED, answered=0
    )
    with pytest.raises(NothingSelectedError, match="0 of 18 are there"):
        create_benchmark(run=run, suite="mesc")


def test_a_stopped_run_is_measured_and_said_to_be_in_part(scene: Scene) -> None:
    run = make_run_with_responses(
        scene.team, scene.corpus, "right", state=JobState.CANCELLED, answered=12
    )
    report = report_of(measured(create_benchmark(run=run, suite="mesc", options=QUICK)))
    assert report is not None
    assert report.n == 12
    assert "was stopped: 12 of its 18 answers" in report.notes[0]


def test_what_people_said_is_the_ceiling_and_said_to_be(scene: Scene) -> None:
    people = make_run_with_responses(scene.team, scene.corpus, "people")
    report = report_of(measured(create_benchmark(run=people, suite="mesc", options=QUICK)))
    assert report is not None
    assert "nothing was predicted" in report.notes[0]


def test_differences_are_over_what_both_answered(scene: Scene) -> None:
    Response.objects.filter(run=scene.other, stimulus__first_position=0).delete()
    found = measured(
        create_benchmark(run=scene.run, suite="mesc", options=QUICK, against=scene.other)
    )
    paired, report = paired_of(found), report_of(found)
    assert paired is not None
    assert report is not None
    assert (report.n, paired.n, paired.only_run, paired.only_against) == (18, 12, 6, 0)
    by_name = {entry.name: entry for entry in paired.differences}
    assert by_name["client_emotion.accuracy"].difference == 1


def test_runs_that_cannot_be_paired_are_refused(scene: Scene) -> None:
    with pytest.raises(InvalidOptionsError, match="with itself"):
        create_benchmark(run=scene.run, suite="mesc", against=scene.run)
    elsewhere = make_corpus_with_dialogues(scene.team, 1, name="Elsewhere")
    far = make_run_with_responses(scene.team, elsewhere, "right")
    with pytest.raises(InvalidOptionsError, match="answer different corpora"):
        create_benchmark(run=scene.run, suite="mesc", against=far)
    Response.objects.filter(run=scene.run).exclude(stimulus__first_position=0).delete()
    Response.objects.filter(run=scene.other, stimulus__first_position=0).delete()
    with pytest.raises(NothingSelectedError, match="no client turn in common"):
        create_benchmark(run=scene.run, suite="mesc", against=scene.other)


def test_several_runs_are_compared_on_what_all_answered(scene: Scene) -> None:
    third = make_run_with_responses(
        scene.team, scene.corpus, "wrong", state=JobState.CANCELLED, answered=9
    )
    runs = [scene.run, scene.other, third]
    found = [measured(row) for row in compare_runs(runs=runs, options=QUICK)]
    assert [row.against_id for row in found] == [None, scene.run.pk, scene.run.pk]
    reports = [report_of(row) for row in found]
    assert [report.n for report in reports if report] == [9, 9, 9]
    assert reports[0] is not None
    assert any("that all of runs" in note for note in reports[0].notes)
    assert compare_runs(runs=runs, options=QUICK) == found
    with pytest.raises(InvalidOptionsError, match="2 to 8 runs, not 1"):
        compare_runs(runs=[scene.run])
    with pytest.raises(InvalidOptionsError, match="named twice"):
        compare_runs(runs=[scene.run, scene.run])


def test_an_encoder_has_to_be_where_models_may_lie(scene: Scene) -> None:
    with pytest.raises(CheckpointError, match="There is no folder"):
        create_benchmark(run=scene.run, suite="mesc", options=Options(encoder="nowhere/at-all"))


def test_encoders_on_the_pages_are_those_put_into_their_folder(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "VAR", tmp_path)
    assert encoders_here() == []
    (tmp_path / "encoders" / "small").mkdir(parents=True)
    (tmp_path / "encoders" / "small" / "config.json").write_text("{}")
    assert encoders_here() == [("encoders/small", "small")]
    kept = create_benchmark(
        run=scene.run, suite="mesc", options=Options(resamples=100, encoder="encoders/small")
    )
    assert options_of_benchmark(kept).encoder == "encoders/small"
    run_benchmark(kept.pk)
    kept.refresh_from_db()
    assert kept.state == JobState.FAILED  # an empty config is no encoder, and the page says why
    assert kept.error


def test_what_is_left_is_told_by_earlier_ones(scene: Scene) -> None:
    first = create_benchmark(run=scene.run, suite="mesc", options=QUICK)
    now = timezone.now()
    running = {"state": JobState.RUNNING, "started_at": now}
    Benchmark.objects.filter(pk=first.pk).update(**running)
    first.refresh_from_db()
    assert benchmark_progress(first).remaining is None
    before = measured(create_benchmark(run=scene.other, suite="mesc", options=QUICK))
    Benchmark.objects.filter(pk=before.pk).update(
        started_at=now, finished_at=now + timedelta(hours=1)
    )
    remaining = benchmark_progress(first).remaining
    assert remaining is not None
    assert remaining > timedelta(minutes=30)


def test_unknown_options_never_reach_the_figures() -> None:
    from inference.selectors.benchmarks import figure_options

    with pytest.raises(DomainError, match="resamples"):
        figure_options(resamples=1)

"""Which cases a run gives the benchmarks, whatever kind of model answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inference.benchmarks.contract import Label
from inference.models import (
    Dialogue,
    GenerationRun,
    ModelVersion,
    Response,
    Session,
    TrainingRun,
    Turn,
)
from inference.selectors.benchmark_cases import benchmark_cases, run_facts_for_benchmark
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
)
from tests.inference.benchmark_pages.conftest import Scene


def test_truth_is_the_last_client_turn_and_the_reply_that_follows(scene: Scene) -> None:
    Turn.objects.filter(dialogue__external_id="dialogue-000", position=2).update(emotion="anger")
    second = next(c for c in benchmark_cases(scene.run) if c.key == "dialogue-000:2")
    assert second.client_emotion == Label("sadness", "sadness")  # of turn 3, not of turn 2
    assert second.therapist_emotion == Label("neutral", "neutral")
    assert second.strategy == Label("open question", "open question")
    assert second.reference == "It sounds as if you miss her."
    assert second.response.startswith("That sounds hard.")
    assert (second.group, second.fold, second.readable) == ("session-000", "", True)


def test_a_client_turn_that_nobody_answered_has_no_reference(scene: Scene) -> None:
    corpus = make_corpus_with_dialogues(
        scene.team, 1, name="Open end", lines=[("client", "I could not sleep.")]
    )
    (case,) = benchmark_cases(make_run_with_responses(scene.team, corpus, "right"))
    assert case.client_emotion.truth == "sadness"
    assert (case.therapist_emotion.truth, case.strategy.truth, case.reference) == ("", "", "")
    assert case.strategy.predicted == "open question"


@pytest.mark.parametrize("kind", ModelVersion.Kind.values)
def test_every_kind_of_model_gives_cases(scene: Scene, kind: str) -> None:
    path = "" if kind in ("imported", "endpoint", "responses") else "x"
    make_model_version(scene.team, f"a {kind}", kind=kind, path=path)
    run = make_run_with_responses(scene.team, scene.corpus, f"a {kind}")
    cases = list(benchmark_cases(run))
    assert len(cases) == 18
    assert all(case.readable and case.response for case in cases)


def test_errors_and_empty_answers_are_not_readable(scene: Scene) -> None:
    failed, empty = Response.objects.filter(run=scene.run).order_by("pk")[:2]
    Response.objects.filter(pk=failed.pk).update(
        client_emotion="", therapist_emotion="", strategy="", text="", error="no clip"
    )
    Response.objects.filter(pk=empty.pk).update(
        client_emotion="", therapist_emotion="", strategy="", text=""
    )
    assert [case.readable for case in benchmark_cases(scene.run)] == [False] * 2 + [True] * 16
    assert run_facts_for_benchmark(scene.run).failed == 1


def test_only_the_first_of_several_answers_counts(scene: Scene) -> None:
    before = list(benchmark_cases(scene.run))
    for response in Response.objects.filter(run=scene.run):
        response.pk, response.sample, response.client_emotion = None, 1, "disgust"
        response.save()
    assert list(benchmark_cases(scene.run)) == before


def test_a_run_of_emotions_alone_says_nothing_of_replies(scene: Scene) -> None:
    GenerationRun.objects.filter(pk=scene.run.pk).update(options={"task": "emotion"})
    scene.run.refresh_from_db()
    cases = list(benchmark_cases(scene.run))
    assert {case.client_emotion.truth for case in cases} == {"sadness"}
    assert {case.strategy.truth + case.reference for case in cases} == {""}


def test_folds_are_splits_of_that_name(scene: Scene) -> None:
    Dialogue.objects.filter(external_id="dialogue-001").update(split="fold-2")
    assert {case.fold for case in benchmark_cases(scene.run)} == {"", "fold-2"}


def test_sessions_of_one_client_are_one_group(scene: Scene) -> None:
    Session.objects.filter(label__in=["session-000", "session-001"]).update(client="K7")
    groups = {case.group for case in benchmark_cases(scene.run)}
    assert len(groups) == 5
    assert "client K7" in groups


def test_only_client_turns_that_all_runs_answered(scene: Scene) -> None:
    Response.objects.filter(run=scene.other, stimulus__first_position=0).delete()
    runs = [scene.run.pk, scene.other.pk]
    keys = [[case.key for case in benchmark_cases(run, runs)] for run in (scene.run, scene.other)]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 12


def test_cases_are_one_query_and_come_while_they_are_read(scene: Scene) -> None:
    large = make_corpus_with_dialogues(scene.team, 30, name="Large")
    counts = []
    for run in (scene.run, make_run_with_responses(scene.team, large, "right")):
        with CaptureQueriesContext(connection) as queries:
            cases = benchmark_cases(run)
            assert isinstance(cases, Iterator)
            list(cases)
        counts.append(len(queries))
    assert counts == [1, 1]


def test_facts_tell_splits_trainings_and_repetition(scene: Scene) -> None:
    facts = run_facts_for_benchmark(scene.run)
    assert (facts.splits, facts.corpus_format) == (("rate",), scene.corpus.format)
    child = make_model_version(
        scene.team, "child", kind="multimood", path="c", parent=scene.run.model_version
    )
    TrainingRun.objects.create(
        team=scene.team,
        name="first round",
        method="sft",
        base=scene.run.model_version,
        corpus=scene.corpus,
        dataset_path="x",
        config={"split": "rate"},
        result=child,
    )
    assert run_facts_for_benchmark(scene.run).trained_on == ()
    facts = run_facts_for_benchmark(make_run_with_responses(scene.team, scene.corpus, "child"))
    assert facts.trained_on == (
        "“child” was trained on the split “rate” of this corpus (Supervised fine-tuning, “first "
        "round”).",
    )
    make_model_version(scene.team, "people")
    people = make_run_with_responses(scene.team, scene.corpus, "people")
    assert run_facts_for_benchmark(people).repeats_the_corpus

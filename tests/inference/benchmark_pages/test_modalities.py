"""One model with picture and sound, with each alone, and by words alone: same turns, same seed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inference.contracts import GenerationOptions
from inference.errors import (
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    WrongStateError,
)
from inference.models import Corpus, GenerationRun, JobState, ModelVersion, RunGroup, Turn
from inference.selectors.benchmarks import report_of
from inference.selectors.clip_counts import clip_kinds
from inference.selectors.run_groups import runs_of_group, stimuli_of_run
from inference.selectors.run_options import options_of
from inference.services.benchmarks import compare_runs, run_benchmark
from inference.services.generation import create_generation_run
from inference.services.modalities import (
    NothingToCompareError,
    compare_modalities,
    compare_modalities_of_run,
    modality_offers,
)
from mood_eval.models import Team, User
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_sound_clip,
    make_team,
)
from tests.inference.benchmark_pages.conftest import QUICK, Scene, printed, report

ALL = ["av", "a", "v", "text"]


@pytest.fixture
def filmed(scene: Scene) -> Corpus:
    return make_corpus_with_dialogues(scene.team, 2, name="Filmed", clips=True)


@pytest.fixture
def model(scene: Scene) -> ModelVersion:
    return scene.run.model_version


def modalities(runs: list[GenerationRun]) -> list[str]:
    return [options_of(run).modality for run in runs]


def test_four_runs_differ_in_what_is_perceived_alone(filmed: Corpus, model: ModelVersion) -> None:
    asked = GenerationOptions(seed=7, max_new_tokens=16)
    group = compare_modalities(model=model, corpus=filmed, options=asked, limit=4)
    runs = runs_of_group(group)
    assert modalities(runs) == ALL
    assert len({tuple(stimuli_of_run(run)) for run in runs}) == 1
    assert {(options_of(run).seed, options_of(run).max_new_tokens) for run in runs} == {(7, 16)}
    assert {run.total for run in runs} == {4}
    assert {run.state for run in runs} == {JobState.QUEUED}


def test_a_second_click_makes_no_run(filmed: Corpus, model: ModelVersion) -> None:
    first = compare_modalities(model=model, corpus=filmed)
    GenerationRun.objects.filter(groups=first).update(state=JobState.CANCELLED)
    runs = GenerationRun.objects.count()
    assert compare_modalities(model=model, corpus=filmed) == first
    assert compare_modalities_of_run(runs_of_group(first)[2]) == first
    assert GenerationRun.objects.count() == runs
    other = compare_modalities(model=model, corpus=filmed, options=GenerationOptions(seed=1))
    assert other != first
    assert other.name == f"{first.name} (2)"


def test_a_run_is_one_of_the_four(filmed: Corpus, model: ModelVersion) -> None:
    run = create_generation_run(
        team=filmed.team, model_version=model, corpus=filmed, options=GenerationOptions("v")
    )
    group = compare_modalities_of_run(run)
    assert run in runs_of_group(group)
    assert len(runs_of_group(group)) == 4


def test_what_was_cancelled_before_is_answered_again(filmed: Corpus, model: ModelVersion) -> None:
    lost = create_generation_run(
        team=filmed.team, model_version=model, corpus=filmed, options=GenerationOptions("v")
    )
    GenerationRun.objects.filter(pk=lost.pk).update(state=JobState.CANCELLED)
    assert lost not in runs_of_group(compare_modalities(model=model, corpus=filmed))


def test_what_was_answered_before_a_stop_is_not_paid_again(
    filmed: Corpus, model: ModelVersion
) -> None:
    run = create_generation_run(
        team=filmed.team, model_version=model, corpus=filmed, options=GenerationOptions("v")
    )
    GenerationRun.objects.filter(pk=run.pk).update(state=JobState.FAILED, done=3)
    run.refresh_from_db()
    with pytest.raises(WrongStateError, match=f"Resume run {run.pk} first, or its answers"):
        compare_modalities(model=model, corpus=filmed)
    with pytest.raises(WrongStateError, match="stopped with 3 of 6 answers"):
        compare_modalities_of_run(run)
    assert not RunGroup.objects.exists()
    assert GenerationRun.objects.filter(model_version=model, corpus=filmed).count() == 1
    GenerationRun.objects.filter(pk=run.pk).update(state=JobState.QUEUED)
    assert run in runs_of_group(compare_modalities_of_run(run))


def test_only_client_turns_with_a_clip_are_taken(filmed: Corpus, model: ModelVersion) -> None:
    Turn.objects.filter(dialogue__external_id="dialogue-001", position__lt=4).update(clip=None)
    group = compare_modalities(model=model, corpus=filmed)
    kinds = clip_kinds(stimuli_of_run(runs_of_group(group)[0]))
    assert (kinds.stimuli, kinds.with_clip, kinds.seen, kinds.heard) == (4, 4, 4, 4)


def test_sound_alone_leaves_two(scene: Scene, filmed: Corpus, model: ModelVersion) -> None:
    Turn.objects.filter(dialogue__corpus=filmed, speaker="client").update(
        clip=make_sound_clip(filmed)
    )
    assert modalities(runs_of_group(compare_modalities(model=model, corpus=filmed))) == [
        "a",
        "text",
    ]


def test_a_corpus_without_clips_is_refused(scene: Scene, model: ModelVersion) -> None:
    with pytest.raises(NothingSelectedError, match="has a clip"):
        compare_modalities(model=model, corpus=scene.corpus)
    with pytest.raises(NothingToCompareError, match="No client turn here has a clip"):
        compare_modalities_of_run(scene.run)
    assert not RunGroup.objects.exists()


@pytest.mark.parametrize(
    ("kind", "config", "left", "why"),
    [
        ("multimood", {}, ALL, ""),
        ("multimood", {"only_modality": "text"}, ["text"], "may be given one thing only"),
        ("text", {}, ["text"], "takes words only"),
        ("imported", {}, [], "there already"),
        ("responses", {}, [], "there already"),
        ("endpoint", {"url": "http://x/v1", "model": "m"}, ["text"], "takes no pictures"),
        (
            "endpoint",
            {"url": "http://x/v1", "model": "m", "takes": ["text", "frames"]},
            ["v", "text"],
            "takes no sound",
        ),
    ],
)
def test_what_a_model_may_be_given(
    scene: Scene, filmed: Corpus, kind: str, config: dict[str, object], left: list[str], why: str
) -> None:
    path = "x" if kind in ("multimood", "text") else ""
    model = make_model_version(scene.team, "asked", kind=kind, path=path, config=config)
    stimuli = list(filmed.dialogues.values_list("stimuli", flat=True))
    offers = modality_offers(model, GenerationOptions(), clip_kinds(stimuli))
    assert [offer.modality for offer in offers if not offer.why_not] == left
    assert why in " ".join(offer.why_not for offer in offers)


def test_reward_models_and_other_teams_are_refused(
    scene: Scene, filmed: Corpus, model: ModelVersion
) -> None:
    scorer = make_model_version(scene.team, "scorer", kind="reward", path="x")
    with pytest.raises(InvalidOptionsError, match="reward model"):
        compare_modalities(model=scorer, corpus=filmed)
    far = make_corpus_with_dialogues(make_team("Far"), 1, name="Far", clips=True)
    with pytest.raises(DomainError, match="one team"):
        compare_modalities(model=model, corpus=far)


def test_two_clicks_at_once_make_the_runs_once(demo_team: Team) -> None:
    model, corpus = ModelVersion.objects.get(), Corpus.objects.get()
    found: list[RunGroup] = []

    def click() -> None:
        try:
            found.append(compare_modalities(model=model, corpus=corpus, limit=2))
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert len({group.pk for group in found}) == 1
    assert (len(found), GenerationRun.objects.count()) == (4, 4)


def test_the_demonstrations_model_answers_every_way_and_is_compared(demo_team: Team) -> None:
    command = ["compare_modalities", "--model", "tiny", "--corpus", "Demo", "--limit", "3"]
    told = report(*command, "--max-new-tokens", "12", "--wait")
    assert [run["options"]["modality"] for run in told["runs"]] == ALL
    assert {run["state"] for run in told["runs"]} == {"done"}
    assert report(*command, "--max-new-tokens", "12", "--wait")["id"] == told["id"]
    out, _ = printed(*command, "--max-new-tokens", "12")
    assert "Video and audio" in out
    runs = runs_of_group(RunGroup.objects.get())
    for benchmark in compare_runs(runs=runs, options=QUICK):
        assert run_benchmark(benchmark.pk)
        benchmark.refresh_from_db()
        found = report_of(benchmark)
        assert found is not None
        assert found.n == 3


# Pages


def test_one_click_on_a_run_leads_to_its_group(
    scene: Scene, filmed: Corpus, model: ModelVersion, signed_in: Callable[[User], Client]
) -> None:
    run = create_generation_run(team=scene.team, model_version=model, corpus=filmed)
    ada = signed_in(scene.ada)
    page = ada.get(reverse("run_detail", args=[run.pk])).content.decode()
    assert reverse("run_modalities", args=[run.pk]) in page
    answer = ada.post(reverse("run_modalities", args=[run.pk]), follow=True)
    group = RunGroup.objects.get()
    assert answer.redirect_chain == [(reverse("run_group", args=[group.pk]), 302)]
    text = answer.content.decode()
    assert "Audio only" in text
    assert "can be compared once all of them are done" in text
    assert 'hx-trigger="every 3s"' in text
    assert group.name in ada.get(reverse("run_detail", args=[run.pk])).content.decode()
    refused = ada.post(reverse("run_modalities", args=[scene.run.pk]), follow=True)
    assert "no two modalities" in refused.content.decode()


def test_the_models_page_says_what_is_possible_and_starts_it(
    scene: Scene, filmed: Corpus, model: ModelVersion, signed_in: Callable[[User], Client]
) -> None:
    ada, url = signed_in(scene.ada), reverse("model_modalities", args=[model.pk])
    assert url in ada.get(reverse("model_detail", args=[model.pk])).content.decode()
    page = ada.get(url).content.decode()
    assert "No client turn here has a clip with pictures or sound." in page
    refused = ada.post(url, {"corpus": scene.corpus.pk}).content.decode()
    assert "has a clip, so there is nothing but words" in refused
    answer = ada.post(url, {"corpus": filmed.pk, "split": "rate", "limit": 2, "seed": 3})
    group = RunGroup.objects.get()
    assert answer.headers["Location"] == reverse("run_group", args=[group.pk])
    assert {run.total for run in runs_of_group(group)} == {2}
    assert group.name in ada.get(url).content.decode()


def test_the_group_is_watched_until_its_end(
    scene: Scene, filmed: Corpus, model: ModelVersion, signed_in: Callable[[User], Client]
) -> None:
    group = compare_modalities(model=model, corpus=filmed)
    ada, url = signed_in(scene.ada), reverse("run_group", args=[group.pk])
    fragment = ada.get(url, headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()
    GenerationRun.objects.filter(groups=group).update(state=JobState.DONE)
    assert ada.get(url, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    page = ada.get(url).content.decode()
    runs = "&amp;".join(f"run={run.pk}" for run in runs_of_group(group))
    assert f"{reverse('benchmark_compare')}?{runs}" in page
    assert reverse("run_group_study", args=[group.pk]) in page
    GenerationRun.objects.filter(pk=runs_of_group(group)[0].pk).update(
        state=JobState.FAILED, error="the disk is full"
    )
    page = ada.get(url).content.decode()
    assert "the disk is full" in page
    assert "Not all of them are done" in page


@pytest.mark.parametrize(("person", "status"), [("ada", 200), ("rui", 200), ("sam", 404)])
def test_groups_are_the_teams(
    scene: Scene,
    filmed: Corpus,
    model: ModelVersion,
    signed_in: Callable[[User], Client],
    person: str,
    status: int,
) -> None:
    group = compare_modalities(model=model, corpus=filmed)
    client = signed_in(getattr(scene, person))
    pages = [reverse("run_group", args=[group.pk]), reverse("model_modalities", args=[model.pk])]
    assert [client.get(url).status_code for url in pages] == [status] * 2
    run = runs_of_group(group)[0]
    acted = client.post(reverse("run_modalities", args=[run.pk])).status_code
    assert acted == (404 if status == 404 else 302)


def test_pages_ask_the_same_few_queries_however_much_there_is(
    scene: Scene, filmed: Corpus, model: ModelVersion, signed_in: Callable[[User], Client]
) -> None:
    group = compare_modalities(model=model, corpus=filmed)
    ada = signed_in(scene.ada)

    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert ada.get(url).status_code == 200
        return len(found)

    offered = reverse("model_modalities", args=[model.pk])
    before = queries(offered), queries(reverse("run_group", args=[group.pk]))
    for number in range(5):
        make_corpus_with_dialogues(scene.team, 2, name=f"More {number}", clips=True)
    large = make_corpus_with_dialogues(scene.team, 12, name="Large", clips=True)
    other = compare_modalities(model=model, corpus=large)
    assert (queries(offered), queries(reverse("run_group", args=[other.pk]))) == before

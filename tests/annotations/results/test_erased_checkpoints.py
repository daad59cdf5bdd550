"""Models that learned from answers which were erased since are marked, and training stops."""

from __future__ import annotations

import json
import re
import threading
from datetime import timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotations.derivation.rules import DerivationRules
from annotations.models import PreferenceDataset, Study, StudyRater
from annotations.selectors.lineage import MARK, ancestry, erasures_behind, offspring
from annotations.selectors.withdrawals import withdrawals_in
from annotations.services.datasets import copy_release, release_preferences
from annotations.services.erased import ErasedReleaseError
from annotations.services.release_jobs import run_release
from annotations.services.studies import create_study
from annotations.services.training import train_on_release
from annotations.services.withdrawal import withdraw
from inference.errors import DomainError
from inference.models import JobState, ModelVersion, TrainingRun
from inference.preference_files import MANIFEST_FILE
from inference.selectors.cautions import cautions_about_models
from inference.services.training import (
    DatasetWithdrawnError,
    output_folder,
    resume_training_run,
)
from inference.services.training_supervision import run_training
from mood_eval.models import Team, User
from tests.factories import make_run_with_responses, make_user
from tests.processes import wait_until

CONFIG = {
    **{"max_steps": 3, "learning_rate": 1e-3, "batch_size": 2, "device": "cpu"},
    **{"report": False, "sample_stimuli": 0},
}
WHOLE = DerivationRules(splitting="none")


@pytest.fixture
def release(compared_study: Study) -> PreferenceDataset:
    return release_preferences(study=compared_study, rules=WHOLE)


@pytest.fixture
def training(release: PreferenceDataset, tiny: ModelVersion) -> TrainingRun:
    return train_on_release(dataset=release, base=tiny, config=CONFIG)


def learned(training: TrainingRun, name: str = "next") -> ModelVersion:
    """As if it had been trained."""
    base = training.base
    training.result = ModelVersion.objects.create(
        team=base.team, name=name, kind=base.kind, path=base.path, parent=base
    )
    training.state = JobState.DONE
    training.save()
    return training.result


def child_of(model: ModelVersion, name: str) -> ModelVersion:
    return ModelVersion.objects.create(
        team=model.team, name=name, kind=model.kind, path=model.path, parent=model
    )


def erase(study: Study, pseudonym: str = "R1") -> None:
    withdraw(study.raters.select_related("study").get(pseudonym=pseudonym), erase=True)


def text_of(client: Client, url: str) -> str:
    page = client.get(url).content.decode()
    return " ".join(re.sub("<[^>]+>", " ", page).split())


# Which models


@pytest.mark.django_db
def test_whatever_learned_from_the_release_or_comes_from_what_did_is_marked(
    compared_study: Study, release: PreferenceDataset, training: TrainingRun, tiny: ModelVersion
) -> None:
    result = learned(training)
    later, beside = child_of(child_of(result, "later"), "latest"), child_of(tiny, "beside")
    assert erasures_behind(later) == []
    erase(compared_study)
    for model in (result, later):
        (found,) = erasures_behind(model)
        assert (found.dataset, found.learned) == (release, result)
    assert erasures_behind(tiny) == erasures_behind(beside) == []
    sentences = {
        pk: [caution.sentence for caution in cautions]
        for pk, cautions in cautions_about_models([result, later, tiny]).items()
    }
    start = "“next” was trained on release 1 of “First study”, in which answers were erased on "
    assert sentences[result.pk][0].startswith(start)
    assert sentences[later.pk][0].startswith("“latest” comes from “next”, which was trained on ")
    assert sentences.get(tiny.pk, []) == []


@pytest.mark.django_db
def test_a_model_on_the_replacement_is_not_marked(
    compared_study: Study, training: TrainingRun, tiny: ModelVersion
) -> None:
    learned(training)
    erase(compared_study)
    job = compared_study.release_jobs.get()
    assert run_release(job.pk)
    new = PreferenceDataset.objects.get(version=2)
    again = train_on_release(dataset=new, base=tiny, config=CONFIG, name="clean")
    assert erasures_behind(learned(again, "clean")) == []


@pytest.mark.django_db
def test_lines_of_descent_are_followed_to_both_ends_in_one_query_each(
    tiny: ModelVersion,
) -> None:
    line = [tiny]
    for number in range(30):
        line.append(child_of(line[-1], f"m{number}"))
    keys = [model.pk for model in line]
    with CaptureQueriesContext(connection) as counted:
        up, down = ancestry(keys), offspring(keys)
    assert len(counted) == 2
    for place, pk in enumerate(keys):
        assert up[pk] == set(keys[: place + 1])
        assert down[pk] == set(keys[place:])


@pytest.mark.django_db
def test_a_circle_of_parents_ends_the_walk(tiny: ModelVersion) -> None:
    other = child_of(tiny, "other")
    ModelVersion.objects.filter(pk=tiny.pk).update(parent=other)
    assert ancestry([tiny.pk]) == {tiny.pk: {tiny.pk, other.pk}}


# Training under way


@pytest.mark.django_db
def test_a_training_that_waits_does_not_begin(compared_study: Study, training: TrainingRun) -> None:
    assert training.state == JobState.QUEUED
    erase(compared_study)
    training.refresh_from_db()
    assert training.state == JobState.CANCELLED
    assert "holds answers that were erased on" in training.error
    with pytest.raises(DatasetWithdrawnError, match="so nothing is trained on it"):
        resume_training_run(training)
    training.refresh_from_db()
    assert training.state == JobState.CANCELLED


@pytest.mark.django_db(transaction=True)
def test_a_training_under_way_stops_and_leaves_no_model(
    compared_study: Study, release: PreferenceDataset, tiny: ModelVersion
) -> None:
    config = {**CONFIG, "max_steps": 100_000}
    training = train_on_release(dataset=release, base=tiny, config=config)

    def supervise() -> None:
        try:
            run_training(training.pk)
        finally:
            connection.close()

    worker = threading.Thread(target=supervise)
    worker.start()
    try:
        assert wait_until(lambda: TrainingRun.objects.get(pk=training.pk).done >= 2, 120)
    finally:
        erase(compared_study)
        worker.join(120)
    training.refresh_from_db()
    assert (training.state, training.result) == (JobState.CANCELLED, None)
    assert "holds answers that were erased on" in training.error


@pytest.mark.django_db(transaction=True)
def test_a_training_that_was_as_good_as_ended_leaves_no_model(
    compared_study: Study, release: PreferenceDataset, tiny: ModelVersion
) -> None:
    """The answers are erased while its last step is written down."""
    training = train_on_release(dataset=release, base=tiny, config=CONFIG)
    ended: list[int] = []

    def erase_at_the_end(run: TrainingRun) -> None:
        if run.done == CONFIG["max_steps"] and not ended:
            assert wait_until(lambda: is_over(run), 60)
            ended.append(run.done)
            erase(compared_study)

    assert run_training(training.pk, erase_at_the_end)
    assert ended, "the end was not seen"
    training.refresh_from_db()
    assert (training.state, training.result) == (JobState.FAILED, None)
    assert "holds answers that were erased on" in training.error
    assert not ModelVersion.objects.filter(parent=tiny).exists()


def is_over(run: TrainingRun) -> bool:
    return '"end"' in (output_folder(run) / "progress.jsonl").read_text()


@pytest.mark.django_db(transaction=True)
def test_a_training_that_is_asked_for_during_an_erasure_waits_for_it(
    compared_study: Study, release: PreferenceDataset, tiny: ModelVersion
) -> None:
    refused: list[DomainError] = []

    def ask() -> None:
        try:
            train_on_release(dataset=release, base=tiny, config=CONFIG)
        except DomainError as error:
            refused.append(error)
        finally:
            connection.close()

    asking = threading.Thread(target=ask)
    with transaction.atomic():
        erase(compared_study)
        asking.start()
        assert wait_until(lambda: somebody_waits() or not asking.is_alive(), 60)
    asking.join(60)
    assert [type(error) for error in refused] == [ErasedReleaseError]
    assert not TrainingRun.objects.exists()


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
def test_a_worker_that_comes_to_it_later_refuses(
    compared_study: Study, training: TrainingRun
) -> None:
    """As where the training was asked for at the moment of the erasure."""
    erase(compared_study)
    TrainingRun.objects.update(state=JobState.QUEUED, error="")
    assert run_training(training.pk)
    training.refresh_from_db()
    assert training.state == JobState.FAILED
    assert "so nothing is trained on it" in training.error


@pytest.mark.django_db
def test_no_training_starts_on_an_erased_release(
    compared_study: Study, release: PreferenceDataset, tiny: ModelVersion, tmp_path: Path
) -> None:
    copy_release(release, tmp_path / "copy")
    erase(compared_study)
    assert run_release(compared_study.release_jobs.get().pk)
    with pytest.raises(ErasedReleaseError, match="use release 2"):
        train_on_release(dataset=release, base=tiny)
    with pytest.raises(CommandError, match="use release 2"):
        call_command(
            "train", "dpo", f"--dataset={tmp_path / 'copy'}", "--base=tiny", stdout=StringIO()
        )
    assert not TrainingRun.objects.exists()


@pytest.mark.django_db
def test_a_copy_whose_manifest_was_changed_is_known_by_its_rows(
    compared_study: Study, release: PreferenceDataset, tiny: ModelVersion, tmp_path: Path
) -> None:
    copy_release(release, tmp_path / "copy")
    manifest = tmp_path / "copy" / MANIFEST_FILE
    manifest.chmod(0o644)
    manifest.write_text(json.dumps({**release.manifest, "study": {"name": "Another"}}))
    command = ("train", "dpo", f"--dataset={tmp_path / 'copy'}", "--base=tiny")
    erase(compared_study)
    with pytest.raises(CommandError, match="answers in it were erased"):
        call_command(*command, stdout=StringIO())
    assert not TrainingRun.objects.exists()


# Training by the scores of a reward model


def reward_model(training: TrainingRun) -> ModelVersion:
    """Trained further from what learned from the release."""
    model = child_of(learned(training), "judge")
    model.kind = ModelVersion.Kind.REWARD
    model.save()
    return model


def scored(base: ModelVersion, model: ModelVersion, name: str) -> TrainingRun:
    run = TrainingRun.objects.create(
        team=base.team, name=name, method="grpo", base=base, dataset_path="a", dataset_sha256="a"
    )
    run.reward_models.add(model)
    return run


@pytest.mark.django_db
def test_nothing_is_trained_by_scores_that_were_learned_from_erased_answers(
    compared_study: Study, training: TrainingRun, tiny: ModelVersion
) -> None:
    model = reward_model(training)
    waiting, working = (scored(tiny, model, name) for name in ("waiting", "working"))
    clean = scored(tiny, child_of(tiny, "clean"), "goes on")
    in_an_hour = timezone.now() + timedelta(hours=1)
    TrainingRun.objects.filter(pk=working.pk).update(
        state=JobState.RUNNING, lease_token=uuid4(), lease_expires_at=in_an_hour
    )
    erase(compared_study)
    for run in (waiting, working, clean):
        run.refresh_from_db()
    sentence = "“judge” comes from “next”, which was trained on release 1 of “First study”, in "
    assert (waiting.state, working.cancel_requested) == (JobState.CANCELLED, True)
    assert waiting.error == working.error
    assert waiting.error.startswith(sentence)
    assert (clean.state, clean.cancel_requested, clean.error) == (JobState.QUEUED, False, "")
    with pytest.raises(DatasetWithdrawnError, match="So nothing is trained by its scores"):
        resume_training_run(waiting)
    TrainingRun.objects.filter(pk=waiting.pk).update(state=JobState.QUEUED, error="")
    assert run_training(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == JobState.FAILED
    assert waiting.error.startswith(sentence)


@pytest.mark.django_db
def test_no_training_starts_with_such_a_reward_model_and_the_form_marks_it(
    compared_study: Study, training: TrainingRun, tiny: ModelVersion, ada: User, client: Client
) -> None:
    model = reward_model(training)
    new = release_without(compared_study)
    with pytest.raises(DatasetWithdrawnError, match="So nothing is trained by its scores"):
        train_on_release(
            dataset=new, base=tiny, method="grpo", config=CONFIG, reward_models=[model]
        )
    assert not TrainingRun.objects.exclude(pk=training.pk).exists()
    client.force_login(ada)
    page = text_of(client, f"{reverse('training_new')}?method=grpo&release={new.pk}")
    assert f"judge ({MARK})" in page


# Where it is said


@pytest.mark.django_db
def test_every_page_where_a_model_is_picked_says_so(
    compared_study: Study, training: TrainingRun, ada: User, team: Team, client: Client
) -> None:
    result = learned(training)
    corpus = compared_study.study_runs.get(position=0).run.corpus
    make_run_with_responses(team, corpus, "next")
    draft = create_study(
        team=team,
        template="multimood-trust-rating",
        runs=[link.run for link in compared_study.study_runs.all()],
        name="A draft",
    )
    member, stranger = make_user("member@example.org"), make_user("stranger@example.org")
    team.memberships.create(user=member)
    pages = [
        reverse("model_list"),
        reverse("model_detail", args=[result.pk]),
        reverse("training_detail", args=[training.pk]),
        reverse("run_new"),
        reverse("study_replies", args=[draft.pk]),
        f"{reverse('training_new')}?release={release_without(compared_study).pk}",
    ]
    for person in (ada, member):
        client.force_login(person)
        for page in pages:
            assert said(text_of(client, page)), page
    client.force_login(stranger)
    for page in pages:
        assert not said(text_of(client, page)), page


@pytest.mark.django_db
def test_a_training_that_ended_before_says_nothing_of_going_on(
    compared_study: Study, training: TrainingRun, ada: User, client: Client
) -> None:
    learned(training)
    erase(compared_study)
    client.force_login(ada)
    text = text_of(client, reverse("training_detail", args=[training.pk]))
    assert "in which answers were erased on" in text
    assert "cannot be resumed" not in text


def release_without(study: Study) -> PreferenceDataset:
    """Erases, and returns the release that is used from then on."""
    erase(study)
    assert run_release(study.release_jobs.get().pk)
    return PreferenceDataset.objects.get(version=2)


def said(text: str) -> bool:
    return MARK in text or "in which answers were erased on" in text


@pytest.mark.django_db
def test_the_training_page_offers_no_way_to_go_on(
    compared_study: Study, training: TrainingRun, ada: User, client: Client
) -> None:
    erase(compared_study)
    client.force_login(ada)
    url = reverse("training_detail", args=[training.pk])
    text = text_of(client, url)
    assert "It cannot be resumed. Train on the release that replaces this one." in text
    assert "Resume the training" not in text
    page = client.post(reverse("training_resume", args=[training.pk]), follow=True)
    assert "so nothing is trained on it" in page.content.decode()
    training.refresh_from_db()
    assert training.state == JobState.CANCELLED


@pytest.mark.django_db
def test_scripts_read_it_with_the_model(
    compared_study: Study, training: TrainingRun, ada: User, client: Client
) -> None:
    result = learned(training)
    erase(compared_study)
    client.force_login(ada)
    rows = {row["name"]: row for row in client.get("/api/models/").json()["results"]}
    assert "in which answers were erased on" in rows["next"]["cautions"][0]
    assert rows["tiny"]["cautions"] == []
    one = client.get(f"/api/models/{result.pk}/").json()
    assert one["cautions"] == rows["next"]["cautions"]


@pytest.mark.django_db
def test_lists_of_models_take_as_many_queries_for_many(
    compared_study: Study, training: TrainingRun, ada: User, client: Client
) -> None:
    result = learned(training)
    erase(compared_study)
    client.force_login(ada)
    pages = (reverse("model_list"), "/api/models/", reverse("run_new"))

    def queries() -> list[int]:
        counts = []
        for page in pages:
            with CaptureQueriesContext(connection) as counted:
                assert client.get(page).status_code == 200
            counts.append(len(counted))
        return counts

    few = queries()
    for number in range(20):
        child_of(result, f"child-{number}")
    assert queries() == few


@pytest.mark.django_db
def test_the_page_of_withdrawals_names_the_marked_models(
    compared_study: Study, training: TrainingRun, ada: User, client: Client
) -> None:
    later = child_of(learned(training), "later")
    TrainingRun.objects.update(started_at=training.created_at)
    erase(compared_study)
    (withdrawal,) = withdrawals_in(compared_study)
    (held,) = withdrawal.releases
    assert [model.name for model in held.models] == ["next", "later"]
    client.force_login(ada)
    page = client.get(reverse("study_consents", args=[compared_study.pk])).content.decode()
    assert reverse("model_detail", args=[later.pk]) in page


@pytest.mark.django_db
def test_raters_are_told_of_no_model_by_name(
    compared_study: Study, training: TrainingRun, client: Client
) -> None:
    learned(training, "hush-next")
    TrainingRun.objects.update(started_at=training.created_at)
    rater = StudyRater.objects.select_related("user").get(study=compared_study, pseudonym="R1")
    erase(compared_study)
    client.force_login(rater.user)
    page = client.get(reverse("rating_withdraw", args=[rater.uuid])).content.decode()
    assert "Release 1 of" in page
    assert "hush" not in page


@pytest.mark.django_db
def test_a_training_elsewhere_goes_on(
    compared_study: Study, training: TrainingRun, team: Team, tiny: ModelVersion
) -> None:
    """Only what learns from the erased answers stops."""
    untouched = TrainingRun.objects.create(
        team=team, name="file", method="sft", base=tiny, dataset_path="a.jsonl", dataset_sha256="a"
    )
    erase(compared_study)
    untouched.refresh_from_db()
    assert (untouched.state, untouched.error) == (JobState.QUEUED, "")

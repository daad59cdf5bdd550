"""A release as a job: asked for once, made stage by stage, and made whole after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from annotations.derivation.rules import DerivationRules
from annotations.models import PreferenceDataset, ReleaseJob, Study
from annotations.services.datasets import release_folder, release_preferences
from annotations.services.release_jobs import request_release, run_release
from annotations.services.release_staging import (
    PLACE_FILE,
    STAGES,
    STAGING,
    put_in_place,
    staging_folder,
)
from inference.errors import UnknownNameError, WrongStateError
from inference.models import JobState
from inference.preference_files import MANIFEST_FILE
from inference.services.sweeper import job_models, sweep
from mood_eval.models import Team, User
from tests.annotations.releases.conftest import SPLIT, rated_study
from tests.processes import PROJECT, wait_until


def fresh(job: ReleaseJob) -> ReleaseJob:
    return ReleaseJob.objects.select_related("dataset").get(pk=job.pk)


def staged() -> list[Path]:
    folder = settings.VAR / "releases" / STAGING
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


@pytest.mark.django_db
def test_a_job_makes_the_release_and_names_it(study: Study, ada: User) -> None:
    job = request_release(study=study, rules=SPLIT, user=ada)
    assert (job.state, job.total) == (JobState.QUEUED, len(STAGES))
    assert run_release(job.pk)
    job = fresh(job)
    assert (job.state, job.error, job.done, job.step) == (JobState.DONE, "", len(STAGES), "")
    assert job.dataset is not None
    assert job.made
    assert job.dataset.created_by == ada
    assert job.dataset.manifest["rules"] == SPLIT.as_json()
    assert staged() == []


@pytest.mark.django_db
def test_a_second_job_for_the_same_answers_names_the_first_release(study: Study) -> None:
    dataset = release_preferences(study=study, rules=SPLIT)
    job = request_release(study=study, rules=SPLIT)
    run_release(job.pk)
    job = fresh(job)
    assert (job.dataset, job.made) == (dataset, False)


@pytest.mark.django_db
def test_asking_twice_waits_for_the_same_job(study: Study) -> None:
    one = request_release(study=study, rules=SPLIT)
    assert request_release(study=study, rules=SPLIT) == one
    assert request_release(study=study, rules=DerivationRules(margin=3)) != one
    run_release(one.pk)
    assert request_release(study=study, rules=SPLIT) != one


@pytest.mark.django_db
def test_what_cannot_be_released_is_refused_when_asked_for(study: Study) -> None:
    with pytest.raises(UnknownNameError, match="criteria: the study has no criterion warmth"):
        request_release(study=study, rules=DerivationRules(criteria=("warmth",)))
    with pytest.raises(UnknownNameError, match="weights: the study has no criterion overall"):
        request_release(study=study, rules=DerivationRules(weights=(("overall", 1.0),)))
    Study.objects.filter(pk=study.pk).update(state="draft")
    with pytest.raises(WrongStateError, match="draft"):
        request_release(study=study)
    assert not ReleaseJob.objects.exists()


@pytest.mark.django_db
def test_a_job_that_finds_nothing_says_why(study: Study) -> None:
    job = request_release(study=study, rules=DerivationRules(min_votes=9))
    run_release(job.pk)
    job = fresh(job)
    assert job.state == JobState.FAILED
    assert "Dropped: too few votes: " in job.error
    assert staged() == []


def test_release_jobs_are_swept_like_all_others() -> None:
    assert ReleaseJob in job_models()


@pytest.mark.django_db(transaction=True)
def test_stages_are_told_while_the_answers_are_read_as_of_one_moment(
    team: Team, no_releases_yet: None
) -> None:
    job = request_release(study=rated_study(team), rules=SPLIT)
    assert run_release(job.pk)
    assert fresh(job).dataset is not None


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_cancelled_while_it_writes_leaves_nothing(
    team: Team, no_releases_yet: None
) -> None:
    job = request_release(study=rated_study(team), rules=SPLIT)
    ReleaseJob.objects.filter(pk=job.pk).update(cancel_requested=True)
    assert run_release(job.pk)
    assert fresh(job).state == JobState.CANCELLED
    assert staged() == []
    assert not PreferenceDataset.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_release_whose_worker_was_killed_is_made_by_the_next(
    team: Team, no_releases_yet: None, child_environment: dict[str, str]
) -> None:
    """As soon as its folder is whole, and before there is a dataset."""
    job = request_release(study=rated_study(team), rules=SPLIT)
    program = (
        "import django; django.setup(); "
        "from annotations.services.release_jobs import run_release; "
        f"run_release({job.pk})"
    )
    with transaction.atomic():
        Study.objects.select_for_update(no_key=True).get()  # nothing is put in its place
        worker = subprocess.Popen(
            [sys.executable, "-c", program], cwd=PROJECT, env=child_environment
        )
        try:
            assert wait_until(
                lambda: any(list(path.rglob(MANIFEST_FILE)) for path in staged()), 120
            )
        finally:
            worker.kill()
            worker.wait()
    killed = fresh(job)
    assert (killed.state, killed.dataset) == (JobState.RUNNING, None)
    assert killed.step
    (left,) = staged()
    ReleaseJob.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now())
    assert wait_until(lambda: sweep() == 1, 30), "the server notices that nobody is there"
    assert run_release(job.pk)
    job = fresh(job)
    assert (job.state, job.error) == (JobState.DONE, "")
    assert job.dataset is not None
    assert release_folder(job.dataset).is_dir()
    assert not left.exists()
    assert staged() == []
    assert PreferenceDataset.objects.count() == 1


@pytest.mark.django_db
def test_the_folder_of_a_living_release_is_left_alone(no_releases_yet: None) -> None:
    with staging_folder() as one:
        (one / "pairs.jsonl").write_text("{}")
        with staging_folder() as two:
            assert two != one
        assert (one / "pairs.jsonl").read_text() == "{}"
    assert staged() == []


@pytest.mark.django_db
def test_a_worker_that_sees_nothing_of_a_release_leaves_its_folder_alone(study: Study) -> None:
    """Thawed after another one has made the same version."""
    dataset = release_preferences(study=study)
    with transaction.atomic():
        dataset.delete()
        other = release_preferences(study=study, rules=SPLIT)
        transaction.set_rollback(True)
    dataset = PreferenceDataset.objects.get()
    assert (other.version, other.folder != dataset.folder) == (dataset.version, True)
    assert release_folder(dataset).is_dir()


@pytest.mark.django_db
def test_what_was_moved_in_vain_is_removed_once_no_transaction_can_be_open(study: Study) -> None:
    released = release_preferences(study=study)
    folders = [Path(released.folder), Path("releases/study-0/release-1-0000")]
    for folder in folders:
        with suppress(KeyboardInterrupt), staging_folder() as staging:
            if (settings.VAR / folder).exists():
                staging.rmdir()
                (settings.VAR / folder).rename(staging)
            put_in_place(staging, folder)
            raise KeyboardInterrupt
    with staging_folder():
        assert all((settings.VAR / folder).is_dir() for folder in folders)
    for left in staged():
        os.utime(left / PLACE_FILE, (0, 0))
    with staging_folder():
        assert [(settings.VAR / folder).is_dir() for folder in folders] == [True, False]
    assert staged() == []
    assert release_folder(released).is_dir()

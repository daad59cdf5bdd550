"""Somebody erases answers that were released: what is marked, what replaces it, what is refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotations.derivation.rules import DerivationRules
from annotations.models import (
    Amendment,
    DatasetErasure,
    PreferenceDataset,
    Rating,
    ReleaseJob,
    Study,
    StudyRater,
)
from annotations.selectors.erasures import erased_release
from annotations.selectors.withdrawals import taken_back_in, withdrawals_in
from annotations.services.consent import change_permissions
from annotations.services.datasets import (
    find_or_release,
    keep_release,
    make_release,
    release_folder,
    release_preferences,
)
from annotations.services.erased import ErasedReleaseError
from annotations.services.erasures import rules_of, usable_release
from annotations.services.release_jobs import run_release
from annotations.services.withdrawal import withdraw
from inference.models import JobState
from mood_eval.models import Team, User
from tests.annotations.care.conftest import open_study, submit, work
from tests.factories import make_team, make_user
from tests.processes import PROJECT, wait_until

pytestmark = pytest.mark.django_db
WHOLE = DerivationRules(splitting="none")
CHOICES = DerivationRules(splitting="none", evidence="choices")


@pytest.fixture(autouse=True)
def no_releases_yet() -> None:
    shutil.rmtree(settings.VAR / "releases", ignore_errors=True)


def prefer_the_first(rater: StudyRater) -> None:
    for row in work(rater):
        letter = "ab"[row.display_order.index(min(row.display_order))]
        submit(row, "7", f"{letter}2")


def other(place: StudyRater) -> StudyRater:
    return place.study.raters.select_related("study").exclude(pk=place.pk).get()


@pytest.fixture
def mias(place: StudyRater) -> StudyRater:
    return other(place)


@pytest.fixture
def rated(study: Study, place: StudyRater, mias: StudyRater) -> Study:
    """By both."""
    for rater in (place, mias):
        prefer_the_first(rater)
    return study


def run_all_jobs() -> None:
    for job in ReleaseJob.objects.filter(state=JobState.QUEUED):
        assert run_release(job.pk)


def erased(dataset: PreferenceDataset) -> str:
    return str(erased_release(dataset))


def names_in(folder: Path, rater: StudyRater) -> list[str]:
    """Files of a release that name the rater's pseudonym."""
    word = re.compile(rb"\b" + rater.pseudonym.encode() + rb"\b")
    return [file.name for file in sorted(folder.iterdir()) if word.search(file.read_bytes())]


def text_of(client: Client, url: str) -> str:
    page = client.get(url).content.decode()
    return " ".join(re.sub("<[^>]+>", " ", page).split())


# Marking


def test_every_release_that_holds_the_answers_is_marked_and_no_other(
    rated: Study, place: StudyRater, mias: StudyRater
) -> None:
    both = [release_preferences(study=rated, rules=rules) for rules in (WHOLE, CHOICES)]
    change_permissions(place, training=False, release=False)
    without = release_preferences(study=rated, rules=WHOLE)
    assert not names_in(release_folder(without), place)
    withdraw(place, erase=True)
    marks = DatasetErasure.objects.order_by("dataset__version")
    assert [mark.dataset for mark in marks] == both
    assert {tuple(mark.pseudonyms) for mark in marks} == {(place.pseudonym,)}
    assert erased_release(without) is None


def test_kept_answers_mark_nothing(rated: Study, place: StudyRater) -> None:
    dataset = release_preferences(study=rated, rules=WHOLE)
    withdraw(place)
    assert not DatasetErasure.objects.exists()
    assert usable_release(dataset).is_dir()
    withdraw(place, erase=True)
    assert DatasetErasure.objects.get().dataset == dataset, "leaving first does not hide the rest"


def test_releases_by_equal_rules_share_the_job_that_replaces_them(
    rated: Study, place: StudyRater, mias: StudyRater
) -> None:
    first = release_preferences(study=rated, rules=WHOLE)
    Rating.objects.filter(assignment__rater=mias).update(score=8)
    second = release_preferences(study=rated, rules=WHOLE)
    third = release_preferences(study=rated, rules=CHOICES)
    assert len({first.pk, second.pk, third.pk}) == 3
    withdraw(place, erase=True)
    jobs = dict(DatasetErasure.objects.values_list("dataset", "job"))
    assert jobs[first.pk] == jobs[second.pk] != jobs[third.pk]
    assert ReleaseJob.objects.get(pk=jobs[third.pk]).rules == CHOICES.as_json()
    assert ReleaseJob.objects.count() == 2


def test_the_history_says_which_releases_are_no_longer_used(
    rated: Study, place: StudyRater
) -> None:
    release_preferences(study=rated, rules=WHOLE)
    withdraw(place, erase=True)
    note = Amendment.objects.get(study=rated)
    assert note.what == (
        f"Rater {place.pseudonym} left the study, answers erased, release 1 no longer used"
    )


# What replaces it


def test_a_release_without_the_person_takes_its_place(
    rated: Study, place: StudyRater, mias: StudyRater
) -> None:
    old = release_preferences(study=rated, rules=WHOLE)
    assert names_in(release_folder(old), place), "otherwise the test shows nothing"
    withdraw(place, erase=True)
    assert "the release that replaces it is being made" in erased(old)
    run_all_jobs()
    new = PreferenceDataset.objects.get(version=2)
    folder = usable_release(new)
    assert names_in(folder, place) == []
    assert names_in(folder, mias)
    assert rules_of(new) == rules_of(old)
    assert [row.rater for row in new.raters.all()] == [mias]
    answers = [json.loads(line) for line in (folder / "answers.jsonl").open()]
    assert {row["rater"] for row in answers} == {mias.pseudonym}
    assert erased(old).endswith("; use release 2.")


def test_a_second_erasure_is_added_and_both_lead_to_the_last_release(
    team: Team, rui: User, mia: User, max_: User
) -> None:
    study = open_study(team, [rui, mia, max_], overlap=3)
    raters = list(study.raters.select_related("study").order_by("pseudonym"))
    for rater in raters:
        prefer_the_first(rater)
    first = release_preferences(study=study, rules=WHOLE)
    withdraw(raters[0], erase=True)
    run_all_jobs()
    second = PreferenceDataset.objects.get(version=2)
    withdraw(raters[1], erase=True)
    assert DatasetErasure.objects.get(dataset=first).pseudonyms == [
        raters[0].pseudonym,
        raters[1].pseudonym,
    ]
    assert DatasetErasure.objects.get(dataset=second).pseudonyms == [raters[1].pseudonym]
    run_all_jobs()
    assert erased(first).endswith("; use release 3.")
    assert erased(second).endswith("; use release 3.")
    assert f"{raters[0].pseudonym}'s and {raters[1].pseudonym}'s answers" in erased(first)


def test_a_replacement_that_is_replaced_leads_on_to_the_newest(
    rated: Study, place: StudyRater, mias: StudyRater, ada: User
) -> None:
    """Mia's answers came only after the first release, so that her erasure touches the second."""
    change_permissions(mias, training=False, release=False)
    first = release_preferences(study=rated, rules=WHOLE)
    change_permissions(mias, training=True, release=False)
    withdraw(place, erase=True)
    run_all_jobs()
    assert erased(first).endswith("; use release 2.")
    withdraw(mias, erase=True)
    run_all_jobs()
    assert DatasetErasure.objects.get(dataset=first).pseudonyms == [place.pseudonym]
    assert "nothing replaces it: No preference pair comes out" in erased(first)


def test_where_nothing_is_left_the_mark_says_so_in_words(
    rated: Study, place: StudyRater, mias: StudyRater
) -> None:
    withdraw(mias, erase=True)
    dataset = release_preferences(study=rated, rules=WHOLE)
    withdraw(place, erase=True)
    run_all_jobs()
    job = ReleaseJob.objects.get()
    assert (job.state, job.dataset) == (JobState.FAILED, None)
    with pytest.raises(ErasedReleaseError, match="nothing replaces it: No preference pair"):
        usable_release(dataset)


def test_rules_that_can_no_longer_be_followed_keep_nobody_from_leaving(
    rated: Study, place: StudyRater
) -> None:
    """A criterion that the study does not ask: as after a repair of its instrument."""
    made = release_preferences(study=rated, rules=WHOLE)
    old = of_the_first_format(made, {"margin": 3, "criteria": ["gone"]})
    old.raters.create(rater=place, submitted=1)
    withdraw(place, erase=True)
    mark = DatasetErasure.objects.get(dataset=old)
    assert mark.job is not None
    assert mark.job.state == JobState.FAILED
    assert "no criterion gone" in erased(old)
    assert place.assignments.exclude(role="withdrawn").count() == 0


def of_the_first_format(made: PreferenceDataset, filters: dict[str, object]) -> PreferenceDataset:
    return PreferenceDataset.objects.create(
        team=made.team,
        study=made.study,
        version=7,
        folder=made.folder,
        sha256=made.sha256,
        rows=made.rows,
        manifest={"format": "moodeval-preferences/1", "filters": filters, "rules": {"ties": "-"}},
    )


def test_rules_of_the_first_format_are_its_margin_and_criteria(rated: Study) -> None:
    made = release_preferences(study=rated, rules=WHOLE)
    old = of_the_first_format(made, {"margin": 3, "criteria": None})
    assert rules_of(old) == DerivationRules(margin=3.0)
    assert rules_of(made) == WHOLE


def test_an_answer_erased_while_a_release_is_written_is_not_in_it(
    transactional_db: None, rated: Study, place: StudyRater, mias: StudyRater
) -> None:
    """The release has read everything when the person erases; it is then written anew."""
    stages: list[int] = []

    def leave() -> None:
        try:
            withdraw(StudyRater.objects.select_related("study").get(pk=place.pk), erase=True)
        finally:
            connections.close_all()

    def tell(number: int) -> None:
        stages.append(number)
        if stages.count(5) == 1 and number == 5:
            leaving = threading.Thread(target=leave)
            leaving.start()
            leaving.join(60)

    dataset, made = make_release(
        rated, WHOLE, lambda staged: keep_release(rated, staged, None), tell
    )
    assert made
    assert stages.count(0) == 2, "nothing was written anew"
    assert names_in(usable_release(dataset), place) == []
    assert [row.rater for row in dataset.raters.all()] == [mias]


def test_a_real_worker_makes_the_replacement(
    transactional_db: None,
    rated: Study,
    place: StudyRater,
    child_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    old = release_preferences(study=rated, rules=WHOLE)
    withdraw(place, erase=True)
    command = [sys.executable, "-m", "celery", "--app", "mood_eval", "worker"]
    command += ["--queues", "default", "--pool", "solo", "--without-gossip", "--without-mingle"]
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            command, cwd=PROJECT, env=child_environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        assert wait_until(lambda: not ReleaseJob.objects.get().is_active, 60)
    finally:
        worker.terminate()
        worker.wait(30)
    job = ReleaseJob.objects.get()
    assert (job.state, job.made, job.error) == (JobState.DONE, True, "")
    assert job.dataset is not None
    assert names_in(usable_release(job.dataset), place) == []
    assert erased(old).endswith("; use release 2.")


# What is refused, and what is said


def test_an_erased_release_is_refused_with_the_one_to_use_and_can_still_be_cited(
    rated: Study, place: StudyRater
) -> None:
    dataset = release_preferences(study=rated, rules=WHOLE)
    assert usable_release(dataset) == release_folder(dataset)
    withdraw(place, erase=True)
    run_all_jobs()
    words = rf"{place.pseudonym}'s answers in it were erased on \d+ \w+ \d{{4}}; use release 2\."
    with pytest.raises(ErasedReleaseError, match=words):
        usable_release(dataset)
    assert (release_folder(dataset) / "manifest.json").is_file()
    again, made = find_or_release(study=rated, rules=WHOLE)
    assert (again.version, made) == (2, False), "the same answers are not released twice"


def test_the_team_reads_what_was_marked_and_what_replaces_it(
    rated: Study, place: StudyRater, mias: StudyRater, ada: User, max_: User, client: Client
) -> None:
    release_preferences(study=rated, rules=WHOLE)
    withdraw(place, erase=True)
    run_all_jobs()
    change_permissions(mias, training=False, release=False)
    url = reverse("study_consents", args=[rated.pk])
    for person in (ada, max_):
        client.force_login(person)
        text = text_of(client, url)
        assert re.search(
            rf"Release 1, \d+ \w+ \d{{4}} ?: {place.pseudonym}'s answers in it were erased on "
            r"\d+ \w+ \d{4}; use release 2\.",
            text.replace("&#x27;", "'"),
        )
        assert f"{mias.pseudonym}: left out of later releases. Still in release 1," in text
        assert "Whoever leaves and keeps the answers has allowed what was allowed before" in text


def test_only_people_take_consent_back(rated: Study, mias: StudyRater) -> None:
    """A judge whose answers may not be learned from never allowed anything."""
    dataset = release_preferences(study=rated, rules=WHOLE)
    judge = StudyRater.objects.create(
        study=rated, user=make_user("judge@example.org"), kind="llm", pseudonym="J1"
    )
    dataset.raters.create(rater=judge, submitted=1)
    assert taken_back_in(rated) == []
    change_permissions(mias, training=False, release=False)
    assert [row.pseudonym for row in taken_back_in(rated)] == [mias.pseudonym]


def test_neither_raters_nor_strangers_read_the_page(
    rated: Study, place: StudyRater, rui: User, sam: User, client: Client
) -> None:
    release_preferences(study=rated, rules=WHOLE)
    withdraw(place, erase=True)
    for person in (rui, sam):
        client.force_login(person)
        assert client.get(reverse("study_consents", args=[rated.pk])).status_code == 404
    client.logout()
    assert client.get(reverse("study_consents", args=[rated.pk])).status_code == 302


def test_the_page_takes_as_many_queries_for_many_who_left(ada: User, client: Client) -> None:
    def queries(people: int) -> int:
        name = f"{people} raters"
        team = make_team(name, owner=ada)
        users = [make_user(f"rater{n}.of.{people}@example.org") for n in range(people)]
        study = open_study(team, users, overlap=people)
        raters = list(study.raters.select_related("study"))
        for rater in raters:
            prefer_the_first(rater)
        release_preferences(study=study, rules=WHOLE)
        for rater in raters[1:]:
            withdraw(rater, erase=True)
            run_all_jobs()
        with CaptureQueriesContext(connection) as counted:
            assert len(withdrawals_in(study)) == people - 1
        return len(counted)

    assert queries(2) == queries(4)

"""What happens in a study is told: with pseudonyms, together with the act itself, or not at all."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.db import connection, transaction

from annotations.answers import Written
from annotations.models import Assignment, Gate, GateAttempt, Study, StudyRater, WebhookDelivery
from annotations.services.consent import give_consent
from annotations.services.datasets import release_preferences
from annotations.services.flags import set_flag
from annotations.services.gate_decisions import decide_attempt
from annotations.services.invitations import accept_invitation, create_invitations
from annotations.services.rater_files import RaterRow
from annotations.services.rater_imports import import_raters
from annotations.services.ratings import questions_of, submit_assignment
from annotations.services.reassignment import withdraw_rater
from annotations.services.studies import close_study, launch_study
from annotations.services.webhooks import add_webhook, announce, set_active, watch_completion
from annotations.services.withdrawal import withdraw
from mood_eval.models import Team, User
from tests.annotations.webhooks.conftest import EVENTS, draft_study
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_study,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def rui() -> User:
    return make_user("rui@example.org")


@pytest.fixture
def listening(team: Team) -> None:
    add_webhook(team=team, url="http://localhost/hook", events=EVENTS)


@pytest.fixture
def study(team: Team, rui: User, listening: None) -> Study:
    return launch_study(draft_study(team, [rui, make_user("mia@example.org")]))


def told(event: str) -> list[dict[str, Any]]:
    rows = WebhookDelivery.objects.filter(event=event).order_by("pk")
    return [row.payload["facts"] for row in rows]


def place(study: Study, email: str = "rui@example.org") -> StudyRater:
    rater = study.raters.select_related("study").get(user__email=email)
    return give_consent(rater, training=True)


def submit(assignment: Assignment, value: str = "7") -> None:
    submit_assignment(assignment, [Written(name, value, 1) for name in questions_of(assignment)])


def work(rater: StudyRater) -> list[Assignment]:
    return list(rater.assignments.select_related("rater__study", "item__part").order_by("position"))


def test_launch_and_close_are_told(study: Study) -> None:
    assert told("study.launched") == [{"raters": 2, "assignments": 6}]
    close_study(study)
    assert told("study.closed") == [{}]


def test_who_joins_by_a_link_or_a_list_is_told_by_pseudonym(study: Study) -> None:
    (link,) = create_invitations(study=study, by=None, unnamed=1)
    ida = accept_invitation(invitation=link.invitation, user=make_user("ida@example.org"))
    import_raters(study=study, rows=[RaterRow(1, "tom@example.org")], by=None)
    tom = study.raters.get(user__email="tom@example.org")
    assert told("rater.joined") == [
        {"rater": ida.pseudonym, "by": "invitation"},
        {"rater": tom.pseudonym, "by": "list"},
    ]


def test_who_leaves_is_told_whoever_ended_it(study: Study) -> None:
    withdraw(place(study), erase=True, reason="My own reasons.")
    withdraw_rater(rater=place(study, "mia@example.org"), by=None, reason="Away.")
    assert [(row["by"], row["erased"]) for row in told("rater.withdrew")] == [
        *(("rater", True), ("team", False)),
    ]


def test_a_decision_on_the_qualification_is_told(study: Study) -> None:
    rater = place(study)
    gate = Gate.objects.create(part=study.parts.get(), items=2)
    attempt = GateAttempt.objects.create(
        rater=rater, gate=gate, number=1, finished_at=study.launched_at, passed=False
    )
    StudyRater.objects.filter(pk=rater.pk).update(stage="not_qualified", attempt=1)
    decide_attempt(
        attempt=attempt, by=make_user("eve@example.org"), passed=True, reason="Read them."
    )
    (facts,) = told("rater.qualified")
    assert facts == {"rater": rater.pseudonym, "passed": True, "by": "decision"}


def test_a_concern_is_told_once_and_without_its_words(study: Study) -> None:
    item = work(place(study))[0]
    for _ in range(2):
        set_flag(item, "harm", "She says she wants to die.", "A")
    (facts,) = told("flag.raised")
    assert facts["kind"] == "harm"


def test_a_release_is_told_once(team: Team, rui: User, listening: None) -> None:
    corpus = make_corpus_with_dialogues(team, 1)
    runs = [
        make_run_with_responses(team, corpus, name, f"{name}.") for name in ("hush-one", "hush-two")
    ]
    study = make_study(team, runs, [rui], template="multimood-trust-pairwise")
    for assignment in work(place(study)):
        submit(assignment, "a2")
    for _ in range(2):
        dataset = release_preferences(study=study)
    (facts,) = told("dataset.released")
    assert facts == {
        "dataset": dataset.pk,
        "version": 1,
        "rows": dataset.rows,
        "sha256": dataset.sha256,
    }


def test_the_last_answer_completes_the_study_once(
    study: Study, django_capture_on_commit_callbacks: Any
) -> None:
    first, second = place(study), place(study, "mia@example.org")
    *others, last = [*work(first), *work(second)]
    with django_capture_on_commit_callbacks(execute=True):
        for assignment in others:
            submit(assignment)
    assert told("study.completed") == []
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            submit(last)
    assert told("study.completed") == [{}]
    close_study(study)
    assert told("study.completed") == [{}]


def test_a_completion_that_nobody_noticed_is_told_at_the_close(study: Study) -> None:
    for rater in (place(study), place(study, "mia@example.org")):
        for assignment in work(rater):
            submit(assignment)
    assert told("study.completed") == []
    close_study(study)
    assert told("study.completed") == [{}]


def test_without_a_receiver_a_submission_asks_nothing_more(
    team: Team, rui: User, django_assert_num_queries: Any
) -> None:
    study = launch_study(draft_study(team, [rui], overlap=1))
    first, second, _ = work(place(study))
    submit(first)
    with django_assert_num_queries(0):
        watch_completion(study)
    submit(second)
    assert not WebhookDelivery.objects.exists()


def test_no_address_and_nobodys_words_leave_the_house(study: Study) -> None:
    rater = place(study)
    set_flag(work(rater)[0], "other", "Secret words.", "item")
    withdraw(rater, reason="Secret reasons.")
    close_study(study)
    said = json.dumps(list(WebhookDelivery.objects.values_list("payload", flat=True)))
    assert WebhookDelivery.objects.count() >= 4
    for secret in ("@", "Secret", "Hush", "hush-model", "sister"):
        assert secret not in said, secret


def test_only_chosen_events_of_active_receivers_of_the_team_are_told(team: Team, rui: User) -> None:
    chosen = add_webhook(team=team, url="http://localhost/a", events=["study.closed"])
    paused = add_webhook(team=team, url="http://localhost/b", events=EVENTS)
    set_active(paused, False)
    other = Team.objects.create(name="Another lab")
    add_webhook(team=other, url="http://localhost/a", events=EVENTS)
    study = launch_study(draft_study(team, [rui]))
    close_study(study)
    assert [row.webhook for row in WebhookDelivery.objects.all()] == [chosen]


def test_what_did_not_happen_is_not_told(study: Study) -> None:
    with transaction.atomic():
        announce("study.closed", study)
        transaction.set_rollback(True)
    assert told("study.closed") == []


@pytest.mark.django_db(transaction=True)
def test_two_who_submit_the_last_items_at_once_complete_it_once(study: Study) -> None:
    first, second = work(place(study)), work(place(study, "mia@example.org"))
    for assignment in (*first[:-1], *second[:-1]):
        submit(assignment)
    together = threading.Barrier(2)

    def send(assignment: Assignment) -> None:
        together.wait()
        submit(assignment)
        connection.close()

    threads = [threading.Thread(target=send, args=[rows[-1]]) for rows in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Assignment.objects.filter(state="submitted").count() == 6
    assert told("study.completed") == [{}]

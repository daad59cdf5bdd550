"""Two people, or one person twice, at the same moment: two connections to the real database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

import pytest
from django.db import OperationalError, connection, transaction

from annotations.answers import Written
from annotations.models import Assignment, LateAnswer, Rating, Study
from annotations.services.ratings import save_answers
from annotations.services.studies import close_study, create_study
from mood_eval.models import User
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def in_own_connection(act: Callable[[], T]) -> T:
    try:
        return act()
    finally:
        connection.close()


def close_within_200_ms(study: Study) -> None:
    with transaction.atomic():
        connection.cursor().execute("SET LOCAL lock_timeout = '200ms'")
        close_study(study)


@pytest.fixture
def rui() -> User:
    return factories.make_user("rui@example.org")


@pytest.fixture
def study(rui: User) -> Study:
    team = factories.make_team()
    corpus = factories.make_corpus_with_dialogues(team, 1)
    run = factories.make_run_with_responses(team, corpus)
    return factories.make_study(team, [run], [rui])


def test_closing_waits_for_an_answer_that_is_being_saved(study: Study) -> None:
    assignment = Assignment.objects.filter(rater__study=study).select_related("rater")[0]
    saved, go_on = Event(), Event()

    def save_slowly() -> None:
        with transaction.atomic():
            save_answers(assignment, [Written("empathy", "7", 1)])
            saved.set()
            go_on.wait(30)

    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(in_own_connection, save_slowly)
        assert saved.wait(30)
        try:
            with pytest.raises(OperationalError, match="lock timeout"):
                close_within_200_ms(study)
        finally:
            go_on.set()
        saving.result(30)
    close_study(study)
    assert Rating.objects.get().score == 7


def test_an_answer_that_waited_for_the_close_is_late(study: Study) -> None:
    assignment = Assignment.objects.filter(rater__study=study).select_related("rater__study")[0]
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            close_study(study)
            saving = pool.submit(
                in_own_connection,
                lambda: save_answers(assignment, [Written("empathy", "7", 1)]),
            )
            with pytest.raises(TimeoutError):
                saving.result(0.5)
        assert saving.result(30).late == 1
    assert LateAnswer.objects.count() == 1
    assert not Rating.objects.exists()


def test_two_clicks_on_make_the_draft_make_two_drafts(study: Study) -> None:
    runs = [link.run for link in study.study_runs.select_related("run")]

    def draft() -> str:
        return create_study(team=study.team, template="multimood-trust-rating", runs=runs).name

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            first = draft()
            second = pool.submit(in_own_connection, draft)
            with pytest.raises(TimeoutError):
                second.result(0.5)
        assert second.result(30) != first

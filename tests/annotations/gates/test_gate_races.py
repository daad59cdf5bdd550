"""What happens when a rater sends several things at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from annotations.answers import Written
from annotations.models import Assignment, GateAttempt, StudyRater
from annotations.services.ratings import submit_assignment
from tests.annotations.gates.worlds import first_rater, fresh, gated, like_the_panel, open_list

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.mark.parametrize("tries", range(3))
def test_the_last_items_sent_at_once_end_the_attempt_exactly_once(tries: int) -> None:
    rater = first_rater(gated(training=0, items=4))
    rows = open_list(rater)
    answers = {row.pk: like_the_panel(row) for row in rows}
    start = Barrier(len(rows))

    def send(row: Assignment) -> None:
        try:
            start.wait(timeout=30)
            submit_assignment(row, [Written(key, v, 1) for key, v in answers[row.pk].items()])
        finally:
            connection.close()

    with ThreadPoolExecutor(len(rows)) as pool:
        list(pool.map(send, rows))
    attempt = GateAttempt.objects.get(rater=rater)
    assert (attempt.passed, attempt.answers) == (True, 4)
    assert fresh(rater).stage == StudyRater.Stage.RATING


def test_the_last_training_items_sent_at_once_begin_one_attempt() -> None:
    rater = first_rater(gated(training=3, items=4))
    rows = open_list(rater)
    start = Barrier(len(rows))

    def send(row: Assignment) -> None:
        try:
            start.wait(timeout=30)
            submit_assignment(row, [Written("empathy", "5", 1)])
        finally:
            connection.close()

    with ThreadPoolExecutor(len(rows)) as pool:
        list(pool.map(send, rows))
    assert (fresh(rater).stage, fresh(rater).attempt) == (StudyRater.Stage.GATE, 1)
    assert GateAttempt.objects.filter(rater=rater).count() == 1
    assert len(open_list(rater)) == 4

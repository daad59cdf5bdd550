"""What a judge was paid for is kept, whatever it says and whatever else goes wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from annotations.models import Assignment, JudgeAnswer, JudgeRun, Rating
from annotations.selectors.judges import spent_on
from annotations.services.judge_answers import NOT_READ, judgement_in
from annotations.services.judge_work import run_judging
from inference.models import JobState, ModelCall
from mood_eval.models import Team
from tests.annotations.judges.judged_studies import absolute_study, endpoint_judge, start
from tests.annotations.judging.judged import score_questions, shown_of
from tests.answered_studies import (
    add_criterion,
    add_item,
    add_part,
    make_instrument,
    make_study,
)
from tests.chat_server import ChatServer, said
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = pytest.mark.django_db
TWO_NOTES = '{"passage": "That sounds hard", "note": "warm", "note": "cold"}'


def test_an_odd_answer_is_unread_and_the_run_goes_on(team: Team, server: ChatServer) -> None:
    run_of_model = make_run_with_responses(team, make_corpus_with_dialogues(team, 1), "kind")
    instrument = make_instrument("marks")
    add_criterion(instrument, "where", kind="spans")
    study = make_study(team, [run_of_model])
    part = add_part(study, "absolute", instrument)
    for response in run_of_model.responses.order_by("pk"):
        add_item(part, response.stimulus, [response])
    server.answer = lambda asked: f'{{"answers": {{"empathy": 7, "where": [{TWO_NOTES}]}}}}'
    run = start(study, endpoint_judge(team, server.url))
    run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.error) == (JobState.DONE, 3, "")
    assert all("note" in answer.unread["where"] for answer in JudgeAnswer.objects.all())
    assert set(Rating.objects.values_list("criterion__slug", flat=True)) == {"empathy"}


def test_what_ends_the_reading_is_a_reason_and_no_end_of_the_run() -> None:
    """Lists nested almost as deep as they can be read are too deep to be told of in a reason."""
    reasons = set()
    for depth in range(700, 1000):
        text = '{"empathy": ' + "[" * depth + "]" * depth + "}"
        judgement = judgement_in(text, score_questions("empathy"), shown_of())
        assert judgement.values == {}
        reasons.add(judgement.unread["empathy"])
    assert f"{NOT_READ} (RecursionError)" in reasons


class Once:
    """Something that nobody thought of, at the first answer."""

    def __init__(self) -> None:
        self.heard = 0

    def __call__(self, row: JudgeRun) -> None:
        self.heard += 1
        if self.heard == 1:
            raise RuntimeError("never thought of")


def test_a_fault_of_the_platform_loses_no_answer_that_was_under_way(
    team: Team, server: ChatServer
) -> None:
    run = start(absolute_study(team, dialogues=1), endpoint_judge(team, server.url, at_once=3))
    run_judging(run.pk, Once())
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert len(server.paid) == ModelCall.objects.count() == JudgeAnswer.objects.count() == 3
    assert Assignment.objects.filter(rater=run.rater, state="submitted").count() == 3


def test_answers_of_no_use_that_were_under_way_are_in_the_ledger(
    team: Team, server: ChatServer
) -> None:
    server.rule = lambda asked: said("")
    judge = endpoint_judge(team, server.url, at_once=3, tries=1, prompt_price=Decimal(1000))
    run = start(absolute_study(team, dialogues=1), judge)
    run_judging(run.pk, Once())
    assert len(server.paid) == ModelCall.objects.count() == 3
    words = sum(len(asked.text.split()) for asked in server.paid)
    assert spent_on(run) == Decimal(words) / 1000

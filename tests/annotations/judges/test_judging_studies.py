"""A judge set to work on a study: what it is given, what is kept, and what it never counts as."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pytest_django import Settings

from annotations.models import Assignment, Item, JudgeAnswer, Preference, Rating, Study, StudyRater
from annotations.selectors.judge_answers import figures_of
from annotations.selectors.judges import judge_progress, spent_on
from annotations.services.judge_work import run_judging
from annotations.services.judging import cancel_judging, resume_judging
from inference.errors import DomainError, InvalidOptionsError, WrongStateError
from inference.models import JobState, ModelCall
from mood_eval.models import Team, User
from tests.annotations.judges.judged_studies import (
    absolute_study,
    always,
    by_schema,
    endpoint_judge,
    pairwise_study,
    start,
)
from tests.chat_server import ChatServer, failing
from tests.factories import make_model_version, make_team

pytestmark = pytest.mark.django_db


def test_a_judge_scores_every_item_as_a_rater_of_its_own(team: Team, server: ChatServer) -> None:
    study = absolute_study(team)
    run = start(study, endpoint_judge(team, server.url))
    assert run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.total, run.error) == (JobState.DONE, 6, 6, "")
    given = Assignment.objects.filter(rater=run.rater)
    assert set(given.values_list("state", "role", "slot")) == {("submitted", "independent", 1001)}
    scores = Rating.objects.filter(assignment__rater=run.rater)
    assert set(scores.values_list("criterion__slug", "score")) == {
        ("empathy", 7),
        ("safety", 7),
        ("advice", 0),
    }
    assert len(server.paid) == 6
    assert JudgeAnswer.objects.filter(run=run, call__isnull=False).count() == 6


def test_the_account_of_a_judge_lets_nobody_in(team: Team, server: ChatServer) -> None:
    run = start(absolute_study(team), endpoint_judge(team, server.url))
    account = run.rater.user
    assert not account.is_active
    assert not account.has_usable_password()
    assert account.email.endswith(".invalid")
    assert (run.rater.pseudonym, run.rater.kind) == ("J01", "llm")
    assert not account.memberships.exists()


def test_prompt_answer_and_cost_of_each_question_are_kept(team: Team, server: ChatServer) -> None:
    judge = endpoint_judge(team, server.url, prompt_price=Decimal(1000), answer_price=Decimal(0))
    run = start(absolute_study(team, dialogues=1), judge)
    run_judging(run.pk)
    calls = list(ModelCall.objects.order_by("pk"))
    assert [call.purpose for call in calls] == ["judge"] * 3
    sent = {str(asked.messages) for asked in server.paid}
    assert {str(call.prompt) for call in calls} == sent
    assert all(call.raw.startswith('{"rationale"') for call in calls)
    words = sum(len(asked.text.split()) for asked in server.paid)
    assert spent_on(run) == Decimal(words) / 1000


def test_both_orders_make_one_choice(team: Team, server: ChatServer) -> None:
    """This judge always chooses what is shown first: that is no choice."""
    server.answer = always("A clearly")
    study = pairwise_study(team)
    run = start(study, endpoint_judge(team, server.url))
    run_judging(run.pk)
    run.refresh_from_db()
    assert run.done == run.total == 12
    assert not Preference.objects.exclude(preferred=None, strength=0).exists()
    by_question = {row.name: row.steady for row in figures_of(run)}
    assert by_question["Empathy"].orders.value == 0
    assert by_question["Empathy"].first.value == 1


def test_a_judge_that_follows_the_words_prefers_them_in_both_orders(
    team: Team, server: ChatServer
) -> None:
    def kind_one(asked: object) -> str:
        text = str(server.asked[-1].messages[-1]["content"])
        first = text.index("kind one") < text.index("curt one")
        wanted = "A clearly" if first else "B clearly"
        return by_schema(lambda slug, values: wanted)(server.asked[-1])

    server.answer = kind_one
    run = start(pairwise_study(team), endpoint_judge(team, server.url, at_once=1))
    run_judging(run.pk)
    chosen = Preference.objects.filter(assignment__rater=run.rater)
    models = chosen.values_list("preferred__response__run__model_version__name", "strength")
    assert set(models) == {("kind", 2)}


def test_what_cannot_be_read_is_missing_and_counted(team: Team, server: ChatServer) -> None:
    server.answer = always(None)
    server.answer = by_schema(lambda slug, values: 99 if slug == "safety" else values[0])
    run = start(absolute_study(team), endpoint_judge(team, server.url))
    run_judging(run.pk)
    slugs = Rating.objects.values_list("criterion__slug", flat=True)
    assert set(slugs) == {"empathy", "advice"}
    missing = {row.name: row.missing for row in figures_of(run)}
    assert missing == {"Empathy": 0, "Safety": 6, "Advice": 0}
    assert Assignment.objects.filter(rater=run.rater, state="submitted").count() == 6


def test_a_judge_that_answers_in_prose_has_no_rows(team: Team, server: ChatServer) -> None:
    server.answer = lambda asked: "I would rather not say."
    run = start(absolute_study(team, dialogues=1), endpoint_judge(team, server.url))
    run_judging(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.DONE
    assert not Rating.objects.exists()
    assert set(JudgeAnswer.objects.values_list("raw", flat=True)) == {"I would rather not say."}


def test_repetitions_are_asked_and_the_first_one_counts(team: Team, server: ChatServer) -> None:
    scores = iter([3, 4, 3, 4, 3, 4])
    server.answer = lambda asked: always(next(scores))(asked)
    judge = endpoint_judge(team, server.url, at_once=1)
    run = start(absolute_study(team, dialogues=1), judge, repeats=2, temperature=0.7)
    run_judging(run.pk)
    empathy = Rating.objects.filter(criterion__slug="empathy")
    assert list(empathy.values_list("score", flat=True)) == [3, 3, 3]
    assert {asked.body["temperature"] for asked in server.asked} == {0.7}
    assert len({asked.body["seed"] for asked in server.asked}) == 2
    steady = {row.name: row.steady for row in figures_of(run)}["Empathy"]
    assert (steady.repeats.hits, steady.repeats.n, steady.difference) == (0, 3, 1)


def test_the_budget_stops_it_and_more_lets_it_go_on(team: Team, server: ChatServer) -> None:
    judge = endpoint_judge(
        team, server.url, at_once=1, prompt_price=Decimal(0), answer_price=Decimal(100_000)
    )
    run = start(absolute_study(team), judge, budget=Decimal(1))
    run_judging(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert "the budget is 1.00 USD" in run.error
    paid, done = len(server.paid), run.done
    assert 0 < paid == done < 6
    with pytest.raises(InvalidOptionsError, match="larger budget"):
        resume_judging(run)
    resume_judging(run, budget=Decimal(100))
    run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == (JobState.DONE, 6)
    assert len(server.paid) == 6


def test_with_several_questions_under_way_the_budget_holds_all_but_one_answer(
    team: Team, server: ChatServer
) -> None:
    judge = endpoint_judge(
        team, server.url, at_once=4, prompt_price=Decimal(0), answer_price=Decimal(1_000_000)
    )
    server.answer = lambda asked: "one two three four five six seven eight nine ten"  # 10 USD
    run = start(absolute_study(team, dialogues=4), judge, budget=Decimal(55))
    run_judging(run.pk)
    run.refresh_from_db()
    assert spent_on(run) == 60
    assert run.done == 6


def test_questions_without_an_answer_are_counted_and_asked_again(
    team: Team, server: ChatServer
) -> None:
    judge = endpoint_judge(team, server.url, at_once=1, tries=1)
    run = start(absolute_study(team), judge)
    server.script(failing(500))
    run_judging(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert run.error.startswith("1 question got no answer")
    assert judge_progress(run).submitted == 5
    resume_judging(run)
    run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == (JobState.DONE, 6)
    assert len(server.paid) == 6


def test_a_judge_that_does_not_answer_at_all_is_not_asked_on(
    team: Team, server: ChatServer
) -> None:
    server.rule = lambda asked: failing(401, "no such key")
    run = start(absolute_study(team, dialogues=4), endpoint_judge(team, server.url, at_once=1))
    run_judging(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert run.error.startswith("The judge does not answer")
    assert len(server.asked) == 1


def test_a_judge_that_is_out_of_order_is_given_up_after_three_questions(
    team: Team, server: ChatServer
) -> None:
    server.rule = lambda asked: failing(500, "out of order")
    judge = endpoint_judge(team, server.url, at_once=1, tries=1)
    run = start(absolute_study(team, dialogues=4), judge)
    run_judging(run.pk)
    run.refresh_from_db()
    assert run.error.startswith("The judge does not answer")
    assert len(server.asked) == 3


def test_a_question_that_the_judge_refuses_is_missing_and_the_others_are_judged(
    team: Team, server: ChatServer
) -> None:
    refused = iter([False, True, False, False, False, False])
    server.rule = lambda asked: failing(400, "against our rules") if next(refused) else None
    run = start(absolute_study(team), endpoint_judge(team, server.url, at_once=1))
    run_judging(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == (JobState.DONE, 6)
    assert Rating.objects.filter(criterion__slug="empathy").count() == 5
    (reason, times), *_ = figures_of(run)[0].reasons
    assert times == 1
    assert "refuses this question" in reason
    assert "against our rules" in reason


def test_it_can_be_cancelled_between_questions_and_resumed(team: Team, server: ChatServer) -> None:
    run = start(absolute_study(team), endpoint_judge(team, server.url, at_once=1))

    def cancel_after_two(row: object) -> None:
        if len(server.paid) == 2:
            cancel_judging(run)

    run_judging(run.pk, cancel_after_two)
    run.refresh_from_db()
    assert (run.state, run.done) == (JobState.CANCELLED, 2)
    resume_judging(run)
    run_judging(run.pk)
    assert len(server.paid) == 6


def test_figures_of_a_judge_at_work_are_kept_for_the_minute(
    team: Team, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    run = start(absolute_study(team), endpoint_judge(team, server.url))
    run_judging(run.pk)
    run.refresh_from_db()
    run.state = JobState.RUNNING
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    before = figures_of(run)
    JudgeAnswer.objects.filter(run=run).update(unread={"empathy": "is missing"}, values={})
    run.done -= 1
    assert figures_of(run) == before
    monkeypatch.setattr("django.utils.timezone.now", lambda: now + timedelta(minutes=1))
    assert figures_of(run) != before
    run.state = JobState.DONE
    assert figures_of(run) != before


def test_a_second_judge_has_places_and_a_name_of_its_own(team: Team, server: ChatServer) -> None:
    study = absolute_study(team)
    start(study, endpoint_judge(team, server.url))
    other = start(study, endpoint_judge(team, server.url, "other", model="gpt-y"))
    assert other.rater.pseudonym == "J02"
    assert set(other.rater.assignments.values_list("slot", flat=True)) == {1002}
    with pytest.raises(WrongStateError, match="J02 is this judge"):
        start(study, other.judge)
    assert start(study, other.judge, evidence="as_published").rater.pseudonym == "J03"


def test_as_published_it_is_sent_the_response_alone(team: Team, server: ChatServer) -> None:
    judge = endpoint_judge(team, server.url)
    start_and_run = start(absolute_study(team, dialogues=1), judge, evidence="as_published")
    run_judging(start_and_run.pk)
    assert server.paid
    for asked in server.paid:
        material = str(asked.messages[-1]["content"])
        assert "That sounds hard" in material
        assert "sister" not in material


@pytest.mark.parametrize("kind", ["multimood", "reward", "imported", "responses"])
def test_what_cannot_judge_is_refused_with_the_reason(team: Team, kind: str) -> None:
    model = make_model_version(team, "no judge", kind=kind, path="x")
    with pytest.raises(InvalidOptionsError, match="Choose a model behind an address"):
        start(absolute_study(team), model)


def test_refusals_change_nothing(team: Team, server: ChatServer, settings: Settings) -> None:
    judge = endpoint_judge(team, server.url)
    study = absolute_study(team)
    draft = absolute_study_without_items(team)
    elsewhere = endpoint_judge(make_team("Another lab"), server.url)
    before = StudyRater.objects.count()
    for refused, its in ((draft, judge), (study, elsewhere)):
        with pytest.raises(DomainError):
            start(refused, its)
    with pytest.raises(InvalidOptionsError, match="without prices"):
        start(study, judge, budget=Decimal(5))
    settings.ENDPOINT_URLS = []
    with pytest.raises(InvalidOptionsError, match="ENDPOINT_URLS"):
        start(study, judge)
    assert StudyRater.objects.count() == before
    assert not User.objects.filter(email__endswith=".invalid").exists()


def absolute_study_without_items(team: Team) -> Study:
    study = Study.objects.create(
        team=team, name="Empty", template="t", state="open", seed=1, consent_text="I do."
    )
    assert not Item.objects.filter(part__study=study).exists()
    return study

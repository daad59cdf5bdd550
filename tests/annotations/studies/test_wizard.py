"""Ada fills a draft in steps, leaves it, comes back, and launches it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotations.models import AnalysisPlan, Instrument, Study, StudyPart
from annotations.services.study_drafts import start_draft
from inference.models import GenerationRun
from mood_eval.models import Team, User
from tests import factories

pytestmark = pytest.mark.django_db
STEPS = (
    "study_name",
    "study_replies",
    "study_parts",
    "study_sessions",
    "study_texts",
    "study_plan",
    "study_look_over",
)
OTHERS = ("study_part_new", "study_design_report", "study_notes", "study_turns")


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return factories.make_team(owner=ada)


@pytest.fixture
def runs(team: Team) -> list[GenerationRun]:
    corpus = factories.make_corpus_with_dialogues(team, 4)
    return [
        factories.make_run_with_responses(team, corpus, name, text)
        for name, text in (
            ("model-one", "One answer."),
            ("model-two", "Another answer, which is a good deal longer than the first."),
            ("model-three", "A third answer."),
        )
    ]


@pytest.fixture
def signed_in(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def post(client: Client, name: str, study: Study, *args: Any, **fields: Any) -> Any:
    return client.post(reverse(name, args=[study.pk, *args]), fields)


SESSIONS = {"overlap": 2, "block_size": 15, "repeat_percent": 10}
SESSIONS |= {"break_minutes": 25, "daily_minutes": 90}


def test_every_step_of_an_empty_draft_leads_to_an_open_study(
    signed_in: Client, team: Team, runs: list[GenerationRun]
) -> None:
    response = signed_in.post(reverse("study_new"), {"template": "", "name": "First look"})
    study = Study.objects.get(name="First look")
    assert response.headers["Location"] == reverse("study_replies", args=[study.pk])
    keys = [run.pk for run in runs]
    response = post(signed_in, "study_replies", study, runs=keys, limit=4, seed=5)
    assert response.headers["Location"] == reverse("study_parts", args=[study.pk])
    response = post(
        signed_in,
        "study_part_new",
        study,
        design="best_of_n",
        unit="response",
        instrument="shipped:multimood-trust",
        candidates=2,
        with_overall="on",
        resolution="none",
    )
    assert response.headers["Location"] == reverse("study_parts", args=[study.pk])
    post(signed_in, "study_parts", study, response_fields="hidden", rotate_criteria="on")
    emails = "rui@example.org, fresh@example.org"
    post(signed_in, "study_sessions", study, raters=emails, check_in="on", **SESSIONS)
    post(signed_in, "study_texts", study, consent_text="I take part.", flag_readers="Ada Brandt")
    response = post(
        signed_in,
        "study_plan",
        study,
        primary_criteria=["1/empathy", "1/overall"],
        contrasts=[f"{keys[0]}-{keys[1]}"],
        min_active_seconds=5,
        answer_version="first",
        population="stimuli",
        cluster="dialogue",
        stopping_rule="When all is rated.",
    )
    assert response.headers["Location"] == reverse("study_look_over", args=[study.pk])
    page = signed_in.get(response.headers["Location"]).content.decode()
    assert "Before the launch" not in page, "nothing is missing"
    post(signed_in, "study_launch", study, reviewed="on", themes=["suicide"])
    study.refresh_from_db()
    assert study.state == Study.State.OPEN
    assert (study.overlap, study.block_size, study.repeat_share) == (2, 15, 0.1)
    assert (study.break_minutes, study.daily_minutes, study.check_in) == (25, 90, True)
    assert (study.stimulus_limit, study.seed, study.rotate_criteria) == (4, 5, True)
    assert study.flag_readers == "Ada Brandt"
    part = study.parts.get()
    assert (part.design, part.candidates, part.with_strength) == ("best_of_n", 2, False)
    assert part.items.count() == 4
    plan = AnalysisPlan.objects.get(study=study)
    assert plan.contrasts == [[keys[0], keys[1]]]
    assert plan.primary_criteria == ["1/empathy", "1/overall"]
    assert (plan.answer_version, plan.min_active_seconds) == ("first", 5)
    assert plan.frozen_at is not None


def test_a_draft_can_be_left_and_says_what_is_to_be_done(
    signed_in: Client, team: Team, runs: list[GenerationRun]
) -> None:
    study = start_draft(team=team, template="multimood-trust-pairwise")
    page = signed_in.get(reverse("study_detail", args=[study.pk])).content.decode()
    assert "Go on: Whose replies" in page
    assert "1 thing to do" in page, "raters"
    post(signed_in, "study_replies", study, runs=[run.pk for run in runs[:2]], seed=1)
    page = signed_in.get(reverse("study_detail", args=[study.pk])).content.decode()
    assert "Go on: Raters and sessions" in page
    page = signed_in.get(reverse("study_look_over", args=[study.pk])).content.decode()
    assert "only 0 are invited" in page
    post(signed_in, "study_launch", study)
    study.refresh_from_db()
    assert study.state == Study.State.DRAFT


def test_save_stays_on_the_step(signed_in: Client, team: Team, runs: list[GenerationRun]) -> None:
    study = start_draft(team=team)
    keys = [run.pk for run in runs[:2]]
    response = post(signed_in, "study_replies", study, runs=keys, seed=1, stay="1")
    assert response.headers["Location"] == reverse("study_replies", args=[study.pk])


def test_the_count_of_client_turns_follows_runs_and_lengths(
    signed_in: Client, team: Team, runs: list[GenerationRun]
) -> None:
    study = start_draft(team=team)
    url = reverse("study_turns", args=[study.pk])

    def said(**choice: Any) -> str:
        return " ".join(signed_in.get(url, {"seed": 1, **choice}).content.decode().split())

    assert "Choose at least one run" in said()
    assert '<b class="number">12</b> client turns answered' in said(runs=[runs[0].pk, runs[1].pk])
    similar = said(runs=[runs[0].pk, runs[2].pk], longest_ratio=1.5)
    assert '<b class="number">12</b> are shown' in similar
    different = said(runs=[runs[0].pk, runs[1].pk], longest_ratio=1.5)
    assert '<b class="number">0</b> of them with replies of similar length' in different
    assert '<b class="number">3</b> are shown' in said(runs=[runs[0].pk], limit=3)
    study.refresh_from_db()
    assert not study.study_runs.exists(), "counting saves nothing"


def test_forms_say_what_is_wrong(signed_in: Client, team: Team, runs: list[GenerationRun]) -> None:
    study = start_draft(team=team, template="multimood-trust-rating")
    keys = [run.pk for run in runs]
    post(signed_in, "study_replies", study, runs=keys, seed=1)

    def said(page: str, *args: Any, **fields: Any) -> str:
        return signed_in.post(reverse(page, args=[study.pk, *args]), fields).content.decode()

    assert "must not name a model" in said("study_name", name="About model-one")
    assert "Choose at least one run" in said("study_replies", seed=1)
    assert "is not an e-mail address" in said("study_sessions", raters="nobody", **SESSIONS)
    assert "Name who reads flags" in said(
        "study_texts", consent_text="I take part.", flag_reading_times="daily"
    )
    part = {"design": "absolute", "unit": "response", "instrument": "shipped:multimood-trust"}
    assert "Say first when an item is disputed" in said(
        "study_part", 1, resolution="adjudicator", **part
    )
    assert "Select a valid choice" in said(
        "study_plan", primary_criteria=["9/empathy"], answer_version="last"
    )


def test_a_name_is_given_once(signed_in: Client, team: Team) -> None:
    start_draft(team=team, name="First look")
    page = signed_in.post(reverse("study_new"), {"template": "", "name": "First look"})
    assert "already has a study named" in page.content.decode()


def test_what_does_not_belong_to_a_design_is_put_back(signed_in: Client, team: Team) -> None:
    study = start_draft(team=team)
    fields = {"unit": "response", "instrument": "shipped:multimood-trust", "resolution": "none"}
    everything: dict[str, Any] = {"same_raters": "on", "tie_allowed": "on", "with_strength": "on"}
    everything |= {"with_overall": "on", "candidates": 3, "dispute_range": 4}
    for design in StudyPart.Design.values:
        post(signed_in, "study_part_new", study, design=design, **fields, **everything)
    absolute, pairwise, best, ranking = study.parts.order_by("position")
    assert (absolute.same_raters, absolute.dispute_range, absolute.candidates) == (True, 4, 0)
    kept = (absolute.tie_allowed, absolute.with_strength, absolute.with_overall)
    assert kept == (False, False, False)
    assert (pairwise.with_strength, pairwise.candidates, pairwise.same_raters) == (True, 0, False)
    assert (best.candidates, best.with_strength, best.dispute_range) == (3, False, None)
    assert ranking.tie_allowed


def test_parts_move_up_when_one_is_removed(signed_in: Client, team: Team) -> None:
    study = start_draft(team=team, template="multimood-trust-both")
    post(signed_in, "study_part_remove", study, 1)
    part = study.parts.get()
    assert (part.position, part.design) == (1, "pairwise")
    assert post(signed_in, "study_part_remove", study, 2).status_code == 404


def test_an_instrument_of_another_team_cannot_be_used(signed_in: Client, team: Team) -> None:
    study = start_draft(team=team)
    other = Instrument.objects.create(
        team=factories.make_team("Another lab"), slug="theirs", name="Theirs"
    )
    page = signed_in.get(reverse("study_part_new", args=[study.pk])).content.decode()
    assert "Theirs" not in page
    fields = {"design": "absolute", "unit": "response", "resolution": "none"}
    post(signed_in, "study_part_new", study, instrument=str(other.pk), **fields)
    assert not study.parts.exists()


def test_a_plan_of_ones_own_can_be_dropped_again(
    signed_in: Client, team: Team, runs: list[GenerationRun]
) -> None:
    study = start_draft(team=team, template="multimood-trust-rating")
    page = signed_in.get(reverse("study_plan", args=[study.pk])).content.decode()
    assert "This is the usual plan" in page
    assert page.count('name="primary_criteria"') == 7
    AnalysisPlan.objects.create(study=study, primary_criteria=["1/empathy"])
    page = signed_in.get(reverse("study_plan", args=[study.pk])).content.decode()
    assert "This plan is yours" in page
    post(signed_in, "study_plan", study, usual="1")
    assert not AnalysisPlan.objects.filter(study=study).exists()


@pytest.mark.parametrize("name", [*STEPS, *OTHERS])
def test_steps_of_a_draft_exist_for_its_team_alone(
    client: Client, ada: User, team: Team, runs: list[GenerationRun], name: str
) -> None:
    study = factories.make_study(
        team, runs[:2], [factories.make_user("rui@example.org")], launched=False, consented=False
    )
    member = factories.make_user("max@example.org")
    team.memberships.create(user=member)
    sam = factories.make_user("sam@example.org")
    factories.make_team("Another lab", owner=sam)
    url = reverse(name, args=[study.pk])
    for person, status in ((ada, 200), (member, 200), (sam, 404)):
        client.force_login(person)
        assert client.get(url).status_code == status, person
        if status == 404:
            assert client.post(url).status_code in (404, 405), person
    client.force_login(User.objects.get(email="rui@example.org"))
    assert client.get(url).status_code == 404, "a rater"
    client.logout()
    assert client.get(url).status_code == 302


@pytest.mark.parametrize("name", [*STEPS, *OTHERS])
def test_steps_of_a_launched_study_lead_to_its_page(
    signed_in: Client, team: Team, runs: list[GenerationRun], name: str
) -> None:
    study = factories.make_study(team, runs[:2], [factories.make_user("rui@example.org")])
    url = reverse(name, args=[study.pk])
    for response in (signed_in.get(url), signed_in.post(url)):
        assert response.status_code in (302, 405)
        if response.status_code == 302:
            assert response.headers["Location"] == reverse("study_detail", args=[study.pk])


@pytest.mark.parametrize("name", STEPS)
def test_steps_ask_the_database_as_often_for_many_rows_as_for_few(
    signed_in: Client, team: Team, name: str
) -> None:
    def queries(dialogues: int, raters: int) -> int:
        corpus = factories.make_corpus_with_dialogues(team, dialogues, name=f"Corpus {dialogues}")
        made = [
            factories.make_run_with_responses(team, corpus, f"{letter}-{dialogues}")
            for letter in "ab"
        ]
        people = [
            factories.make_user(f"r{number}-{dialogues}@example.org") for number in range(raters)
        ]
        study = factories.make_study(
            team, made, people, template="multimood-trust-both", launched=False, consented=False
        )
        url = reverse(name, args=[study.pk])
        signed_in.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert signed_in.get(url).status_code == 200
        return len(captured)

    assert queries(1, 2) == queries(8, 9)

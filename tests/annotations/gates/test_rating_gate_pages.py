"""What a rater reads on the way to the study's own items."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotations.models import Assignment, GateAttempt, Item, ReferenceAnswer, Study, StudyRater
from annotations.services.gate_decisions import decide_attempt
from annotations.services.studies import close_study
from inference.models import Response
from tests.annotations.gates.worlds import (
    add_panel,
    always,
    answer,
    draft,
    first_rater,
    fresh,
    gated,
    launched,
    open_list,
    team_with_runs,
    unlike_the_panel,
)

pytestmark = pytest.mark.django_db


def client_of(rater: StudyRater) -> Client:
    client = Client()
    client.force_login(rater.user)
    return client


def text_of(response: Any) -> str:
    content: str = response.content.decode()
    return content


def gate_page(rater: StudyRater) -> str:
    response = client_of(rater).get(reverse("rating_gate", args=[rater.uuid]))
    assert response.status_code == 200
    return text_of(response)


def submit(client: Client, assignment: Assignment, value: str) -> Any:
    url = reverse("rating_submit", args=[assignment.pk])
    return client.post(url, {"empathy": value, "sequence": "1"})


def test_the_study_leads_to_the_training_first() -> None:
    rater = first_rater(gated())
    client = client_of(rater)
    response = client.get(reverse("rating_study", args=[rater.uuid]))
    assert response.headers["Location"] == reverse("rating_gate", args=[rater.uuid])
    page = gate_page(rater)
    assert "First, 2 items for training" in page
    assert "a reference, not the truth" in page
    assert "A qualification follows" in page
    assert reverse("rating_item", args=[open_list(rater)[0].pk]) in page


def test_after_each_training_item_the_panels_answer_comes_beside_ones_own() -> None:
    rater = first_rater(gated())
    client = client_of(rater)
    first, second = open_list(rater)
    response = submit(client, first, "7")
    assert response.headers["Location"] == reverse("training_answer", args=[first.pk])
    page = text_of(client.get(response.headers["Location"]))
    panel = ReferenceAnswer.objects.get(item=first.item)
    assert "What the reference panel answered" in page
    assert "<dd>7</dd>" in page
    assert f"<dd>{panel.score}</dd>" in page
    assert panel.explanation in page
    assert reverse("rating_item", args=[second.pk]) in page
    for word in ("correct", "wrong", "well done", "hush"):
        assert word not in page.lower()


def test_after_the_last_training_item_the_qualification_is_announced() -> None:
    rater = first_rater(gated())
    client = client_of(rater)
    answer(rater, always("5"))
    last = rater.assignments.filter(track="training").order_by("-position")[0]
    page = text_of(client.get(reverse("training_answer", args=[last.pk])))
    assert reverse("rating_study", args=[rater.uuid]) in page
    shown = gate_page(rater)
    assert "Now a qualification with 4 items" in shown
    assert "This is attempt 1 of 2." in shown


def test_the_panels_answer_is_seen_of_ones_own_submitted_training_items_only() -> None:
    study = gated(training=1)
    rater, other = study.raters.order_by("pseudonym")
    waiting = open_list(rater)[0]
    url = reverse("training_answer", args=[waiting.pk])
    assert client_of(rater).get(url).status_code == 302
    answer(rater)
    assert client_of(rater).get(url).status_code == 200
    assert client_of(other).get(url).status_code == 404
    owner = Client()
    owner.force_login(study.team.memberships.get().user)
    assert owner.get(url).status_code == 404
    assert Client().get(url).status_code == 302
    for row in (open_list(rater)[0], rater.assignments.filter(track="work")[0]):
        again = reverse("training_answer", args=[row.pk])
        assert client_of(rater).get(again).status_code == 404


def test_items_of_the_qualification_look_like_any_other() -> None:
    rater = first_rater(gated(training=0))
    client = client_of(rater)
    first, second = open_list(rater)[:2]
    page = text_of(client.get(reverse("rating_item", args=[first.pk])))
    assert "Because of" not in page
    response = submit(client, first, "5")
    assert response.headers["Location"] == reverse("rating_item", args=[second.pk])
    assert "1 of 4 qualification items are done." in gate_page(rater)


def test_whoever_passes_reads_so_and_goes_on() -> None:
    rater = first_rater(gated(training=0))
    client = client_of(rater)
    rows = open_list(rater)
    for row in rows:
        score = ReferenceAnswer.objects.get(item=row.item).score
        response = submit(client, row, str(score))
    assert response.headers["Location"] == reverse("rating_gate", args=[rater.uuid])
    page = gate_page(rater)
    assert "The qualification is complete." in page
    assert "(kappa): 1.00. This study asks for more than 0.40." in page
    study_page = client.get(reverse("rating_study", args=[rater.uuid]))
    assert study_page.status_code == 200
    assert "4 items wait for you." in text_of(study_page)


def test_whoever_fails_reads_so_plainly_and_comes_to_the_training_again() -> None:
    rater = first_rater(gated(training=1))
    answer(rater)
    answer(rater, unlike_the_panel)
    page = gate_page(rater)
    assert "differ from the reference panel's more than this study allows." in page
    assert "You can look at the training again." in page
    assert "there is 1 more attempt, with other items." in page
    assert reverse("rating_item", args=[open_list(rater)[0].pk]) in page


def test_after_the_last_attempt_there_are_no_further_items() -> None:
    rater = first_rater(gated(training=0, attempts=1))
    client = client_of(rater)
    rows = open_list(rater)
    for row in rows:
        score = ReferenceAnswer.objects.get(item=row.item).score or 0
        response = submit(client, row, str(11 - score))
    assert response.headers["Location"] == reverse("rating_gate", args=[rater.uuid])
    page = gate_page(rater)
    assert "This was the last attempt" in page
    assert "says nothing about your work elsewhere" in page
    assert client.get(reverse("rating_study", args=[rater.uuid])).status_code == 200


def test_where_figures_decide_nothing_the_rater_waits_for_the_team() -> None:
    rater = first_rater(gated(training=0, attempts=1))
    answer(rater, always("cannot:cannot_tell"))
    page = gate_page(rater)
    assert "Your qualification items are in." in page
    assert "kappa" not in page
    attempt = GateAttempt.objects.get(rater=rater)
    owner = rater.study.team.memberships.get().user
    decide_attempt(attempt=attempt, by=owner, passed=True, reason="We talked.")
    assert "The study's own items follow." in gate_page(rater)


def test_without_consent_or_after_the_close_the_study_page_has_the_word() -> None:
    study = gated()
    rater = first_rater(study)
    StudyRater.objects.filter(pk=rater.pk).update(consented_at=None)
    url = reverse("rating_gate", args=[rater.uuid])
    place = reverse("rating_study", args=[rater.uuid])
    assert client_of(rater).get(url).headers["Location"] == place
    assert client_of(rater).get(place).status_code == 200
    other = study.raters.exclude(pk=rater.pk).get()
    close_study(study)
    assert client_of(other).get(url).status_code == 404
    own = reverse("rating_gate", args=[other.uuid])
    assert client_of(other).get(own).status_code == 302
    assert client_of(other).get(reverse("rating_study", args=[other.uuid])).status_code == 200


def test_of_choices_the_panels_answer_is_told_by_the_letters_that_the_rater_saw() -> None:
    team, runs = team_with_runs()
    part = draft(team, runs, "pairwise")
    add_panel(part, [2, -1, 0], pool=Item.Pool.TRAINING)
    rater = first_rater(launched(part, training_items=3))
    client = client_of(rater)
    for row in open_list(rater):
        said = ReferenceAnswer.objects.select_related("preferred").get(item=row.item)
        submit(client, row, "a2")
        page = text_of(client.get(reverse("training_answer", args=[row.pk])))
        if said.preferred is None:
            assert "<dd>No difference</dd>" in page
            continue
        letter = "AB"[row.display_order.index(said.preferred.response_id)]
        words = "clearly" if said.strength == 2 else "slightly"
        assert f"<dd>{letter} {words}</dd>" in page
        text = Response.objects.get(pk=row.display_order[0]).text
        assert page.index(text) < page.index(Response.objects.get(pk=row.display_order[1]).text)


def test_nothing_of_the_panel_reaches_the_page_of_an_item() -> None:
    study: Study = gated()
    rater = first_rater(study)
    row = fresh(rater).assignments.filter(track="training")[0]
    page = text_of(client_of(rater).get(reverse("rating_item", args=[row.pk])))
    assert "Because of" not in page
    assert "panel" not in page.lower()

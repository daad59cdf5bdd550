"""The team's pages: making a panel, its rules, who passed and why, and deciding."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotations.models import Gate, GateAttempt, Item, Study, StudyPart, StudyRater
from annotations.selectors.gates import GATING_RAISES_AGREEMENT
from annotations.services.studies import close_study
from mood_eval.models import Membership
from tests.annotations.gates.test_panel_files import filled_in
from tests.annotations.gates.test_panel_from_study import scored
from tests.annotations.gates.worlds import (
    add_panel,
    always,
    answer,
    draft,
    first_rater,
    gated,
    launched,
    team_with_runs,
    unlike_the_panel,
)
from tests.answered_studies import make_instrument
from tests.factories import make_user

pytestmark = pytest.mark.django_db
RULES = {
    "training_items": 2,
    "items": 4,
    "statistic": "weighted",
    "threshold": "0.5",
    "attempts": 3,
    "hidden_percent": "10",
}


def owner_client(study: Study) -> Client:
    client = Client()
    client.force_login(study.team.memberships.get().user)
    return client


def a_draft() -> tuple[StudyPart, Client]:
    team, runs = team_with_runs()
    part = draft(team, runs)
    return part, owner_client(part.study)


def address(name: str, part: StudyPart, *more: object) -> str:
    return reverse(name, args=[part.study_id, part.position, *more])


def text_of(response: Any) -> str:
    content: str = response.content.decode()
    return content


# Drafts


def test_an_empty_panel_says_what_to_do_next() -> None:
    part, client = a_draft()
    page = text_of(client.get(reverse("study_gate", args=[part.study_id])))
    assert "The panel has no items yet." in page
    assert address("panel_form", part) in page
    assert address("panel_from_study", part) in page


def test_the_rules_are_saved_and_what_they_lack_is_said() -> None:
    part, client = a_draft()
    response = client.post(address("gate_rules", part), RULES)
    assert response.status_code == 302
    gate = Gate.objects.get(part=part)
    assert (gate.training_items, gate.items, gate.attempts) == (2, 4, 3)
    assert (gate.threshold, gate.hidden_share) == (0.5, 0.1)
    page = text_of(client.get(reverse("study_gate", args=[part.study_id])))
    assert "Training shows 2 items, but 0 of the panel are marked" in page


@pytest.mark.parametrize("wrong", [{"items": 1}, {"threshold": "2"}, {"attempts": ""}])
def test_rules_that_cannot_be_kept_come_back_with_the_reason(wrong: dict[str, object]) -> None:
    part, client = a_draft()
    response = client.post(address("gate_rules", part), RULES | wrong)
    assert response.status_code == 422
    assert "errorlist" in text_of(response)
    assert not Gate.objects.exists()


def test_the_blank_form_comes_as_a_table_for_spreadsheet_programs() -> None:
    part, client = a_draft()
    response = client.get(address("panel_form", part), {"items": "3"})
    assert response["Content-Type"].startswith("text/csv")
    assert response["Content-Disposition"].startswith("attachment")
    content = response.content.decode()
    assert content.startswith("\ufeffstimulus,dialogue")
    assert content.count("dialogue-") == 3
    assert "hush" not in content


def test_a_filled_in_form_is_uploaded_and_its_answers_are_shown_without_models() -> None:
    part, client = a_draft()
    file = io.BytesIO(filled_in(part, "4", explanation="It stays with her."))
    file.name = "panel.csv"
    response = client.post(address("panel_upload", part), {"file": file, "pool": "training"})
    assert response.headers["Location"] == address("panel_items", part)
    page = text_of(client.get(response.headers["Location"]))
    assert "5 items added to the panel; 5 answers in all." in page
    assert page.count("It stays with her.") == 5
    assert "hush" not in page


def test_a_file_with_wrong_cells_adds_nothing_and_lists_the_lines() -> None:
    part, client = a_draft()
    file = io.BytesIO(filled_in(part, "400"))
    file.name = "panel.csv"
    response = client.post(address("panel_upload", part), {"file": file, "pool": "reference"})
    assert response.status_code == 422
    page = text_of(response)
    assert "Nothing was added." in page
    assert "column answer: “400” is no answer to Empathy" in page
    assert not part.items.exists()


def test_a_closed_study_is_looked_at_before_its_items_are_copied() -> None:
    part, source, _ = scored([7, 8], [2, 9], [5, 5])
    client = owner_client(part.study)
    url = address("panel_from_study", part)
    assert "Earlier, part" in text_of(client.get(url))
    assert "R1" in text_of(client.get(url, {"source": source.pk}))
    chosen: dict[str, Any] = {
        "source": source.pk,
        "raters": ["R1", "R2"],
        "tolerance": 1,
        "pool": "reference",
    }
    page = text_of(client.get(url, chosen))
    assert "2 items on which they agree" in page
    assert "1 on which they differ by more" in page
    assert not part.items.exists(), "looking writes nothing"
    assert client.post(url, chosen).status_code == 302
    assert part.items.count() == 2
    assert client.post(url, chosen | {"raters": ["R1"]}).status_code == 422


def test_items_are_marked_changed_and_removed() -> None:
    part, client = a_draft()
    add_panel(part, [2, 9, 5])
    client.post(address("panel_mark", part), {"count": 2})
    assert part.items.filter(pool=Item.Pool.TRAINING).count() == 2
    item = part.items.filter(pool=Item.Pool.TRAINING)[0]
    client.post(address("panel_item_change", part, item.pk), {"act": "reference"})
    assert part.items.filter(pool=Item.Pool.TRAINING).count() == 1
    client.post(address("panel_item_change", part, item.pk), {"act": "remove"})
    assert part.items.count() == 2
    assert "Remove 2 items" in text_of(client.get(address("panel_clear", part)))
    client.post(address("panel_clear", part))
    assert not part.items.exists()


def test_the_list_of_panel_items_asks_as_many_queries_for_twenty_as_for_two() -> None:
    part, client = a_draft()
    counts = []
    for some in (2, 18):
        add_panel(part, [2] * some, skip=part.items.count())
        with CaptureQueriesContext(connection) as captured:
            client.get(address("panel_items", part))
        counts.append(len(captured))
    assert counts[0] == counts[1]


# Running studies


def test_a_running_study_shows_where_each_rater_stands_and_why() -> None:
    study = gated(training=0, items=8, attempts=1, raters=3)
    one, two, three = study.raters.order_by("pseudonym")
    answer(one)
    answer(two, unlike_the_panel)
    answer(three, always("cannot:cannot_tell"))
    page = text_of(owner_client(study).get(reverse("study_gate", args=[study.pk])))
    assert "1 of 3 raters qualified" in page
    assert "1 waits for a decision. 1 did not qualify." in page
    assert GATING_RAISES_AGREEMENT in page
    assert "Kappa 1.00 is above 0.40." in page
    assert "is not above 0.40." in page
    assert "Only 0 of the 8 answers asked for were given" in page
    assert 'role="img" aria-label="Kappa' in page


def test_the_page_asks_as_many_queries_for_twenty_raters_as_for_two() -> None:
    counts = []
    for raters in (2, 20):
        study = gated_in(f"Lab{raters}", raters)
        for rater in study.raters.all():
            answer(rater)
        with CaptureQueriesContext(connection) as captured:
            owner_client(study).get(reverse("study_gate", args=[study.pk]))
        counts.append(len(captured))
    assert counts[0] == counts[1]


def gated_in(name: str, raters: int) -> Study:
    team, runs = team_with_runs(name=name)
    part = draft(team, runs, raters=raters, instrument=make_instrument(name.lower()))
    add_panel(part, [2, 9, 5, 7])
    return launched(part, items=2, attempts=1)


def test_a_decision_is_kept_with_name_and_reason() -> None:
    study = gated(training=0, items=8, attempts=1)
    rater = first_rater(study)
    answer(rater, unlike_the_panel)
    attempt = GateAttempt.objects.get(rater=rater)
    client = owner_client(study)
    url = reverse("gate_decide", args=[study.pk, attempt.pk])
    assert "By question" in text_of(client.get(url))
    assert client.post(url, {"passed": "yes", "reason": ""}).status_code == 422
    response = client.post(url, {"passed": "yes", "reason": "She helped to make the panel."})
    assert response.status_code == 302
    page = text_of(client.get(response.headers["Location"]))
    assert "Decided by ada@care.org: She helped to make the panel." in page
    rater.refresh_from_db()
    assert rater.stage == StudyRater.Stage.RATING


def test_what_the_launch_froze_is_refused_calmly() -> None:
    study = gated()
    part, client = study.parts.get(), owner_client(study)
    assert client.post(address("gate_rules", part), RULES).status_code == 422
    client.post(address("panel_mark", part), {"count": 0})
    client.post(address("panel_clear", part))
    assert part.items.filter(pool=Item.Pool.TRAINING).count() == 4


# Who sees what


Page = Callable[[Study], str]
PAGES: dict[str, Page] = {
    "study_gate": lambda study: reverse("study_gate", args=[study.pk]),
    "panel_items": lambda study: address("panel_items", study.parts.get()),
    "panel_form": lambda study: address("panel_form", study.parts.get()),
    "panel_from_study": lambda study: address("panel_from_study", study.parts.get()),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("person", "status"), [("owner", 200), ("member", 200), ("rater", 404), ("stranger", 404)]
)
def test_only_the_team_sees_the_panel(page: str, person: str, status: int) -> None:
    study = gated()
    member, stranger = make_user("max@example.org"), make_user("sam@example.org")
    owner = study.team.memberships.get().user
    Membership.objects.create(team=study.team, user=member)
    people = {
        "owner": owner,
        "member": member,
        "rater": first_rater(study).user,
        "stranger": stranger,
    }
    client = Client()
    client.force_login(people[person])
    assert client.get(PAGES[page](study)).status_code == status


@pytest.mark.parametrize("page", PAGES)
def test_a_member_who_rates_sees_no_panel_before_the_close(page: str) -> None:
    study = gated()
    rater = first_rater(study)
    Membership.objects.create(team=study.team, user=rater.user)
    client = Client()
    client.force_login(rater.user)
    shown = text_of(client.get(PAGES[page](study)))
    assert "You rate in this study" in shown
    assert "Because of" not in shown
    close_study(study)
    after = client.get(PAGES[page](study))
    assert "You rate in this study" not in text_of(after)


def test_an_attempt_of_another_study_is_not_found() -> None:
    study = gated(training=0)
    other = gated_in("Elsewhere", 1)
    attempt = GateAttempt.objects.filter(rater__study=other)[0]
    url = reverse("gate_decide", args=[study.pk, attempt.pk])
    assert owner_client(study).get(url).status_code == 404

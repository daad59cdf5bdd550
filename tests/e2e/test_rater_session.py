"""A rater's session around the items, in Chromium: agreeing, pausing, guessing, leaving."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotations.models import (
    Consent,
    DatasetTraining,
    Flag,
    Rating,
    SourceGuess,
    Study,
    StudyRater,
)
from annotations.services.datasets import release_preferences
from annotations.services.flags import set_flag
from annotations.services.ratings import skip_assignment
from annotations.services.studies import close_study
from annotations.services.withdrawal import withdraw
from inference.models import ModelVersion, TrainingRun
from mood_eval.models import Team, User
from tests.annotations.care.conftest import open_study, submit, work
from tests.e2e.conftest import SignIn
from tests.factories import make_team, make_user

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SHOTS = os.environ.get("MOODEVAL_SHOTS", "")
"""A folder for pictures of the pages, to look at; empty takes none."""


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org", first_name="Ada", last_name="Lopes")


@pytest.fixture
def team(ada: User) -> Team:
    return make_team(owner=ada)


@pytest.fixture
def rui() -> User:
    return make_user("rui@example.org")


@pytest.fixture
def mia() -> User:
    return make_user("mia@example.org")


def place_of(study: Study, user: User) -> StudyRater:
    return study.raters.select_related("study").get(user=user)


def change(study: Study, **fields: Any) -> None:
    Study.objects.filter(pk=study.pk).update(**fields)


def finish(place: StudyRater) -> None:
    for row in work(place):
        letter = "ab"[row.display_order.index(min(row.display_order))]
        submit(row, "7", f"{letter}2", comment="Hm.")


def check(page: Page, name: str) -> None:
    """Accessible, and nothing to scroll sideways, on a laptop and on a phone."""
    for width, size in (("1280", LAPTOP), ("390", PHONE)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{name}-{width}.png", full_page=True)
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        problems = [
            (rule["id"], [node["target"] for node in rule["nodes"]][:3])
            for rule in found.response["violations"]
        ]
        assert not problems, (name, width, problems)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, (name, width)
    page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]


def test_agreeing_to_three_things_with_the_keyboard(team: Team, rui: User, sign_in: SignIn) -> None:
    study = open_study(team, [rui], consented=False)
    page = sign_in(rui)
    page.goto("/rate/")
    check(page, "home")
    page.get_by_role("link", name="Start").click()
    check(page, "consent")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)
    page.get_by_label("I have read this and agree to take part.").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("18 items wait for you.")
    consent = Consent.objects.get()
    assert (consent.rating, consent.training, consent.release) == (True, False, True)
    check(page, "welcome")

    page.get_by_role("link", name="About you", exact=True).click()
    check(page, "about")
    page.get_by_label("Profession or training").fill("Clinical psychologist")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    assert place_of(study, rui).profession == "Clinical psychologist"

    page.get_by_role("link", name="What you agreed to").click()
    check(page, "agreement")
    page.get_by_label("My answers may be used to train models.").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row")).to_have_count(3)
    assert place_of(study, rui).allows_training


def test_a_block_ends_with_a_question_that_nobody_hears(
    team: Team, rui: User, sign_in: SignIn
) -> None:
    study = open_study(team, [rui])
    change(study, block_size=2, check_in=True, contacts="Ask for Noa, 0800 1.")
    place = place_of(study, rui)
    for row in work(place)[:2]:
        submit(row)
    page = sign_in(rui)
    page.goto(f"/rate/{place.uuid}/")
    expect(page.locator("h1")).to_have_text("Block 1 of 9 is complete. You can stop here.")
    check(page, "block")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    contacts = page.locator("details").get_by_text("Ask for Noa, 0800 1.")
    expect(contacts).to_be_hidden()
    page.get_by_text("Talk to someone").click()
    expect(contacts).to_be_visible()
    check(page, "block-talk")
    assert [url for url in requests if "axe" not in url] == []
    page.get_by_role("link", name="Fine").click()
    expect(page.locator("h1")).to_have_text("Item 3 of 18", use_inner_text=True)


def test_pauses_and_the_end_of_the_day_are_calm_pages(
    team: Team, rui: User, sign_in: SignIn
) -> None:
    study = open_study(team, [rui])
    place = place_of(study, rui)
    submit(work(place)[0])
    page = sign_in(rui)
    page.goto(f"/rate/{place.uuid}/?pause=1")
    expect(page.locator("h1")).to_have_text("You have rated for 30 minutes. A pause helps.")
    check(page, "pause")
    page.get_by_role("link", name="Continue").click()
    expect(page.locator("h1")).to_have_text("Item 2 of 18", use_inner_text=True)
    change(study, daily_minutes=60)
    StudyRater.objects.update(day=timezone.localdate(), day_active_ms=61 * 60_000)
    page.goto(f"/rate/{place.uuid}/")
    expect(page.locator("h1")).to_have_text("That is enough for today.")
    check(page, "enough")


def test_sources_are_guessed_at_the_end(team: Team, rui: User, sign_in: SignIn) -> None:
    study = open_study(team, [rui])
    change(study, guess_sources=True)
    place = place_of(study, rui)
    finish(place)
    page = sign_in(rui)
    page.goto(f"/rate/{place.uuid}/")
    check(page, "done")
    page.get_by_role("link", name="Guess the sources").click()
    check(page, "guesses")
    first = page.get_by_role("group").first
    first.get_by_label("A computer model").check()
    page.get_by_role("group").nth(1).get_by_label("I can't say").check()
    page.get_by_role("button", name="Send").click()
    expect(
        page.get_by_role("status").filter(has_text="kept apart from your ratings")
    ).to_be_visible()
    assert sorted(SourceGuess.objects.values_list("guess", flat=True)) == ["model", "unsure"]


def test_taking_ones_record_along_and_leaving_without_scripts(
    team: Team, ada: User, rui: User, mia: User, sign_in: SignIn
) -> None:
    study = open_study(team, [rui, mia])
    place = place_of(study, rui)
    finish(place)
    release = release_preferences(study=study)
    run = TrainingRun.objects.create(
        team=team,
        name="first-training",
        method="dpo",
        base=ModelVersion.objects.filter(team=team)[0],
        dataset_path=release.folder,
        started_at=datetime(2026, 5, 4, tzinfo=UTC),
    )
    DatasetTraining.objects.create(dataset=release, training_run=run)
    page = sign_in(rui)
    page.goto(f"/rate/{place.uuid}/record/")
    check(page, "record")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as JSON").click()
    record = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert len(record["items"]) == 18
    page.goto("/rate/recorded/")
    check(page, "recorded")
    page.goto(f"/rate/{place.uuid}/withdraw/")
    check(page, "withdraw")

    scriptless = sign_in(rui, java_script_enabled=False)
    scriptless.goto(f"/rate/{place.uuid}/withdraw/")
    scriptless.get_by_label("Stop, and erase my answers").check()
    scriptless.get_by_role("button", name="Leave the study").click()
    expect(scriptless.locator("h1")).to_have_text("You have left this study.")
    assert not Rating.objects.filter(assignment__rater=place).exists()
    page.goto(f"/rate/{place.uuid}/")
    check(page, "withdrawn")
    team_page = sign_in(ada)
    team_page.goto(f"/studies/{study.pk}/consents/")
    expect(team_page.get_by_text("trained on 1 time")).to_be_visible()
    check(team_page, "consents")


def test_the_other_pages_between_items(team: Team, rui: User, sign_in: SignIn) -> None:
    study = open_study(team, [rui])
    place = place_of(study, rui)
    skip_assignment(work(place)[0])
    page = sign_in(rui)
    page.goto(f"/rate/{place.uuid}/")
    expect(page.get_by_role("link", name="Item 1", exact=True)).to_be_visible()
    check(page, "welcome-skipped")
    StudyRater.objects.update(stage="not_qualified")
    page.goto(f"/rate/{place.uuid}/")
    check(page, "not-qualified")
    StudyRater.objects.update(stage="rating")
    change(study, consent_text="New words.")
    page.goto(f"/rate/{place.uuid}/")
    expect(page.locator("h1")).to_have_text("The agreement has changed")
    close_study(study)
    page.goto(f"/rate/{place.uuid}/")
    check(page, "closed")
    withdraw(place)
    page.goto("/rate/")
    check(page, "home-left")


def test_a_concern_is_read_by_a_named_person(
    team: Team, ada: User, rui: User, sign_in: SignIn
) -> None:
    study = open_study(team, [rui])
    change(study, flag_readers="Ada Lopes", flag_reading_times="Mondays and Thursdays")
    place = place_of(study, rui)
    scriptless = sign_in(rui, java_script_enabled=False)
    row = work(place, "pairwise")[0]
    set_flag(row, "harm", "It pushes her to decide now.", "B")
    set_flag(row, "fault", "", "item")
    scriptless.goto(f"/rate/item/{row.pk}/")
    token = scriptless.locator("form#flag input[name=csrfmiddlewaretoken]").first
    expect(token).to_be_attached()
    page = sign_in(ada)
    page.goto(f"/studies/{study.pk}/flags/")
    expect(page.get_by_role("row")).to_have_count(3)
    check(page, "flags")
    page.get_by_role("link", name="Possible risk of harm").click()
    check(page, "flag")
    page.get_by_label("What was done about it").fill("Taken out; the model's team was told.")
    page.get_by_role("button", name="Mark as read").click()
    expect(page.get_by_role("row").filter(has_text="Possible risk")).to_contain_text("Ada Lopes")
    assert Flag.objects.get(kind="harm").read_by == ada
    page.goto(f"/studies/{study.pk}/")
    expect(page.get_by_role("link", name="2 concerns flagged")).to_be_visible()

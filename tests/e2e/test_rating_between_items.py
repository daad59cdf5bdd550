"""What happens around an item: two tabs, the content note, skipping, and the next one in memory."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.apps import apps
from django.urls import reverse
from playwright.sync_api import Page, Request, Route, expect

from annotations.models import Assignment, LateAnswer, Rating
from annotations.services.studies import close_study
from mood_eval.models import User
from tests import factories
from tests.e2e.conftest import SignIn
from tests.e2e.rating_pages import focused, open_item
from tests.processes import wait_until
from tests.rating_items import item_of, open_study

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

SAVED = re.compile(r"Saved \d\d:\d\d")
CRITERIA: tuple[dict[str, Any], ...] = ({"slug": "safety"}, {"slug": "empathy"})
NOTE = {"content_note": "suicide"}


@pytest.fixture
def rui(transactional_db: None) -> User:
    return factories.make_user("rui@example.org")


def click(page: Page, name: str, value: str) -> None:
    page.locator(f"label:has(input[name='{name}'][value='{value}'])").click()


def expect_item(page: Page, number: int, total: int = 2) -> None:
    expect(page.locator("h1")).to_have_text(f"Item {number} of {total}", use_inner_text=True)


def versions() -> list[int | None]:
    events = apps.get_model("annotations", "RatingEvent").objects.order_by("pgh_id")
    return list(events.values_list("score", flat=True))


# Two tabs


def two_tabs(rui: User, sign_in: SignIn) -> tuple[Page, Page, Assignment]:
    study = open_study(rui, CRITERIA)
    page = sign_in(rui)
    assignment = open_item(page, study)
    other = page.context.new_page()
    open_item(other, study)
    return page, other, assignment


def test_both_answers_of_two_tabs_are_kept_and_the_chosen_one_counts(
    rui: User, sign_in: SignIn
) -> None:
    page, other, assignment = two_tabs(rui, sign_in)
    click(page, "safety", "6")
    expect(other.locator("#notice")).to_contain_text(
        "Safety has a different answer in another tab."
    )
    click(other, "safety", "8")
    expect(page.locator("#notice")).to_contain_text("Safety has a different answer")
    page.get_by_role("button", name="Keep this").click()
    expect(page.locator("#notice")).to_be_hidden()
    expect(other.locator("#notice")).to_contain_text("Safety has a different answer")
    other.get_by_role("button", name="Use the other").click()
    expect(other.locator("input[name=safety][value='6']")).to_be_checked()
    assert wait_until(lambda: Rating.objects.get(assignment=assignment).score == 6, 10)
    assert versions() == [6, 8, 6]


def test_two_tabs_without_a_connection_send_both_answers_later(rui: User, sign_in: SignIn) -> None:
    page, other, assignment = two_tabs(rui, sign_in)
    page.context.set_offline(True)
    click(page, "safety", "6")
    expect(other.locator("#notice")).to_contain_text("Safety has a different answer")
    click(other, "safety", "8")
    page.get_by_role("button", name="Use the other").click()
    expect(page.locator("#save-state")).to_have_text("Not sent yet")
    page.context.set_offline(False)
    expect(page.locator("#save-state")).to_have_text(SAVED)
    assert wait_until(lambda: Rating.objects.get(assignment=assignment).score == 8, 10)
    assert wait_until(lambda: versions()[:2] == [6, 8], 10)


def test_an_item_fetched_beforehand_is_fetched_again_once_another_tab_answered_it(
    rui: User, sign_in: SignIn
) -> None:
    study = open_study(rui, CRITERIA)
    page = sign_in(rui)
    with page.expect_response(f"**/rate/item/{item_of(study, 2).pk}/"):
        open_item(page, study)
    other = page.context.new_page()
    open_item(other, study, 2)
    click(other, "safety", "9")
    expect(other.locator("#save-state")).to_have_text(SAVED)
    answer_both(page)
    page.click("#submit")
    expect_item(page, 2)
    expect(page.locator("input[name=safety][value='9']")).to_be_checked()


# The next item


def answer_both(page: Page) -> None:
    click(page, "safety", "6")
    click(page, "empathy", "7")


def test_the_next_item_and_its_clip_are_there_before_they_are_wanted(
    rui: User, sign_in: SignIn
) -> None:
    study = open_study(rui, CRITERIA, clips=True, items=3)
    page = sign_in(rui)
    second = item_of(study, 2)
    with page.expect_response(f"**/rate/item/{second.pk}/clip/1"):
        open_item(page, study)
    page.wait_for_timeout(300)
    page.evaluate("window.sameDocument = true")
    page.context.set_offline(False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer_both(page)
    page.click("#submit")
    expect_item(page, 2, 3)
    assert page.evaluate("window.sameDocument") is True, "no new page load"
    assert page.url.endswith(f"/rate/item/{second.pk}/")
    assert focused(page) == "item"
    assert not [url for url in asked if f"{second.pk}/clip" in url]
    video = page.locator("video").first
    assert str(video.get_attribute("src")).startswith("blob:")
    assert wait_until(lambda: video.evaluate("v => v.readyState >= 2"), 10)
    page.keyboard.press("p")
    assert wait_until(lambda: video.evaluate("v => v.currentTime > 0"), 10)
    page.locator("#q-safety input").first.focus()
    page.keyboard.press("5")
    expect(page.locator("#save-state")).to_have_text(SAVED)
    assert Rating.objects.get(assignment=second).score == 5
    page.go_back()
    expect_item(page, 1, 3)
    expect(page.locator("input[name=safety][value='6']")).to_be_checked()
    page.go_forward()
    expect_item(page, 2, 3)
    expect(page.locator("input[name=safety][value='5']")).to_be_checked()


def test_rating_goes_on_from_item_to_item_to_the_end(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, CRITERIA, items=3)
    page = sign_in(rui)
    open_item(page, study)
    for number in (1, 2, 3):
        expect_item(page, number, 3)
        with page.expect_response("**/next"):
            pass
        page.wait_for_timeout(300)
        answer_both(page)
        page.click("#submit")
    page.wait_for_url(f"**/rate/{study.raters.get().uuid}/**")
    states = Assignment.objects.filter(rater__study=study).values_list("state", flat=True)
    assert set(states) == {Assignment.State.SUBMITTED}
    assert Rating.objects.count() == 6


def test_a_double_click_on_submit_submits_once(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, CRITERIA)
    page = sign_in(rui)
    open_item(page, study)
    answer_both(page)
    sent: list[str] = []

    def note(request: Request) -> None:
        sent.append(request.url)

    page.on("request", note)
    page.locator("#submit").dblclick()
    expect_item(page, 2)
    assert len([url for url in sent if url.endswith("/submit")]) == 1


# Skipping and the content note


def test_skipping_may_give_a_reason(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, CRITERIA)
    page = sign_in(rui)
    open_item(page, study)
    page.locator(".foot").get_by_role("button", name="Skip").click()
    page.get_by_label("Why, if you like to say").fill("I know this person.")
    page.locator("#skip").get_by_role("button", name="Skip").click()
    expect_item(page, 2)
    skipped = item_of(study)
    assert (skipped.state, skipped.skip_reason) == ("skipped", "I know this person.")


def test_a_content_note_covers_clip_and_text_until_they_are_wanted(
    rui: User, sign_in: SignIn
) -> None:
    study = open_study(rui, CRITERIA, clips=True, item_fields=NOTE)
    page = sign_in(rui)
    open_item(page, study)
    cover = page.locator("#cover")
    expect(cover).to_contain_text("The next item mentions suicide.")
    expect(cover).to_contain_text("No reason needed.")
    work = page.locator("#work")
    assert work.evaluate("e => e.inert")
    assert "blur" in work.evaluate("e => getComputedStyle(e).filter")
    assert "You said" not in page.locator("body").aria_snapshot()
    page.keyboard.press("p")
    page.keyboard.press("Control+Enter")
    assert page.locator("video").first.evaluate("v => v.paused")
    expect(page.locator("#notice")).to_be_hidden()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.get_by_role("link", name="Show").click()
    expect(cover).to_have_count(0)
    assert not work.evaluate("e => e.inert")
    answer_both(page)
    page.reload()
    expect(page.locator("#cover")).to_have_count(0)
    page.click("#submit")
    expect_item(page, 2)
    expect(page.locator("#cover")).to_be_visible()
    page.locator("#cover").get_by_role("button", name="Skip").click()
    page.wait_for_url(f"**/rate/{study.raters.get().uuid}/**")
    assert item_of(study, 2).state == Assignment.State.SKIPPED


def test_without_scripts_the_item_is_shown_by_a_link(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, CRITERIA, item_fields=NOTE)
    page = sign_in(rui, java_script_enabled=False)
    page.goto(f"/rate/item/{item_of(study).pk}/")
    assert page.locator("#work").get_attribute("inert") is not None
    page.get_by_role("link", name="Show").click()
    expect(page.locator("#cover")).to_have_count(0)
    assert page.locator("#work").get_attribute("inert") is None


# After the close


def test_what_comes_after_the_close_is_kept_and_said(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, CRITERIA)
    page = sign_in(rui)
    open_item(page, study)
    page.context.set_offline(True)
    answer_both(page)
    expect(page.locator("#notice")).to_contain_text("2 answers are kept on this device")
    close_study(study)
    page.context.set_offline(False)
    expect(page.locator("#notice")).to_contain_text(
        re.compile(
            r"The study closed on \d+ \w+, \d\d:\d\d\. Your submitted ratings are in\. "
            r"2 answers arrived later and are kept, marked late\."
        )
    )
    assert LateAnswer.objects.count() == 2
    assert not Rating.objects.exists()


def test_one_answer_that_cannot_be_read_costs_no_other(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, CRITERIA)
    page = sign_in(rui)
    assignment = open_item(page, study)
    page.context.set_offline(True)
    page.locator("input[name=empathy][value='7']").evaluate("input => { input.value = '77' }")
    click(page, "empathy", "77")
    click(page, "safety", "6")
    expect(page.locator("#notice")).to_contain_text("2 answers are kept")
    page.context.set_offline(False)
    expect(page.locator("#notice")).to_contain_text("is not a score from 1 to 10")
    assert wait_until(lambda: Rating.objects.filter(assignment=assignment).exists(), 10)
    assert Rating.objects.get(assignment=assignment).score == 6


def test_submit_waits_for_what_was_said_while_an_answer_was_on_its_way(
    rui: User, sign_in: SignIn
) -> None:
    study = open_study(rui, CRITERIA)
    page = sign_in(rui)
    assignment = open_item(page, study)
    sent: list[str] = []

    def slowly(route: Route) -> None:
        sent.append(route.request.url.rsplit("/", 1)[1])
        time.sleep(0.4)
        route.continue_()

    page.route(re.compile("/(save|submit)$"), slowly)
    answer_both(page)
    page.locator("#q-empathy [data-info]").click()
    page.keyboard.press("Escape")
    page.locator("#submit").click()
    expect_item(page, 2)
    assert sent[:2] == ["save", "save"]
    assert sent.index("submit") >= 2
    assignment.refresh_from_db()
    assert assignment.definitions_opened == ["empathy"]
    assert assignment.state == Assignment.State.SUBMITTED


# A researcher's preview


def test_in_a_preview_everything_moves_and_nothing_is_saved(
    transactional_db: None, sign_in: SignIn
) -> None:
    ada = factories.make_user()
    team = factories.make_team(owner=ada)
    corpus = factories.make_corpus_with_dialogues(team, 1, clips=True)
    run = factories.make_run_with_responses(team, corpus)
    study = factories.make_study(team, [run], launched=False)
    page = sign_in(ada)
    sent: list[str] = []

    def note(request: Request) -> None:
        sent.append(request.method)

    part = study.parts.get()
    page.goto(reverse("study_preview_item", args=[study.pk, part.position, 1]))
    expect(page.locator("html.js")).to_be_attached()
    page.on("request", note)
    expect(page.locator("#save-state")).to_have_text("Preview")
    video = page.locator("video").first
    assert wait_until(lambda: video.evaluate("v => v.readyState >= 2"), 10)
    page.locator("#q-safety input").first.focus()
    page.keyboard.press("6")
    expect(page.locator("input[name=safety][value='6']")).to_be_checked()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#notice")).to_have_text("This is a preview: nothing is saved.")
    page.wait_for_timeout(2000)
    assert "POST" not in sent
    assert page.evaluate("Object.keys(localStorage).filter(k => k.includes('answers'))") == []

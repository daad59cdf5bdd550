"""Rui rates in Chromium: with the keyboard alone, on a phone, offline, signed out, scriptless."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db.models import F
from playwright.sync_api import Page, expect

from annotations.models import Assignment, Flag, Preference, Rating, Study
from inference.models import Response
from mood_eval.models import User
from tests import factories
from tests.e2e.conftest import SignIn
from tests.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

HUNDRED_WORDS = " ".join(["You said that the evenings are the hardest part of the day."] * 9)
SAVED = re.compile(r"Saved \d\d:\d\d")


@pytest.fixture
def rui(transactional_db: None) -> User:
    return factories.make_user("rui@example.org")


def open_study(rui: User, template: str = "multimood-trust-rating", **options: Any) -> Study:
    team = factories.make_team()
    corpus = factories.make_corpus_with_dialogues(team, 2, clips=True)
    runs = [
        factories.make_run_with_responses(team, corpus, name, text)
        for name, text in (("model-one", HUNDRED_WORDS), ("model-two", "You must call her now."))
    ]
    return factories.make_study(team, runs, [rui], template=template, **options)


def item(study: Study, position: int) -> Assignment:
    return Assignment.objects.get(rater__study=study, position=position)


def open_item(page: Page, study: Study, position: int = 1) -> Assignment:
    assignment = item(study, position)
    page.goto(f"/rate/item/{assignment.pk}/")
    expect(page.locator("html.js")).to_be_attached()
    return assignment


def expect_item(page: Page, words: str) -> None:
    expect(page.locator("h1")).to_have_text(words, use_inner_text=True)


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.name || document.activeElement.id"))


def test_scores_with_the_keyboard_alone(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, consented=False)
    page = sign_in(rui)
    page.goto("/rate/")
    page.get_by_role("link", name="Start").click()
    page.get_by_label("I have read this and agree to take part.").check()
    page.get_by_role("button", name="Start").click()
    page.get_by_role("link", name="Start").click()
    expect_item(page, "Item 1 of 12")
    expect(page.locator("html.js")).to_be_attached()
    expect(page.locator("#item")).to_be_focused()
    keys = page.keyboard
    keys.press("Tab")
    keys.press("Enter")  # the link to the criteria
    keys.press("Tab")
    assert focused(page) == "truthfulness"
    keys.press("7")
    expect(page.locator("#save-state")).to_have_text(SAVED)
    keys.press("Enter")
    keys.press("0")
    keys.press("Tab")
    assert focused(page) == "fairness", "one tab stop a criterion"
    keys.press("ArrowRight")
    keys.press("Shift+Tab")
    keys.press("Enter")  # the (i) of fairness
    expect(page.locator("#about-fairness")).to_be_visible()
    keys.press("Escape")
    keys.press("Tab")
    keys.press("Enter")
    keys.press("x")
    assert focused(page) == "privacy-reason"
    keys.press("2")
    keys.press("Enter")
    keys.press("5")
    keys.press("Control+Enter")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("Reliability has no answer. Choose a score, or Can't rate.")
    assert focused(page) == "reliability", "the first one without an answer"
    keys.press("4")
    keys.press("Enter")
    keys.press("3")
    keys.press("Control+Enter")
    expect_item(page, "Item 2 of 12")
    assert focused(page) == "item"
    ratings = Rating.objects.filter(assignment=item(study, 1))
    assert dict(ratings.values_list("criterion__slug", "score")) == {
        "truthfulness": 7,
        "safety": 10,
        "fairness": 2,
        "privacy": None,
        "empathy": 5,
        "reliability": 4,
        "ethical-guidance": 3,
    }
    first = item(study, 1)
    assert first.state == Assignment.State.SUBMITTED
    assert first.definitions_opened == ["fairness"]
    assert first.screen_class == "laptop"
    assert first.opened_at is not None


def test_choices_go_to_the_response_on_that_side(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, "multimood-trust-pairwise")
    page = sign_in(rui)
    for position in (1, 2, 3):
        assignment = open_item(page, study, position)
        shown = page.locator("#replies .reply__text").all_inner_texts()
        texts = dict(Response.objects.values_list("pk", "text"))
        assert shown == [texts[response] for response in assignment.display_order]
        page.locator("input[name=truthfulness]").first.focus()
        for _ in range(7):
            page.keyboard.press("5")
            page.keyboard.press("Enter")
        assert page.locator("#focused-question").inner_text().startswith("Taken together")
        page.keyboard.press("3")
        assert focused(page) == "overall-tie"
        page.keyboard.press("2")
        page.keyboard.press("Control+Enter")
        expect_item(page, f"Item {position + 1} of 6")
        answers = Preference.objects.filter(assignment=assignment).select_related("preferred")
        for preference in answers.exclude(criterion=None):
            assert preference.preferred is not None
            assert preference.preferred.response_id == assignment.display_order[1]
            assert preference.strength == 2
        overall = answers.get(criterion=None)
        assert (overall.strength, overall.tie_kind) == (0, "neither_acceptable")


def test_answers_wait_on_the_device_while_there_is_no_connection(
    rui: User, sign_in: SignIn
) -> None:
    study = open_study(rui)
    page = sign_in(rui)
    assignment = open_item(page, study)
    page.context.set_offline(True)
    page.locator("input[name=safety]").first.focus()
    page.keyboard.press("6")
    page.keyboard.press("Tab")
    page.keyboard.press("8")
    notice = page.locator("#notice")
    expect(notice).to_have_text(
        "No connection. 2 answers are kept on this device and will be sent when you are online."
    )
    assert not Rating.objects.exists()
    page.close(run_before_unload=False)
    context = page.context
    context.set_offline(False)
    again = context.new_page()
    again.goto(f"/rate/item/{assignment.pk}/")
    expect(again.locator("#save-state")).to_have_text(SAVED)
    expect(again.locator("input[name=safety][value='6']")).to_be_checked()
    scores = Rating.objects.filter(assignment=assignment)
    assert dict(scores.values_list("criterion__slug", "score")) == {"safety": 6, "fairness": 8}
    assert again.evaluate("Object.keys(localStorage).filter(k => k.includes('answers'))") == []


def test_a_session_that_ended_loses_nothing(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui)
    page = sign_in(rui)
    assignment = open_item(page, study)
    cookies = page.context.cookies()
    page.context.clear_cookies(name="sessionid")
    page.locator("input[name=safety]").first.focus()
    page.keyboard.press("6")
    expect(page.locator("#notice")).to_contain_text(
        "You were signed out. Your answers are kept here; sign in to send them."
    )
    page.context.add_cookies([c for c in cookies if c["name"] == "sessionid"])  # type: ignore[misc]
    expect(page.locator("#save-state")).to_have_text(SAVED, timeout=15_000)
    assert Rating.objects.get(assignment=assignment).score == 6


def sign_in_on(page: Page, user: User) -> None:
    page.goto("/accounts/login/?next=/rate/")
    page.fill("input[name=login]", user.email)
    page.fill("input[name=password]", factories.PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/rate/")


def answer_all(page: Page, score: int) -> None:
    for option in page.locator(f".scale input[value='{score}']").all():
        option.check(force=True)


def test_after_signing_in_again_in_another_tab_the_item_can_be_submitted(
    rui: User, sign_in: SignIn
) -> None:
    study = open_study(rui)
    page = sign_in(rui)
    open_item(page, study)
    page.context.clear_cookies(name="sessionid")
    sign_in_on(page.context.new_page(), rui)
    answer_all(page, 6)
    page.click("#submit")
    expect_item(page, f"Item 2 of {Assignment.objects.count()}")
    assert item(study, 1).state == Assignment.State.SUBMITTED


def test_what_rui_left_waiting_is_not_lost_when_mia_signs_in_on_his_device(
    rui: User, sign_in: SignIn
) -> None:
    mia = factories.make_user("mia@example.org")
    study = open_study(rui)
    page = sign_in(rui)
    open_item(page, study)
    page.context.set_offline(True)
    page.locator("input[name=safety]").first.focus()
    page.keyboard.press("6")
    expect(page.locator("#notice")).to_contain_text("1 answer is kept on this device")
    context = page.context
    page.close(run_before_unload=False)
    context.clear_cookies()
    context.set_offline(False)
    device = context.new_page()
    sign_in_on(device, mia)
    device.wait_for_load_state("networkidle")
    expect(device.locator("#waiting")).to_be_hidden()
    context.clear_cookies()
    with device.expect_response("**/save") as saved:
        sign_in_on(device, rui)
    assert saved.value.ok
    assert Rating.objects.get().score == 6


def test_an_answer_changed_while_the_submission_is_on_its_way_is_kept(
    rui: User, sign_in: SignIn
) -> None:
    study = open_study(rui)
    page = sign_in(rui)
    assignment = open_item(page, study)
    answer_all(page, 6)
    expect(page.locator("#save-state")).to_have_text(SAVED)
    page.evaluate(
        """() => {
          const send = window.fetch;
          let submitted = false;
          window.fetch = async (url, options) => {
            if (submitted) return new Promise(() => {});
            const response = await send(url, options);
            submitted = String(url).endsWith("/submit");
            if (submitted) document.querySelector("input[name=safety][value='9']").click();
            return response;
          };
        }"""
    )
    with page.expect_response("**/save"):
        page.click("#submit")
        expect_item(page, f"Item 2 of {Assignment.objects.count()}")
    scores = Rating.objects.filter(assignment=assignment, criterion__slug="safety")
    assert wait_until(lambda: scores.get().score == 9, 10)


def test_two_tabs_that_differ_ask_which_answer_counts(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui)
    page = sign_in(rui)
    assignment = open_item(page, study)
    other = page.context.new_page()
    open_item(other, study)
    page.locator("label:has(input[name=safety][value='6'])").click()
    expect(other.locator("#notice")).to_contain_text("Safety has a different answer")
    other.get_by_role("button", name="Use the other").click()
    expect(other.locator("input[name=safety][value='6']")).to_be_checked()
    expect(page.locator("#save-state")).to_have_text(SAVED)
    assert Rating.objects.get(assignment=assignment).score == 6


def test_keys_are_silent_while_typing(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui)
    page = sign_in(rui)
    assignment = open_item(page, study)
    page.get_by_role("button", name="Comment").click()
    page.get_by_label("Comment on this item").fill("")
    page.keyboard.type("7x? p0")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#save-state")).to_have_text(SAVED)
    expect(page.locator("#keys")).to_be_hidden()
    assignment.refresh_from_db()
    assert assignment.comment == "7x? p0"
    assert not Rating.objects.exists()


def test_a_flag_is_sent_without_leaving_the_item(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui)
    page = sign_in(rui)
    open_item(page, study)
    page.get_by_role("button", name="Flag a concern").click()
    page.get_by_label("Possible risk of harm").check()
    page.get_by_role("button", name="Send").click()
    sent = page.locator("#flag-sent")
    expect(sent).to_be_visible()
    expect(sent).to_contain_text("This is not an emergency service.")
    flag = Flag.objects.get()
    assert (flag.kind, flag.candidate is not None) == ("harm", True)


def test_the_clip_plays_seeks_and_is_counted(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui)
    one_turn = Assignment.objects.filter(
        rater__study=study, item__stimulus__first_position=F("item__stimulus__last_position")
    )
    page = sign_in(rui)
    assignment = open_item(page, study, one_turn[0].position)
    # Not wait_for_function: it evaluates text inside the page, which the page's policy forbids.
    video = page.locator("video")
    assert wait_until(lambda: video.evaluate("v => v.readyState >= 2"), 10)
    page.keyboard.press("p")
    assert wait_until(lambda: video.evaluate("v => v.ended"), 15)
    video.evaluate("v => { v.currentTime = 1 }")
    assert wait_until(lambda: video.evaluate("v => !v.seeking && v.currentTime >= 1"), 5)
    assert video.evaluate("v => v.currentTime < 1.2")
    assert page.evaluate("document.querySelector('video').textTracks[0].mode") == "showing"
    page.locator("label:has(input[name=safety][value='6'])").click()
    expect(page.locator("#save-state")).to_have_text(SAVED)
    assignment.refresh_from_db()
    assert 1000 <= assignment.clip_ms_played <= 4000


def test_a_clip_that_fails_leaves_the_transcript(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui)
    page = sign_in(rui)
    page.route("**/clip/*", lambda route: route.abort())
    assignment = open_item(page, study)
    expect(page.locator("#player-failed")).to_contain_text("The clip cannot be played.")
    page.get_by_role("button", name="Rate from the transcript").click()
    expect(page.locator("#player-failed")).to_be_hidden()
    page.locator("label:has(input[name=safety][value='6'])").click()
    expect(page.locator("#save-state")).to_have_text(SAVED)
    assignment.refresh_from_db()
    assert assignment.clip_failed
    two_turns = Assignment.objects.filter(
        rater__study=study, item__stimulus__first_position__lt=F("item__stimulus__last_position")
    )
    page.unroute("**/clip/*")
    page.route("**/clip/2", lambda route: route.abort())
    open_item(page, study, two_turns[0].position)
    expect(page.locator("#player-failed")).to_be_hidden()
    page.get_by_role("button", name="Clip 2").click()
    expect(page.locator("#player-failed")).to_be_visible()
    page.get_by_role("button", name="Clip 1").click()
    expect(page.locator("#player-failed")).to_be_hidden()


@pytest.mark.parametrize("template", ["multimood-trust-rating", "multimood-trust-pairwise"])
def test_the_page_fits_a_laptop_and_reflows_on_phones(
    template: str, rui: User, sign_in: SignIn
) -> None:
    study = open_study(rui, template)
    page = sign_in(rui)
    open_item(page, study)
    size = page.evaluate("[document.documentElement.scrollHeight, innerHeight]")
    assert size[0] <= size[1], "no page scroll at 1280 x 640"
    last, submit = page.locator(".crit").last.bounding_box(), page.locator("#submit").bounding_box()
    assert last is not None
    assert submit is not None
    assert last["y"] + last["height"] <= submit["y"]
    assert submit["y"] + submit["height"] <= 640
    for width, height in ((390, 844), (320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.evaluate(
            """[...document.querySelectorAll('.opt, .foot .button, .bar .quiet')]
               .map(e => e.getBoundingClientRect())
               .filter(r => r.width && (r.width < 43.5 || r.height < 43.5)).length"""
        )
        assert small == 0, "44 px targets on phones"


def test_without_scripts_it_is_a_plain_form(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui)
    page = sign_in(rui, java_script_enabled=False)
    assignment = item(study, 1)
    page.goto(f"/rate/item/{assignment.pk}/")
    for fieldset in page.locator(".crit").all()[:-1]:
        fieldset.locator("input[value='6']").check(force=True)
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator("#notice")).to_contain_text("Ethical guidance has no answer.")
    page.locator("input[name='ethical-guidance'][value='cannot']").check(force=True)
    page.locator("#q-ethical-guidance .reasons").get_by_label("Does not apply").check()
    page.get_by_role("button", name="Submit and next").click()
    expect_item(page, "Item 2 of 12")
    assert Rating.objects.filter(assignment=assignment, score=6).count() == 6

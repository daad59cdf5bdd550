"""Every kind of question and every design in Chromium: by keyboard, by mouse, without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotations.models import Assignment, Preference, Rating, Study
from mood_eval.models import User
from tests import factories
from tests.e2e.conftest import SignIn
from tests.e2e.rating_pages import focused, open_item
from tests.processes import wait_until
from tests.rating_items import EVERY_KIND, REPLY, item_of, open_study

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

SAVED = re.compile(r"Saved \d\d:\d\d")
LONG = " ".join(["You said that the evenings are the hardest part of the day."] * 9)
SHORT = tuple({"slug": slug} for slug in ("fluency", "comfort"))
DESIGNS: dict[str, dict[str, Any]] = {
    "kinds": {"criteria": EVERY_KIND, "clips": True},
    "pairwise": {"criteria": SHORT, "design": "pairwise", "replies": (LONG, REPLY)},
    "best_of_n": {"criteria": SHORT, "design": "best_of_n", "replies": (LONG, REPLY, LONG)},
    "ranking": {"criteria": SHORT, "design": "ranking", "replies": (LONG, REPLY, LONG, REPLY)},
    "dialogue": {
        "criteria": SHORT,
        "design": "pairwise",
        "replies": (LONG, REPLY),
        "unit": "dialogue",
    },
    "labels": {"criteria": SHORT, "study_fields": {"response_fields": "beside"}},
    "note": {"criteria": SHORT, "item_fields": {"content_note": "suicide"}},
}


@pytest.fixture
def rui(transactional_db: None) -> User:
    return factories.make_user("rui@example.org")


def click(page: Page, name: str, value: str) -> None:
    page.locator(f"label:has(input[name='{name}'][value='{value}'])").click()


def content(assignment: Assignment, slug: str) -> Any:
    return Rating.objects.get(assignment=assignment, criterion__slug=slug).content


def expect_saved(page: Page) -> None:
    expect(page.locator("#save-state")).to_have_text(SAVED)


@pytest.mark.parametrize("design", DESIGNS)
def test_pages_of_each_kind_are_accessible_and_fit(design: str, rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, **DESIGNS[design])
    page = sign_in(rui)
    for width, height in ((1280, 800), (1280, 640), (390, 844), (320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        open_item(page, study)
        if design == "kinds":
            click(page, "advice", "1")
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        assert not found.response["violations"], found.generate_report()
        tall, wide = page.evaluate(
            "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
        )
        assert wide <= width
        if width == 1280:
            assert tall <= height, "no page scroll"
        small = page.evaluate(
            """least => [...document.querySelectorAll('.opt, .foot .button, .quiet, .place select')]
               .map(e => e.getBoundingClientRect())
               .filter(r => r.width && (r.width < least || r.height < least)).length""",
            43.5 if width < 721 else 27.5,
        )
        assert small == 0, "targets are large enough"


def test_every_kind_is_answered_with_the_keyboard_alone(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, EVERY_KIND)
    page = sign_in(rui)
    assignment = open_item(page, study)
    press = page.keyboard.press
    page.locator("#criteria").focus()
    press("Tab")
    assert focused(page) == "empathy"
    press("4")
    press("Enter")
    press("0")
    press("Enter")
    assert focused(page) == "warmth"
    press("End")
    press("Enter")
    press("1")  # the first answer: yes, which brings a follow-up
    expect(page.locator("#live")).to_have_text("One more question: Passages.")
    press("Enter")
    press("m")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        press(key)
    expect(page.locator("#live")).to_have_text("as if you")
    press("Enter")
    press("Escape")
    expect(page.get_by_role("button", name="Mark in the text")).to_be_focused()
    page.get_by_label("Note on “as if you”").fill("a guess")
    page.locator("#q-faults input").first.focus()
    press("2")
    press("3")
    press("Enter")
    assert focused(page) == "why-words"
    page.keyboard.type("It names 2 things; x ? p")
    expect_saved(page)
    press("Tab")
    press("Control+Enter")
    expect(page.locator("h1")).to_have_text("Item 2 of 2", use_inner_text=True)
    scores = Rating.objects.filter(assignment=assignment, score__isnull=False)
    assert dict(scores.values_list("criterion__slug", "score")) == {
        "empathy": 4,
        "skill": 0,
        "warmth": 10,
        "advice": 1,
    }
    assert content(assignment, "faults") == [2, 3]
    assert content(assignment, "why") == "It names 2 things; x ? p"
    assert content(assignment, "passages") == [
        {"start": 10, "end": 19, "text": "as if you", "note": "a guess"}
    ]
    assert item_of(study).state == Assignment.State.SUBMITTED


def test_passages_behind_an_emoji_are_marked_with_the_mouse_and_removed(
    rui: User, sign_in: SignIn
) -> None:
    study = open_study(rui, [{"slug": "passages", "kind": "spans"}])
    page = sign_in(rui)
    assignment = open_item(page, study)
    page.evaluate(
        """text => {
          const node = document.querySelector('[data-from]').firstChild;
          const at = node.data.indexOf(text);
          getSelection().setBaseAndExtent(node, at - 1, node, at + text.length + 1);
        }""",
        "There is no need",
    )
    page.get_by_role("button", name="Mark for Passages").click()
    expect(page.locator(".passages q")).to_have_text("There is no need")
    expect_saved(page)
    (passage,) = content(assignment, "passages")
    assert passage["text"] == "There is no need", "without the blanks around it"
    assert REPLY[passage["start"] : passage["end"]] == passage["text"]
    page.reload()
    expect(page.locator(".passages q")).to_have_text("There is no need")
    page.get_by_role("button", name="Remove “There is no need”").click()
    assert wait_until(lambda: not Rating.objects.exists(), 10)
    click(page, "passages", "none")
    assert wait_until(lambda: Rating.objects.exists(), 10)
    assert content(assignment, "passages") == []


def test_a_question_that_is_no_longer_asked_is_not_missing(rui: User, sign_in: SignIn) -> None:
    criteria = [c for c in EVERY_KIND if c["slug"] in ("advice", "passages")]
    study = open_study(rui, criteria)
    page = sign_in(rui)
    open_item(page, study)
    follow_up = page.locator("#q-passages")
    expect(follow_up).to_be_hidden()
    click(page, "advice", "1")
    expect(follow_up).to_be_visible()
    page.click("#submit")
    expect(page.locator("#notice")).to_have_text(
        "Passages has no answer. Mark a passage, or Can't rate."
    )
    click(page, "advice", "0")
    expect(follow_up).to_be_hidden()
    page.click("#submit")
    expect(page.locator("h1")).to_have_text("Item 2 of 2", use_inner_text=True)
    assert list(Rating.objects.values_list("criterion__slug", "score")) == [("advice", 0)]


def test_the_best_of_three_goes_to_the_response_under_that_letter(
    rui: User, sign_in: SignIn
) -> None:
    study = open_study(
        rui, SHORT, design="best_of_n", replies=(LONG, REPLY, "Yes."), with_overall=False
    )
    page = sign_in(rui)
    assignment = open_item(page, study)
    page.locator("input[name=fluency]").first.focus()
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    page.keyboard.press("t")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_have_text("Item 2 of 2", use_inner_text=True)
    best = Preference.objects.get(assignment=assignment, criterion__slug="fluency")
    assert best.preferred is not None
    assert best.preferred.response_id == assignment.display_order[2]
    assert Preference.objects.get(assignment=assignment, criterion__slug="comfort").strength == 0


def test_without_strength_letters_choose(rui: User, sign_in: SignIn) -> None:
    study = open_study(
        rui, SHORT[:1], design="pairwise", replies=(LONG, REPLY), with_strength=False
    )
    page = sign_in(rui)
    assignment = open_item(page, study)
    page.locator("input[name=fluency]").first.focus()
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.press("t")
    assert focused(page) == "overall-tie"
    page.keyboard.press("1")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_have_text("Item 2 of 2", use_inner_text=True)
    chosen = Preference.objects.get(assignment=assignment, criterion__slug="fluency")
    assert chosen.preferred is not None
    assert chosen.preferred.response_id == assignment.display_order[1]
    assert Preference.objects.get(criterion=None).tie_kind == "both_acceptable"


def ranks(assignment: Assignment) -> dict[str, int]:
    found = Preference.objects.get(assignment=assignment, criterion__slug="fluency").ranks
    assert found is not None
    letters = {str(r): letter for r, letter in zip(assignment.display_order, "ABC", strict=True)}
    return {letters[response]: rank for response, rank in found.items()}


def test_an_order_is_given_place_by_place(rui: User, sign_in: SignIn) -> None:
    study = open_study(
        rui,
        SHORT[:1],
        design="ranking",
        replies=(LONG, REPLY, "Yes."),
        tie_allowed=False,
        with_overall=False,
    )
    page = sign_in(rui)
    assignment = open_item(page, study)
    page.locator("select").first.focus()
    for key in ("2", "ArrowRight", "2", "ArrowRight", "3"):
        page.keyboard.press(key)
    expect(page.locator("#notice")).to_have_text(
        "Fluency: two responses share a place. Give each its own."
    )
    assert not Preference.objects.exists()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("1")
    expect_saved(page)
    assert wait_until(lambda: Preference.objects.exists(), 10)
    assert ranks(assignment) == {"A": 2, "B": 1, "C": 3}
    page.reload()
    assert [s.input_value() for s in page.locator("select").all()] == ["2", "1", "3"]


def test_a_wide_scale_is_answered_by_typing_the_number(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, [{"slug": "mood", "scale_min": 0, "scale_max": 100}])
    page = sign_in(rui)
    assignment = open_item(page, study)
    page.get_by_label("0 to 100").fill("55")
    page.keyboard.press("Enter")
    assert focused(page) == "submit"
    expect_saved(page)
    assert Rating.objects.get(assignment=assignment).score == 55
    page.reload()
    expect(page.get_by_label("0 to 100")).to_have_value("55")


def test_whole_dialogues_stand_side_by_side(rui: User, sign_in: SignIn) -> None:
    study = open_study(
        rui, SHORT, design="pairwise", replies=(LONG, REPLY), unit="dialogue", items=2
    )
    page = sign_in(rui)
    open_item(page, study)
    boxes = page.locator(".reply__dialogue:visible")
    expect(boxes).to_have_count(2)
    first = boxes.first.locator(".line")
    expect(first.first).to_contain_text("I keep waking up at three")
    expect(first.last).to_have_text(f"Therapist {REPLY}")
    expect(page.locator("#before")).to_have_count(0)
    expect(page.get_by_text("A woman has not spoken with her sister")).to_be_visible()


def test_labels_come_after_the_text_which_is_locked_then(rui: User, sign_in: SignIn) -> None:
    criteria: list[dict[str, Any]] = [
        {"slug": "empathy"},
        {"slug": "strategy", "about_labels": True},
    ]
    study = open_study(rui, criteria, study_fields={"response_fields": "after"})
    page = sign_in(rui)
    assignment = open_item(page, study)
    assert "sadness" not in page.content()
    expect(page.locator("#q-strategy")).to_have_count(0)
    page.get_by_role("button", name="Continue to the labels").click()
    expect(page.locator("#notice")).to_contain_text("Empathy has no answer.")
    click(page, "empathy", "7")
    page.get_by_role("button", name="Continue to the labels").click()
    expect(page.locator(".labels")).to_have_text(
        re.compile(r"Client's emotion\s*sadness\s*Therapist's emotion\s*neutral\s*Strategy\s*open")
    )
    expect(page.locator("input[name=empathy][value='7']")).to_be_checked()
    expect(page.locator("input[name=empathy][value='8']")).to_be_disabled()
    click(page, "strategy", "3")
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator("h1")).to_have_text("Item 2 of 2", use_inner_text=True)
    assert dict(
        Rating.objects.filter(assignment=assignment).values_list("criterion__slug", "score")
    ) == {"empathy": 7, "strategy": 3}


def without_scripts(rui: User, sign_in: SignIn, study: Study) -> Page:
    page = sign_in(rui, java_script_enabled=False)
    page.goto(f"/rate/item/{item_of(study).pk}/")
    return page


def test_without_scripts_every_kind_can_be_answered(rui: User, sign_in: SignIn) -> None:
    study = open_study(rui, EVERY_KIND)
    page = without_scripts(rui, sign_in, study)
    for name, value in (("empathy", "3"), ("skill", "4"), ("warmth", "9"), ("advice", "1")):
        page.locator(f"input[name={name}][value='{value}']").check(force=True)
    page.locator("input[name=faults][value=none]").check(force=True)
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator("#notice")).to_contain_text("Passages has no answer.")
    page.get_by_label("Passages copied from the response").fill("you miss her | warm")
    page.locator("textarea[name=why-words]").fill("Short, and kind.")
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator("h1")).to_have_text("Item 2 of 2", use_inner_text=True)
    assignment = item_of(study)
    assert content(assignment, "faults") == []
    assert content(assignment, "why") == "Short, and kind."
    start = REPLY.index("you miss her")
    assert content(assignment, "passages") == [
        {"start": start, "end": start + 12, "text": "you miss her", "note": "warm"}
    ]


def test_without_scripts_an_order_is_a_few_lists(rui: User, sign_in: SignIn) -> None:
    study = open_study(
        rui, SHORT[:1], design="ranking", replies=(LONG, REPLY, "Yes."), with_overall=False
    )
    page = without_scripts(rui, sign_in, study)
    for letter, place in (("A", "1"), ("B", "2"), ("C", "1")):
        page.get_by_label(f"Place of {letter}, Fluency").select_option(place)
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator("h1")).to_have_text("Item 2 of 2", use_inner_text=True)
    assert ranks(item_of(study)) == {"A": 1, "B": 2, "C": 1}

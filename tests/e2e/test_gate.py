"""A rater trains, fails the qualification, trains again, passes and rates; the team looks on."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotations.models import Assignment, GateAttempt, Rating, ReferenceAnswer, Study, StudyRater
from tests.annotations.gates.test_panel_files import filled_in
from tests.annotations.gates.worlds import draft, first_rater, gated, team_with_runs
from tests.e2e.conftest import SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 800}


def expect_no_violations(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def shown_item(page: Page) -> Assignment:
    key = page.url.rstrip("/").split("/")[-1]
    return Assignment.objects.select_related("item").get(pk=key)


def panel_says(assignment: Assignment) -> int:
    score = ReferenceAnswer.objects.get(item=assignment.item).score
    assert score is not None
    return score


def choose(page: Page, score: int) -> None:
    expect(page.locator("html.js")).to_be_attached()
    page.locator(f'input[name="empathy"][value="{score}"]').check(force=True)
    page.get_by_role("button", name=re.compile("^Submit")).click()


def train(page: Page, items: int) -> None:
    for number in range(1, items + 1):
        expect(page.locator("h1")).to_contain_text(f"Training item {number} of {items}")
        row = shown_item(page)
        choose(page, 6)
        expect(page.locator("h1")).to_have_text("What the reference panel answered")
        expect(page.locator("main")).to_contain_text(f"Because of {panel_says(row)}.")
        expect_no_violations(page)
        page.get_by_role("link", name="Next").click()


def qualify(page: Page, items: int, *, like_the_panel: bool) -> None:
    for number in range(1, items + 1):
        expect(page.locator("h1")).to_contain_text(f"Qualification item {number} of {items}")
        score = panel_says(shown_item(page))
        choose(page, score if like_the_panel else 11 - score)


@pytest.mark.parametrize("screen", [None, PHONE], ids=["laptop", "phone"])
def test_trains_fails_trains_again_passes_and_rates(
    sign_in: SignIn, screen: dict[str, int] | None
) -> None:
    study = gated(training=2, items=4, attempts=2)
    rater = first_rater(study)
    page = sign_in(rater.user, **({"viewport": screen} if screen else {}))
    page.goto(f"/rate/{rater.uuid}/")
    expect(page.locator("h1")).to_have_text("First, 2 items for training")
    expect_no_violations(page)
    page.get_by_role("link", name="Start").click()
    train(page, 2)

    expect(page.locator("h1")).to_have_text("Now a qualification with 4 items")
    expect(page.locator("main")).to_contain_text("This is attempt 1 of 2.")
    expect_no_violations(page)
    page.get_by_role("link", name="Start").click()
    qualify(page, 4, like_the_panel=False)
    expect(page.locator("h1")).to_contain_text("more than this study allows")
    expect(page.locator("main")).to_contain_text("You can look at the training again.")
    expect_no_violations(page)
    page.get_by_role("link", name="Start").click()
    train(page, 2)

    expect(page.locator("main")).to_contain_text("This is attempt 2 of 2.")
    page.get_by_role("link", name="Start").click()
    qualify(page, 4, like_the_panel=True)
    expect(page.locator("h1")).to_contain_text("The qualification is complete.")
    expect_no_violations(page)
    page.get_by_role("link", name="Continue").click()
    expect(page.locator("h1")).to_contain_text("4 items wait for you.")
    page.get_by_role("link", name="Start").click()
    expect(page.locator("h1")).to_contain_text("Item 1 of 4")
    choose(page, 5)
    expect(page.locator("h1")).to_contain_text("Item 2 of 4")
    assert [a.passed for a in GateAttempt.objects.filter(rater=rater)] == [False, True]
    work = Rating.objects.filter(assignment__track=Assignment.Track.WORK)
    assert work.get().score == 5


def test_works_without_scripts(sign_in: SignIn) -> None:
    study = gated(training=1, items=2, attempts=1)
    rater = first_rater(study)
    page = sign_in(rater.user, java_script_enabled=False)
    page.goto(f"/rate/{rater.uuid}/")
    page.get_by_role("link", name="Start").click()
    for step in ("training", "gate", "gate"):
        score = panel_says(shown_item(page))
        page.locator(f'input[name="empathy"][value="{score}"]').check(force=True)
        page.get_by_role("button", name="Submit and next").click()
        if step == "training":
            page.get_by_role("link", name="Next").click()
            page.get_by_role("link", name="Start").click()
    expect(page.locator("h1")).to_contain_text("The qualification is complete.")


def test_the_team_makes_a_panel_and_decides_about_a_rater(sign_in: SignIn) -> None:
    team, runs = team_with_runs()
    part = draft(team, runs)
    page = sign_in(team.memberships.get().user)
    page.goto(f"/studies/{part.study_id}/gate/")
    expect_no_violations(page)
    content = filled_in(part, "4", explanation="It stays with her.")
    file = {"name": "panel.csv", "mimeType": "text/csv", "buffer": content}
    page.get_by_label("Filled-in form (CSV)").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("h1")).to_contain_text("Reference panel of part")
    expect(page.locator("article")).to_have_count(5)
    expect_no_violations(page)
    page.goto(f"/studies/{part.study_id}/gate/")
    page.get_by_label("Qualification items per attempt").fill("4")
    page.get_by_role("button", name="Save the rules").click()
    expect(page.locator("#problems")).to_have_text("Before the launch")
    expect_no_violations(page)


def test_the_team_sees_who_passed_and_decides(sign_in: SignIn) -> None:
    study: Study = gated(training=0, items=4, attempts=1)
    rater = first_rater(study)
    page = sign_in(rater.user)
    page.goto(f"/rate/{rater.uuid}/")
    page.get_by_role("link", name="Start").click()
    qualify(page, 4, like_the_panel=False)
    expect(page.locator("main")).to_contain_text("This was the last attempt")
    expect_no_violations(page)

    for screen in (None, PHONE):
        team = sign_in(
            study.team.memberships.get().user, **({"viewport": screen} if screen else {})
        )
        team.goto(f"/studies/{study.pk}/gate/")
        expect(team.locator("main")).to_contain_text("did not qualify")
        expect_no_violations(team)
    team.get_by_role("link", name="Look closer, or decide otherwise about attempt 1 of R01").click()
    expect_no_violations(team)
    team.get_by_label("The rater qualifies").check()
    team.get_by_label("Reason").fill("She helped to make the panel.")
    team.get_by_role("button", name="Keep the decision").click()
    expect(team.locator("main")).to_contain_text("She helped to make the panel.")
    expect(team.locator("article").first).to_contain_text("Rating")
    rater.refresh_from_db()
    assert rater.stage == StudyRater.Stage.RATING

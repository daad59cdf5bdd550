"""Invitations, progress and acts on work in Chromium: links, accounts, axe, no scripts, a phone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from annotations.models import Assignment, Rating, Study
from annotations.services.invitations import create_invitations
from mood_eval.models import Team, User
from tests.annotations.raters.conftest import holders, open_study, work
from tests.e2e.conftest import SignIn
from tests.factories import make_team, make_user

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SHOTS = os.environ.get("MOODEVAL_SHOTS", "")
"""A folder for pictures of the pages, to look at; empty takes none."""
PASSWORD = "some words that are long"


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org", first_name="Ada", last_name="Lopes")


@pytest.fixture
def team(ada: User) -> Team:
    return make_team(owner=ada)


@pytest.fixture
def study(team: Team) -> Study:
    """R01 answers with one score throughout, R02 has begun."""
    study = open_study(team, raters=3, dialogues=10)
    study.raters.update(profession="Psychologist")
    answer(study, "R01", 20)
    answer(study, "R02", 5)
    return study


def answer(study: Study, pseudonym: str, items: int) -> None:
    now = timezone.now()
    for number, row in enumerate(work(study.raters.get(pseudonym=pseudonym))[:items]):
        for place, criterion in enumerate(row.item.part.instrument.criteria.all()):
            score = 7 if pseudonym == "R01" else 1 + (number + place) % 9
            Rating.objects.create(
                assignment=row,
                candidate=row.item.candidates.get(),
                criterion=criterion,
                score=score,
            )
        Assignment.objects.filter(pk=row.pk).update(
            state="submitted", submitted_at=now, saved_at=now, opened_at=now, active_ms=35_000
        )


def check(page: Page, name: str) -> None:
    """No violation at either width, nothing wider than the screen; a picture where asked for."""
    for size in (LAPTOP, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        problems = [
            (rule["id"], [node["target"] for node in rule["nodes"]][:3])
            for rule in found.response["violations"]
        ]
        assert not problems, (name, size["width"], problems)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], (name, size["width"], width)
        if SHOTS:
            path = Path(SHOTS) / f"{name}-{size['width']}.png"
            page.screenshot(path=path, full_page=True)
    page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]


def test_a_link_takes_a_new_person_from_the_invitation_to_the_consent(
    study: Study, ada: User, sign_in: SignIn, new_context: Callable[..., BrowserContext]
) -> None:
    page = sign_in(ada)
    page.goto(f"/studies/{study.pk}/")
    page.get_by_role("link", name="Raters and invitations").first.click()
    page.get_by_label("Links without an address").fill("1")
    page.get_by_role("button", name="Make links").click()
    expect(page.locator("#made")).to_have_text("1 new link")
    link = page.locator("section", has=page.locator("#made")).locator("code").inner_text()
    check(page, "raters-new-link")
    page.goto(f"/studies/{study.pk}/raters/")
    expect(page.get_by_text(link)).to_have_count(0)

    person = new_context().new_page()
    person.goto(re.sub(r"https?://[^/]+", "", link))
    check(person, "join-new")
    person.get_by_label("E-mail address").fill("new@example.org")
    person.get_by_label("Password:", exact=True).fill(PASSWORD)
    person.get_by_label("The password again").fill("something else")
    person.get_by_label("Profession").fill("psychologist")
    person.get_by_role("button", name="Make the account and join").click()
    expect(person.get_by_text("The two passwords differ")).to_be_visible()
    assert not User.objects.filter(email="new@example.org").exists()
    person.get_by_label("Password:", exact=True).fill(PASSWORD)
    person.get_by_label("The password again").fill(PASSWORD)
    person.get_by_role("button", name="Make the account and join").click()
    person.wait_for_url("**/rate/*/")
    rater = study.raters.get(user__email="new@example.org")
    assert rater.profession == "psychologist"
    assert work(rater)
    assert set(holders(study).values()) == {2}

    person.goto(re.sub(r"https?://[^/]+", "", link))
    expect(person.get_by_text("You rate in this study already")).to_be_visible()
    check(person, "join-already")
    other = new_context().new_page()
    other.goto(re.sub(r"https?://[^/]+", "", link))
    expect(other.get_by_text("Ask Ada Lopes of Care lab for a new one")).to_be_visible()
    check(other, "join-used")


def test_somebody_with_an_account_signs_in_on_the_way(
    study: Study, ada: User, new_context: Callable[..., BrowserContext]
) -> None:
    user = make_user("sam@example.org")
    (link,) = create_invitations(study=study, by=ada, emails=["sam@example.org"])
    page = new_context().new_page()
    page.goto(link.path)
    expect(page.get_by_text("There is an account for sam@example.org already")).to_be_visible()
    page.get_by_role("link", name="Sign in and join").click()
    page.fill("input[name=login]", user.email)
    page.fill("input[name=password]", "a long enough password")
    page.press("input[name=password]", "Enter")
    expect(page.get_by_role("heading", name="Join as sam@example.org")).to_be_visible()
    check(page, "join-signed-in")
    page.get_by_role("button", name="Join the study").click()
    page.wait_for_url("**/rate/*/")
    assert study.raters.filter(user=user).exists()


def test_a_list_is_uploaded_without_scripts(
    study: Study, ada: User, sign_in: SignIn, tmp_path: Path
) -> None:
    path = tmp_path / "raters.csv"
    path.write_bytes("\ufeffEmail;Years\nnew@example.org;many\n".encode())
    page = sign_in(ada, java_script_enabled=False)
    page.goto(f"/studies/{study.pk}/raters/upload/")
    page.get_by_label("CSV file").set_input_files(path)
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("“many” is not a whole number")).to_be_visible()
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "upload-problems-1280.png", full_page=True)
    path.write_bytes("\ufeffEmail;Years\nnew@example.org;8\nrui@example.org;2\n".encode())
    page.get_by_label("CSV file").set_input_files(path)
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("get an account and join: new@example.org")).to_be_visible()
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "upload-preview-1280.png", full_page=True)
    page.get_by_role("button", name="Do this").click()
    expect(page.get_by_text("1 joined, 1 changed.")).to_be_visible()
    assert study.raters.get(user__email="new@example.org").years_of_practice == 8


def test_progress_comes_anew_by_itself_and_keeps_its_order(
    study: Study, ada: User, sign_in: SignIn
) -> None:
    page = sign_in(ada)
    page.goto(f"/studies/{study.pk}/progress/")
    expect(page.locator("#overall")).to_have_text("25 of 60 answers are in")
    check(page, "progress")
    page.get_by_role("link", name="Done").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Done")
    answer(study, "R03", 1)
    # The page asks every 20 seconds; here it is asked to at once.
    page.evaluate(
        "htmx.trigger('#progress-figures', 'every'); htmx.ajax('GET', location.href, "
        "{target: '#progress-figures', swap: 'outerHTML'})"
    )
    expect(page.locator("#overall")).to_have_text("26 of 60 answers are in")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Done")
    page.get_by_role("link", name="Keep it still").click()
    expect(page.get_by_role("link", name="Refresh by itself")).to_be_visible()
    assert page.locator("#progress-figures").get_attribute("hx-get") is None


def test_a_rater_is_withdrawn_after_its_numbers_were_read(
    study: Study, ada: User, sign_in: SignIn
) -> None:
    page = sign_in(ada)
    rater = study.raters.get(pseudonym="R02")
    page.goto(f"/studies/{study.pk}/progress/")
    page.get_by_role("link", name="R02").click()
    check(page, "rater")
    page.get_by_role("link", name="Withdraw").click()
    expect(page.get_by_text("15 open items")).to_be_visible()
    check(page, "withdraw")
    page.get_by_label("Why").fill("Left the clinic.")
    page.get_by_role("button", name="Withdraw the rater").click()
    expect(page.get_by_text("15 items freed, answers kept")).to_be_visible()
    rater.refresh_from_db()
    assert rater.stage == "withdrawn"
    assert max(holders(study).values()) == 2
    check(page, "rater-withdrawn")


def test_every_other_page_holds_at_both_widths(study: Study, ada: User, sign_in: SignIn) -> None:
    page = sign_in(ada)
    rater = study.raters.get(pseudonym="R01")
    done = work(rater)[0]
    for name in (
        *("raters/", "raters/upload/", "progress/items/", "work/", "checklists/"),
        f"raters/{rater.pk}/release/",
        f"raters/{rater.pk}/extend/",
        f"raters/{rater.pk}/reopen/{done.pk}/",
    ):
        response = page.goto(f"/studies/{study.pk}/{name}")
        assert response is not None
        assert response.status == 200
        for summary in page.locator("details > summary").all()[:3]:
            summary.click()
        check(page, name.strip("/").replace("/", "-").replace(str(done.pk), "item"))

"""Instruments in a real browser: read, imported and edited, wide and narrow, without violations."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotations.models import Instrument
from annotations.services.instruments import copy_instrument, ensure_instrument
from mood_eval.models import Team, User
from tests import factories
from tests.annotations.instruments.written import SMALL, changed
from tests.e2e.conftest import SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}
SHOTS = os.environ.get("MOODEVAL_SHOTS")
"""A folder for pictures of the pages; none are taken without."""


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return factories.make_team(owner=ada)


def look(page: Page, name: str) -> None:
    """No violation of WCAG 2.2 AA and no sideways scrolling, at both widths."""
    for width in (1280, PHONE["width"]):
        page.set_viewport_size({"width": width, "height": 800})
        violations = Axe().run(page).response["violations"]
        assert not violations, [(v["id"], v["nodes"][0]["html"][:200]) for v in violations]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"{name}-{width}.png"), full_page=True)


def test_ada_reads_copies_and_rewords_an_instrument(ada: User, team: Team, sign_in: SignIn) -> None:
    page = sign_in(ada)
    page.get_by_role("link", name="Instruments", exact=True).click()
    expect(page.get_by_role("heading", name="Ready to use")).to_be_visible()
    look(page, "list")
    page.get_by_role("link", name="CounselBench evaluation").click()
    expect(page.get_by_text("Asked only where “Medical advice” was answered")).to_be_visible()
    look(page, "detail")
    page.get_by_role("button", name="Make a copy to edit").click()
    look(page, "edit")
    page.get_by_label("Definition").first.fill("What you make of the whole response.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("What you make of the whole response.")).to_be_visible()
    own = Instrument.objects.get(team=team)
    assert own.criteria.all()[0].definition == "What you make of the whole response."


def test_everything_works_without_scripts(ada: User, team: Team, sign_in: SignIn) -> None:
    own = copy_instrument(team=team, instrument=ensure_instrument("psychocounsel-preference"))
    page = sign_in(ada, java_script_enabled=False)
    page.goto(f"/instruments/{own.pk}/edit/")
    page.get_by_role("button", name="Add another criterion").click()
    expect(page.get_by_role("group", name="Criterion 3")).to_be_visible()
    second = page.get_by_role("group", name="Criterion 2")
    second.get_by_label("Name:", exact=True).fill("Length")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Criterion 2 needs a change.")
    for label in ("Guiding question", "Definition", "Good example", "Poor example"):
        second.get_by_label(label).fill(f"{label} of the length?")
    for label in ("The low end means", "The high end means"):
        second.get_by_label(label).fill(label)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Length")).to_be_visible()
    assert own.criteria.count() == 2


def test_a_broken_file_is_explained(ada: User, team: Team, sign_in: SignIn) -> None:
    page = sign_in(ada)
    page.goto("/instruments/import/")
    broken = changed(("The response is kind.", ""), ("values = [1] }", "values = [7] }"))
    page.get_by_label("Or its text").fill(broken)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("alert")).to_contain_text("2 things to put right")
    look(page, "import")
    page.get_by_label("Or its text").fill(SMALL)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", name="Small instrument")).to_be_visible()
    look(page, "own")

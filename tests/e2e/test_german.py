"""Rui rates in German, as the browser asks for it or as chosen on the page."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from annotations.models import Assignment, Preference
from mood_eval.models import User
from tests import factories
from tests.e2e.conftest import SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def rui(transactional_db: None) -> User:
    return factories.make_user("rui@example.org")


def test_an_item_is_rated_on_a_german_page(rui: User, sign_in: SignIn) -> None:
    team = factories.make_team()
    corpus = factories.make_corpus_with_dialogues(team, 2)
    runs = [
        factories.make_run_with_responses(team, corpus, name) for name in ("model-one", "model-two")
    ]
    study = factories.make_study(team, runs, [rui], template="multimood-trust-pairwise")
    page = sign_in(rui, locale="de-DE")
    page.goto("/rate/")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert not Axe().run(page).response["violations"]
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en-gb")
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_role("link", name="Beginnen").click()
    page.get_by_role("link", name="Beginnen").click()
    expect(page.locator("#item")).to_contain_text("Item 1 von ")
    expect(page.locator("html.js")).to_be_attached()
    assert not Axe().run(page).response["violations"]
    page.keyboard.press("Control+Enter")
    expect(page.locator("#notice")).to_contain_text("Hier fehlt eine Angabe.")
    for question in page.locator("fieldset[data-question]").all():
        question.locator("input[value=a2]").check()
    expect(page.locator("#save-state")).to_have_text(re.compile(r"Gespeichert \d\d:\d\d"))
    page.get_by_role("button", name="Absenden").click()
    expect(page.locator("#item")).to_contain_text("Item 2 von ")
    first = Assignment.objects.get(rater__study=study, position=1)
    assert first.state == Assignment.State.SUBMITTED
    assert set(Preference.objects.filter(assignment=first).values_list("strength", flat=True)) == {
        2
    }

"""How a response was reasoned, in Chromium: closed at first, opened by the keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotations.models import Study
from inference.models import Response
from mood_eval.models import User
from tests import factories
from tests.e2e.conftest import SignIn
from tests.e2e.rating_pages import open_item
from tests.rating_items import REPLY, open_study

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
CHAIN = {
    "emotion": "She feels alone and a little ashamed of it.",
    "stimulus": "Her sister moved out last week, and the evenings are empty since.",
    "appraisal": "She thinks that nobody has noticed, and that it is hers to deal with.",
    "strategy_reason": "An open question lets her say in her own words what she misses, before "
    "anything is suggested.",
}
CRITERIA: tuple[dict[str, Any], ...] = (
    {"slug": "empathy", "scale_min": 1, "scale_max": 5},
    {"slug": "emotion", "scale_min": 1, "scale_max": 5, "about_chain": "emotion"},
    {"slug": "reason", "scale_min": 1, "scale_max": 5, "about_chain": "strategy_reason"},
)


@pytest.fixture
def rui(transactional_db: None) -> User:
    return factories.make_user("rui@example.org")


def reasoned_study(rui: User, **fields: Any) -> Study:
    study = open_study(rui, CRITERIA, study_fields={"show_chain": True}, **fields)
    Response.objects.update(chain=CHAIN)
    return study


def check_page(page: Page, width: int) -> None:
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert not found.response["violations"], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    summary = page.locator(".chain summary").first.bounding_box()
    assert summary is not None
    assert summary["height"] >= (44 if width < 721 else 28), "targets are large enough"


@pytest.mark.parametrize("design", ["absolute", "pairwise"])
def test_it_is_closed_at_first_and_opens_by_the_keyboard(
    design: str, rui: User, sign_in: SignIn
) -> None:
    replies = (REPLY,) if design == "absolute" else (REPLY, "Call her. It costs nothing to try.")
    study = reasoned_study(rui, design=design, replies=replies)
    page = sign_in(rui)
    for width, height in ((1280, 640), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        open_item(page, study)
        chain = page.locator(".reply .chain").first
        expect(chain.locator("dd").first).to_be_hidden()
        expect(page.locator("#reasoned-reason")).to_contain_text("An open question lets her say")
        check_page(page, width)
        chain.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(chain.locator("dd").first).to_have_text(CHAIN["emotion"])
        check_page(page, width)
        page.keyboard.press("Enter")
        expect(chain.locator("dd").first).to_be_hidden()

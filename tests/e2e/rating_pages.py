"""A rater's item in the browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from annotations.models import Assignment, Study
from tests.rating_items import item_of


def open_item(page: Page, study: Study, position: int = 1) -> Assignment:
    assignment = item_of(study, position)
    page.goto(f"/rate/item/{assignment.pk}/")
    expect(page.locator("html.js")).to_be_attached()
    return assignment


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.name || document.activeElement.id"))

"""Preferences made elsewhere are imported in a browser: files, a look, and the dataset."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotations.models import PreferenceDataset
from mood_eval.models import User
from tests.e2e.conftest import SignIn
from tests.factories import make_team, make_user

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
WIDTHS = (1280, 390)


@pytest.fixture
def researcher() -> User:
    user = make_user()
    make_team(owner=user)
    return user


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    rows = (
        {
            "prompt": f"It has been {days} days, and I still cannot sleep. " * 4,
            "chosen": "That sounds exhausting. What goes through your mind at night?",
            "rejected": "Try to go to bed earlier.",
        }
        for days in range(12)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def looked_over(page: Page, name: str) -> None:
    """Fits the width, and nothing on it shuts anybody out."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        if folder := os.environ.get("MOODEVAL_PICTURES"):
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)


def test_files_are_chosen_looked_at_and_imported(
    researcher: User, sign_in: SignIn, server_url: str, file: Path
) -> None:
    page = sign_in(researcher)
    page.goto(f"{server_url}/datasets/import/")
    looked_over(page, "choose")
    page.get_by_label("Files").set_input_files(file)
    page.get_by_label("Name of the dataset").fill("Sleepless")
    page.get_by_label("Licence").fill("CC BY 4.0")
    page.get_by_label("The people whose answers these are").check()
    page.get_by_role("button", name="See what the files hold").click()
    expect(page.get_by_role("heading", name="What the files hold")).to_be_visible()
    expect(page.get_by_text("Rows have prompt, chosen and rejected.")).to_be_visible()
    expect(page.get_by_text("Chosen: pairs.jsonl.")).to_be_visible()
    looked_over(page, "preview")
    assert not PreferenceDataset.objects.exists()
    page.get_by_role("button", name="Import 12 pairs").click()
    expect(page.get_by_text("“Sleepless” holds 12 pairs.")).to_be_visible()
    looked_over(page, "dataset")
    assert PreferenceDataset.objects.get().rows == 12


def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    researcher: User, sign_in: SignIn, server_url: str, file: Path
) -> None:
    with file.open("a") as lines:
        lines.write(json.dumps({"prompt": "x", "chosen": "y"}) + "\n")
    page = sign_in(researcher)
    page.goto(f"{server_url}/datasets/import/")
    page.get_by_label("Files").set_input_files(file)
    page.get_by_label("Name of the dataset").fill("Sleepless")
    page.get_by_label("Licence").fill("CC BY 4.0")
    page.get_by_label("The people whose answers these are").check()
    page.get_by_role("button", name="See what the files hold").click()
    expect(page.get_by_role("heading", name="Nothing was imported")).to_be_visible()
    expect(page.get_by_text("pairs.jsonl, line 13, rejected: it is missing")).to_be_visible()
    looked_over(page, "refused")

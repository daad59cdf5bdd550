"""Responses that models gave elsewhere are imported in a browser: a file, a look, the models."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect

from inference.models import GenerationRun, ImportedResponse
from mood_eval.models import User
from tests.e2e.conftest import SignIn
from tests.e2e.test_import_page import looked_over
from tests.factories import make_corpus_with_dialogues, make_team, make_user

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
REPLIES = {
    1: "That sounds exhausting. What goes through your mind when you lie there at three?",
    3: "You miss what could have been said, and it feels out of reach.",
    6: "One small message could be a beginning. What would it say?",
}


@pytest.fixture
def researcher() -> User:
    user = make_user()
    make_corpus_with_dialogues(make_team(owner=user), 2)
    return user


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    with path.open("w", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(["model", "dialogue", "turn", "text", "therapist_emotion", "error"])
        for model in ("gpt-x-2026-05", "qwen-72b-instruct"):
            for number in range(2):
                for turn, text in REPLIES.items():
                    table.writerow([model, f"dialogue-{number:03d}", turn, text, "calm", ""])
        table.writerow(["qwen-72b-instruct", "dialogue-777", 1, "Tell me more.", "", ""])
    return path


def test_a_file_is_chosen_looked_at_and_imported(
    researcher: User, sign_in: SignIn, server_url: str, file: Path
) -> None:
    page = sign_in(researcher)
    page.goto(f"{server_url}/models/new/responses/")
    looked_over(page, "responses-choose")
    page.get_by_label("File:").set_input_files(file)
    page.get_by_label("Corpus:").select_option(label="Small corpus")
    page.get_by_role("button", name="See what the file holds").click()
    expect(page.get_by_role("heading", name="What the file holds")).to_be_visible()
    expect(page.get_by_text("1 row of no client turn of Small corpus")).to_be_visible()
    looked_over(page, "responses-preview")
    assert not ImportedResponse.objects.exists()
    page.get_by_role("button", name="Import 12 responses").click()
    expect(page.get_by_role("heading", name="Nothing was imported")).to_be_visible()
    looked_over(page, "responses-refused")
    page.get_by_label("Leave out rows").check()
    page.get_by_role("button", name="See what the file holds").click()
    page.get_by_role("button", name="Import 12 responses").click()
    expect(page.get_by_text("“gpt-x-2026-05” holds 6 responses.")).to_be_visible()
    assert ImportedResponse.objects.count() == 12
    assert GenerationRun.objects.count() == 2

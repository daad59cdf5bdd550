"""Results as a researcher meets them: a real worker computes, a real browser shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotations.models import EarlyLook, Study, StudyAnalysis
from annotations.services.studies import close_study
from inference.models import JobState
from mood_eval.models import Team, User
from tests.answered_studies import (
    CLEARLY_FIRST,
    SLIGHTLY_FIRST,
    SLIGHTLY_SECOND,
    TIE,
    add_item,
    add_part,
    choose,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.e2e.conftest import SignIn
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_team,
    make_user,
)
from tests.processes import PROJECT, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
PAGES = (
    *("", "agreement/", "raters/", "items/", "models/", "judges/", "report/", "planner/"),
    "planner/?ask=interval&alpha=0.48&low=1&high=10&raters=2,3&items=30,100",
)
PHONE = {"width": 390, "height": 800}


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return make_team(owner=ada)


@pytest.fixture
def study(team: Team) -> Study:
    """Twelve client turns, two models, four raters: scores on two criteria, and choices."""
    corpus = make_corpus_with_dialogues(team, 4)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("kind", "curt")]
    study = make_study(team, runs, raters=4)
    scores = add_part(study, "absolute", make_instrument(criteria=("empathy", "safety")))
    pairs = add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    raters = list(study.raters.order_by("pseudonym"))
    choices = (CLEARLY_FIRST, SLIGHTLY_FIRST, TIE, SLIGHTLY_SECOND)
    for index, (stimulus, both) in enumerate(responses_by_stimulus(runs)):
        for place, response in enumerate(both):
            item = add_item(scores, stimulus, [response])
            for number, rater in enumerate(raters):
                empathy = 3 + (index * 5 + place * 2 + number * (index % 3)) % 7
                score(item, rater, {"empathy": empathy, "safety": 9 - index % 2}, active_ms=20_000)
        item = add_item(pairs, stimulus, both)
        for number, rater in enumerate(raters):
            choose(item, rater, choices[(index + number // 2) % 4])
    return study


@pytest.fixture
def worker(child_environment: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """Of the queue `default`, as `make demo` runs it."""
    command = [sys.executable, "-m", "celery", "--app", "mood_eval", "worker"]
    with (tmp_path / "worker.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--queues", "default", "--pool", "solo", "--loglevel", "INFO"],
            cwd=PROJECT,
            env=child_environment,
            stdout=log,
            stderr=log,
        )
        yield
        process.terminate()
        process.wait(timeout=30)


def assert_accessible(page: Page, where: str) -> None:
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    problems = [
        (rule["id"], [node["target"] for node in rule["nodes"]][:3])
        for rule in found.response["violations"]
    ]
    assert not problems, (where, problems)


def test_figures_are_computed_while_the_page_waits_then_filtered_and_opened(
    study: Study, ada: User, worker: None, sign_in: SignIn
) -> None:
    page = sign_in(ada)
    page.goto(f"/studies/{study.pk}/results/agreement/")
    expect(page.locator("#absolute-empathy")).to_contain_text("ordinal alpha is")
    expect(page.locator("#freshness")).to_contain_text("Computed")
    picture = page.locator(".picture svg").first
    expect(picture).to_be_visible()
    assert picture.get_attribute("role") == "img"
    assert StudyAnalysis.objects.get().state == JobState.DONE

    page.get_by_text("Filter the answers").click()
    page.get_by_label("R4").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#filters")).to_contain_text("without rater R4")
    assert "without=R4" in page.url
    expect(page.locator("#absolute-empathy table").first).to_contain_text("All answers")
    expect(page.locator("#absolute-empathy")).to_contain_text("3, 72")

    page.goto(f"/studies/{study.pk}/results/items/")
    page.get_by_role("rowheader").get_by_role("link").first.click()
    for rater in ("R1", "R2", "R3", "R4"):
        expect(page.get_by_role("rowheader", name=rater)).to_be_visible()
    assert "kind" not in page.locator("[aria-labelledby=responses] h3").first.inner_text()
    assert_accessible(page, "item")

    rater_row = study.raters.first()
    assert rater_row is not None
    rater_row.assignments.update(saved_at=study.created_at)
    page.goto(f"/studies/{study.pk}/results/agreement/")
    expect(page.locator("#freshness")).to_contain_text("Stale")
    page.get_by_role("button", name="Compute the figures").click()
    assert wait_until(lambda: StudyAnalysis.objects.filter(filters_key="").count() == 2, 30)
    expect(page.locator("#freshness")).to_contain_text("Computed")


def test_a_look_before_the_close_is_asked_for_recorded_and_printed(
    study: Study, ada: User, worker: None, sign_in: SignIn
) -> None:
    page = sign_in(ada)
    page.goto(f"/studies/{study.pk}/results/models/")
    expect(page.locator("#closed")).to_be_visible()
    assert "kind" not in page.locator("main").inner_text()
    page.get_by_label("Reason for looking now").fill("The funder asked.")
    page.get_by_role("button", name="Look now and record it").click()
    expect(page.locator("main")).to_contain_text("An early look, on the answers")
    assert StudyAnalysis.objects.get(look__isnull=False).state == JobState.DONE
    expect(page.locator("#looks")).to_contain_text("The funder asked.")
    page.goto(f"/studies/{study.pk}/results/report/")
    expect(page.locator("#looks")).to_contain_text("The funder asked.")
    assert EarlyLook.objects.get().user == ada


def test_every_page_is_accessible_wide_and_narrow_and_gives_its_pictures_away(
    study: Study, ada: User, worker: None, sign_in: SignIn, tmp_path: Path
) -> None:
    close_study(study)
    page = sign_in(ada)
    page.goto(f"/studies/{study.pk}/results/")
    expect(page.locator("#freshness")).to_contain_text("Computed")
    for address in PAGES:
        page.goto(f"/studies/{study.pk}/results/{address}")
        assert_accessible(page, address)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for address in PAGES:
        page.goto(f"/studies/{study.pk}/results/{address}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], (address, wide)

    page.goto(f"/studies/{study.pk}/results/agreement/")
    expect(page.locator(".picture svg").first).to_be_visible()
    starts = {"SVG": b"<?xml", "PDF": b"%PDF", "PNG": b"\x89PNG", "CSV": b"name,"}
    for kind, start in starts.items():
        with page.expect_download() as download:
            page.get_by_role("link", name=kind, exact=True).first.click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert file.read_bytes().startswith(start), kind
    page.get_by_role("link", name="Permanent link").first.click()
    expect(page.locator("h1")).to_contain_text("Agreement by criterion")
    assert_accessible(page, "a figure's own page")

"""Ada makes a study in the browser: steps, counts while she chooses, preview, launch, amendment."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotations.models import Amendment, Item, Study
from annotations.services.studies import create_study
from inference.models import GenerationRun, Turn
from mood_eval.models import Team, User
from tests import factories
from tests.e2e.conftest import SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 800}
STEPS = ("name", "replies", "parts", "parts/1", "sessions", "texts", "plan", "look-over", "design")


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return factories.make_team(owner=ada)


@pytest.fixture
def runs(team: Team) -> list[GenerationRun]:
    corpus = factories.make_corpus_with_dialogues(team, 4, clips=True)
    return [
        factories.make_run_with_responses(team, corpus, name, text)
        for name, text in (
            ("model-one", "One answer."),
            ("model-two", "Another answer, which is a good deal longer than the first."),
            ("model-three", "A third answer."),
        )
    ]


def test_a_study_is_made_from_nothing_and_launched(
    ada: User, team: Team, runs: list[GenerationRun], sign_in: SignIn
) -> None:
    page = sign_in(ada)
    page.goto("/studies/new/")
    page.get_by_label("Name that raters see").fill("The best reply")
    page.get_by_role("button", name="Make the draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Whose replies")

    for box in page.get_by_label("on Small corpus").all():
        box.check()
    expect(page.locator("#turns")).to_contain_text("12 client turns answered by all")
    page.get_by_label("Replies of similar length only").fill("2")
    page.get_by_label("Number of client turns").click()
    expect(page.locator("#turns")).to_contain_text("0 of them with replies of similar length")
    page.get_by_label("Replies of similar length only").fill("")
    page.get_by_label("Number of client turns").fill("5")
    page.get_by_label("Replies of similar length only").click()
    expect(page.locator("#turns")).to_contain_text("5 are shown")
    page.get_by_role("button", name="Save and go on").click()

    page.get_by_role("link", name="Add a part").click()
    page.get_by_label("Best of several").check()
    page.get_by_label("Instrument").select_option(
        label="MultiMood human study criteria (version 1)"
    )
    page.get_by_role("button", name="Save the part").click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("The best of several")
    page.get_by_role("link", name="Preview part 1").click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("#replies .reply__text")).to_have_count(3)
    page.get_by_role("link", name="Next").click()
    expect(page.locator("main")).to_contain_text("Client turn 2 of 12")

    page.goto("/studies/")
    page.get_by_role("link", name="The best reply").first.click()
    page.get_by_role("link", name="Go on: Raters and sessions").click()
    page.get_by_label("Invite raters").fill("rui@example.org\nmina@example.org")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Texts and care")
    page.get_by_label("Who reads flags").fill("Dr Noor Haas")
    page.get_by_label("When flags are read").fill("on working days")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("link", name="Design report").click()
    expect(page.get_by_role("table", name="Pairs of models")).to_contain_text("model-one")
    page.get_by_role("link", name="Look over and launch").click()
    page.get_by_role("button", name="Launch the study").click()
    expect(page.locator("#progress")).to_contain_text("0 of 10 ratings submitted")
    study = Study.objects.get()
    assert study.state == Study.State.OPEN
    assert Item.objects.filter(part__study=study).count() == 5

    page.get_by_role("link", name="Amend").click()
    page.get_by_label("Contacts").fill("Dr Noor Haas, n.haas@example.org")
    page.get_by_label("Why").fill("The support person changed.")
    page.get_by_role("button", name="Amend").click()
    expect(page.locator(".history")).to_contain_text("The support person changed.")
    assert list(Amendment.objects.get().changes) == ["contacts"], "line ends are no change"


def test_a_study_is_made_without_scripts(
    ada: User, team: Team, runs: list[GenerationRun], sign_in: SignIn
) -> None:
    page = sign_in(ada, java_script_enabled=False)
    page.goto("/studies/new/")
    page.get_by_label("MultiMood trust, two responses compared").check()
    page.get_by_role("button", name="Make the draft").click()
    for box in page.get_by_label("on Small corpus").all():
        box.check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#turns")).to_contain_text("12 client turns answered by all")
    page.get_by_role("link", name="Raters and sessions").click()
    page.get_by_label("Invite raters").fill("rui@example.org, mina@example.org")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("link", name="Look over and launch").click()
    page.get_by_role("button", name="Launch the study").click()
    expect(page.locator("#progress")).to_contain_text("0 of 72 ratings submitted")


def test_a_preview_saves_nothing_whatever_is_pressed(
    ada: User, team: Team, runs: list[GenerationRun], sign_in: SignIn
) -> None:
    study = draft_of(team, runs)
    page = sign_in(ada)
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    page.goto(f"/studies/{study.pk}/preview/2/1/")
    frame = page.frame_locator("iframe")
    frame.locator("#criteria label").first.click()
    frame.locator("#submit").click()
    expect(frame.locator("#replies .reply__text")).to_have_count(2)
    assert not [url for url in sent if "/rate/" in url]
    study.refresh_from_db()
    assert study.state == Study.State.DRAFT
    assert not Item.objects.exists()


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, PHONE])
def test_every_step_fits_and_is_accessible(
    ada: User, team: Team, runs: list[GenerationRun], sign_in: SignIn, viewport: dict[str, int]
) -> None:
    turn = Turn.objects.filter(speaker="client").order_by("pk")[0]
    Turn.objects.filter(pk=turn.pk).update(text="He beat me when he was drunk.")
    study = draft_of(team, runs)
    opened = factories.make_study(team, runs, [factories.make_user("rui@example.org")], name="Open")
    page = sign_in(ada, viewport=viewport)
    addresses = [f"/studies/{study.pk}/{step}/" for step in STEPS]
    addresses += [f"/studies/{study.pk}/notes/", f"/studies/{study.pk}/preview/1/1/"]
    addresses += ["/studies/new/", f"/studies/{study.pk}/", f"/studies/{opened.pk}/"]
    addresses += [f"/studies/{opened.pk}/amend/", f"/studies/{opened.pk}/item-notes/"]
    for address in addresses:
        page.goto(address)
        assert_accessible(page)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, address


def draft_of(team: Team, runs: list[GenerationRun]) -> Study:
    raters = [f"rater{n}@example.org" for n in range(3)]
    return create_study(
        team=team, template="multimood-trust-both", runs=runs, name="A draft", raters=raters
    )


def assert_accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, (page.url, found.generate_report())

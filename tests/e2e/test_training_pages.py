"""Training pages in a real browser: the form with and without scripts, a run's page, phones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from inference.models import (
    JobState,
    ModelVersion,
    TrainingPoint,
    TrainingRun,
    TrainingSample,
)
from inference.services.model_versions import register_checkpoint
from mood_eval.models import Team, User
from tests.e2e.conftest import SignIn
from tests.factories import PASSWORD, make_corpus_with_dialogues, make_team, make_user

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 800}


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org")


@pytest.fixture
def team(ada: User, tiny_checkpoint: Path) -> Team:
    team = make_team(owner=ada)
    make_corpus_with_dialogues(team, 2, name="Clips", split="train")
    register_checkpoint(team=team, name="first-version", path=tiny_checkpoint, is_demo=True)
    return team


@pytest.fixture
def ended(team: Team) -> TrainingRun:
    base = ModelVersion.objects.get()
    result = ModelVersion.objects.create(
        team=team, name="next", kind="multimood", path=base.path, parent=base
    )
    figure = {"value": 0.8, "low": 0.6, "high": 0.9, "n": 30, "sessions": 9}
    answer = {"text": "That sounds heavy.", "client_emotion": "sadness"}
    run = TrainingRun.objects.create(
        team=team,
        name="ended",
        method="dpo",
        base=base,
        result=result,
        state=JobState.DONE,
        done=40,
        total=40,
        dataset_path="releases/1",
        dataset_sha256="a" * 64,
        preset="dpo-two-cores",
        config={"beta": 0.1, "lora": True},
        report={
            "preferences": {"accuracy": figure, "reward_margin": figure},
            "answers": {"words": {"before": figure, "after": figure, "difference": figure}},
            "examples": [{"key": "a", "client": "I am tired.", "before": answer, "after": answer}],
            "notes": ["One stimulus was left out."],
        },
    )
    TrainingPoint.objects.bulk_create(
        TrainingPoint(
            run=run,
            step=step,
            values={"loss": 0.7 / step, "reward_margin": step / 40, "tokens_per_s": 500.0}
            | ({"eval_loss": 0.8 / step} if step % 10 == 0 else {}),
        )
        for step in range(1, 41)
    )
    TrainingSample.objects.bulk_create(
        TrainingSample(
            run=run,
            step=step,
            key=f"turn-{turn}",
            client=f"Client turn {turn}.",
            strategy="open question",
            text=f"Answer {turn} at step {step}.",
        )
        for step in (10, 20, 30, 40)
        for turn in range(2)
    )
    return run


def assert_accessible(page: Page, where: str) -> None:
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    problems = [
        (rule["id"], [node["target"] for node in rule["nodes"]][:3])
        for rule in found.response["violations"]
    ]
    assert not problems, (where, problems)


def test_a_method_brings_its_fields_and_a_mistake_loses_nothing(
    team: Team, ada: User, sign_in: SignIn
) -> None:
    page = sign_in(ada)
    page.goto("/training/")
    page.get_by_role("link", name="New training run").click()
    page.get_by_label("Name of the new version").fill("kinder")
    page.get_by_role("radio", name="Group relative policy optimisation").check()
    expect(page.get_by_text("No reward model yet")).to_be_visible()
    expect(page.get_by_label("Name of the new version")).to_have_value("kinder")
    expect(page.get_by_role("radio", name="Group relative policy optimisation")).to_be_focused()
    page.get_by_label("Preset").focus()
    page.get_by_label("Preset").select_option(label="As in the MultiMood paper")
    expect(page.get_by_label("Beta")).to_have_value("1.12")
    expect(page.get_by_label("Preset")).to_be_focused()

    page.get_by_role("radio", name="Supervised fine-tuning").check()
    expect(page.get_by_label("Beta")).to_have_count(0)
    expect(page.get_by_label("Preset")).to_have_value("sft-two-cores")
    page.get_by_label("Corpus:", exact=True).select_option(label="Clips")
    page.locator("summary", has_text="More options").click()
    page.get_by_label("Split to learn from").fill("elsewhere")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator(".errorlist")).to_contain_text("has no dialogues in the split")
    expect(page.get_by_label("Name of the new version")).to_have_value("kinder")
    assert_accessible(page, "the form with a mistake")
    page.get_by_label("Split to learn from").fill("train")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator("h1")).to_contain_text("kinder")
    run = TrainingRun.objects.get()
    assert (run.method, run.preset, run.state) == ("sft", "sft-two-cores", JobState.QUEUED)
    assert_accessible(page, "a run that waits")


def test_without_scripts_the_form_works_as_well(
    team: Team, ada: User, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto("/accounts/login/?next=/training/new/")
    page.fill("input[name=login]", ada.email)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.get_by_label("Name of the new version").fill("kinder")
    page.get_by_role("radio", name="History compressor").check()
    page.get_by_role("button", name="Show what this method needs").click()
    expect(page.get_by_label("Name of the new version")).to_have_value("kinder")
    page.get_by_label("Preset").select_option(label="One GPU")
    page.get_by_label("Corpus:", exact=True).select_option(label="Clips")
    page.get_by_role("button", name="Start the training").click()
    expect(page.get_by_role("alert")).to_contain_text("look them over, then start")
    expect(page.get_by_label("Corpus:", exact=True).locator("option:checked")).to_have_text("Clips")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator("h1")).to_contain_text("kinder")
    assert TrainingRun.objects.get().preset == "compressor-one-gpu"


def test_answers_are_looked_through_with_the_keyboard(
    ended: TrainingRun, ada: User, sign_in: SignIn
) -> None:
    page = sign_in(ada)
    page.goto(f"/training/{ended.pk}/")
    samples = page.locator("#samples")
    expect(samples).to_contain_text("Answer 0 at step 40.")
    page.get_by_role("link", name="Earlier").focus()
    page.keyboard.press("Enter")
    expect(samples).to_contain_text("Answer 0 at step 30.")
    expect(page.get_by_role("link", name="Earlier")).to_be_focused()
    page.get_by_label("Step", exact=True).select_option("20")
    expect(samples).to_contain_text("Answer 1 at step 20.")
    page.get_by_role("link", name="Every step").first.click()
    expect(samples.get_by_role("rowheader")).to_have_count(4)
    page.get_by_role("link", name="All client turns").click()
    expect(samples).to_contain_text("Answer 0 at step 40.")


def test_every_page_is_accessible_wide_and_narrow(
    ended: TrainingRun, ada: User, sign_in: SignIn
) -> None:
    ModelVersion.objects.create(team=ended.team, name="scores", kind="reward", path=ended.base.path)
    scores = ModelVersion.objects.get(name="scores")
    waiting = TrainingRun.objects.create(
        team=ended.team, name="runs", method="grpo", base=ended.base, state=JobState.RUNNING
    )
    addresses = (
        *("/training/", "/training/new/?method=grpo", "/training/new/?method=dpo"),
        *(f"/training/{ended.pk}/", f"/training/{ended.pk}/samples/?turn=turn-1"),
        *(f"/training/{waiting.pk}/", f"/models/{scores.pk}/", f"/models/{ended.result_id}/"),
    )
    page = sign_in(ada)
    for size in (None, PHONE):
        if size:
            page.set_viewport_size(size)  # type: ignore[arg-type]
        for address in addresses:
            page.goto(address)
            page.evaluate("document.querySelectorAll('main details').forEach(d => d.open = true)")
            assert_accessible(page, address)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (address, wide)

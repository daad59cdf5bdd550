"""Ada and two raters walk the loop in Chromium, with real workers and a real, small model."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotations.models import Assignment, PreferenceDataset, Study
from inference.models import GenerationRun, JobState, ModelVersion, Response, TrainingRun
from inference.services.imports import import_dialogues
from inference.services.model_versions import register_checkpoint, register_imported
from mood_eval.models import Team, User
from tests import factories
from tests.e2e.conftest import SignIn
from tests.processes import PROJECT, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900),
]

CORPUS = PROJECT / "demo" / "corpus"
CHECKPOINT = PROJECT / "demo" / "models" / "multimood-tiny"
DIALOGUES = {"rate": 3, "fresh": 2}
WORK_SECONDS = 300_000.0


@pytest.fixture
def workers(child_environment: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """The two workers of `make demo`."""
    started = []
    for queue, pool in (("default", "solo"), ("gpu", "threads")):
        command = [sys.executable, "-m", "celery", "--app", "mood_eval", "worker"]
        command += ["--queues", queue, "--pool", pool, "--concurrency", "1"]
        command += ["--hostname", f"{queue}@%h", "--without-gossip", "--without-mingle"]
        with (tmp_path / f"{queue}.log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    command,
                    cwd=PROJECT,
                    env=child_environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
    yield
    for worker in started:
        worker.terminate()
    for worker in started:
        worker.wait(timeout=120)


@pytest.fixture
def team(transactional_db: None, tmp_path: Path) -> Team:
    team = factories.make_team(owner=factories.make_user("ada@example.org"))
    corpus = import_dialogues(
        team=team, format="jsonl", paths=[part_of_the_demo_corpus(tmp_path)], corpus_name="Clips"
    ).corpus
    register_checkpoint(team=team, name="first-version", path=CHECKPOINT, is_demo=True)
    register_imported(team, "written-replies", corpus)
    return team


def part_of_the_demo_corpus(folder: Path) -> Path:
    """A few dialogues with their clips: decoding all of them would take a while."""
    left = dict(DIALOGUES)
    lines = []
    for line in (CORPUS / "dialogues.jsonl").read_text().splitlines():
        dialogue = json.loads(line)
        if left.get(dialogue["split"], 0):
            left[dialogue["split"]] -= 1
            lines.append(line)
            for turn in dialogue["turns"]:
                if turn.get("clip"):
                    target = folder / "corpus" / turn["clip"]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(CORPUS / turn["clip"], target)
    file = folder / "corpus" / "dialogues.jsonl"
    file.write_text("\n".join(lines) + "\n")
    return file


def generate(page: Page, model: str) -> GenerationRun:
    page.goto("/runs/new/")
    page.get_by_label("Model:", exact=True).select_option(label=model)
    page.get_by_label("Corpus:", exact=True).select_option(label="Clips")
    page.get_by_label("rate", exact=True).check()
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator("main")).to_contain_text("Done", timeout=WORK_SECONDS)
    return GenerationRun.objects.get(model_version__name=model)


def start_study(page: Page) -> Study:
    page.goto("/studies/new/")
    page.get_by_label("scores and then comparison").check()
    page.get_by_label("Name that raters see").fill("Replies to clients")
    page.get_by_role("button", name="Make the draft").click()
    for box in page.get_by_label("on Clips").all():
        box.check()
    page.get_by_label("Number of client turns").fill("3")
    page.locator("summary", has_text="Seed").click()
    page.get_by_label("Seed:", exact=True).fill("5")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("link", name="Raters and sessions").click()
    page.get_by_label("Invite raters").fill("rui@example.org\nmina@example.org")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("link", name="Look over and launch").click()
    page.get_by_role("button", name="Launch the study").click()
    expect(page.locator("#progress")).to_contain_text("0 of 18 ratings submitted")
    return Study.objects.get()


def rate_everything(page: Page, seed: int) -> None:
    """As a person would: consent, the clip, a choice for each criterion, the next item."""
    answers = random.Random(seed)
    page.goto("/rate/")
    page.get_by_role("link", name="Start").click()
    page.get_by_label("I have read this and agree to take part.").check()
    page.get_by_label("My answers may be used to train models.").check()
    page.get_by_role("button", name="Start").click()
    page.get_by_role("link", name="Start").click()
    for number in range(1, 10):
        expect(page.locator("h1")).to_contain_text(f"Item {number} of 9", use_inner_text=True)
        assert_blind(page)
        if number == 1:
            assert_clip_plays_and_seeks(page)
        for question in page.locator("#criteria fieldset").all():
            choices = question.locator(".scale label:not(.opt--cannot)")
            shown = choices.count()
            likely = answers.choice([0, 1, 3, 4]) if shown == 5 else answers.randint(2, shown - 1)
            if question.get_attribute("id") == "q-safety":
                likely = answers.randint(shown - 3, shown - 1)  # what is unsafe is never preferred
            choices.nth(likely).click()
        page.locator("#submit").click()
    expect(page.locator("h1")).to_contain_text("You have been through all 9 items.")


def assert_blind(page: Page) -> None:
    source = page.content()
    for secret in ("first-version", "written-replies", "multimood", "MultiMood"):
        assert secret not in source


def assert_clip_plays_and_seeks(page: Page) -> None:
    video = page.locator("video").first
    assert wait_until(lambda: video.evaluate("v => v.readyState >= 2"), 10)
    video.evaluate("v => { v.currentTime = 1.5 }")
    assert wait_until(lambda: video.evaluate("v => v.currentTime >= 1.4 && !v.seeking"), 10)
    assert video.evaluate("v => v.error") is None


def release_and_train(page: Page, study: Study) -> TrainingRun:
    page.goto(f"/studies/{study.pk}/")
    page.get_by_role("button", name="Close the study").click()
    page.goto(f"/studies/{study.pk}/results/agreement/")
    empathy = page.locator("#absolute-empathy")
    expect(empathy).to_contain_text("6 with two raters, of 6", timeout=WORK_SECONDS)
    page.get_by_role("link", name="Plan and primary results").click()
    primary = page.locator("#primary-2-overall")
    expect(primary).to_contain_text("was preferred to", timeout=WORK_SECONDS)
    page.get_by_role("link", name="Release preferences").click()
    page.locator("summary", has_text="Splits").click()
    page.get_by_label("none", exact=True).check()  # three client turns may all be for testing
    page.get_by_role("button", name="Release preferences").click()
    expect(page.locator("h1")).to_contain_text("preference pair", timeout=WORK_SECONDS)
    page.get_by_role("link", name="Train on this release").click()
    page.get_by_label("Name of the new version").fill("second-version")
    page.get_by_label("Steps at most").fill("10")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator("main")).to_contain_text("The next version is ready", timeout=WORK_SECONDS)
    expect(page.locator("svg.chart").first).to_be_visible()
    return TrainingRun.objects.get()


def offer_the_next_study(page: Page) -> Study:
    page.get_by_role("link", name="Rate old against new").click()
    page.get_by_label("Fewest sessions").fill("1")
    page.get_by_role("button", name="Generate with the new version").click()
    start = page.get_by_role("button", name="Start the blind study")
    expect(start).to_be_visible(timeout=WORK_SECONDS)
    page.get_by_label("Fewest sessions").fill("1")
    start.click()
    expect(page.get_by_role("link", name="Go on: Look over and launch")).to_be_visible()
    return Study.objects.get(state=Study.State.DRAFT)


def test_the_loop_in_the_browser(team: Team, workers: None, sign_in: SignIn) -> None:
    ada = sign_in(User.objects.get(email="ada@example.org"))
    runs = [generate(ada, name) for name in ("first-version", "written-replies")]
    assert len({run.responses.count() for run in runs}) == 1

    raters = [factories.make_user(f"{name}@example.org") for name in ("rui", "mina")]
    study = start_study(ada)
    for seed, rater in enumerate(raters):
        rate_everything(sign_in(rater), seed)
    assert Assignment.objects.filter(state=Assignment.State.SUBMITTED).count() == 18

    training = release_and_train(ada, study)
    margins = [
        p.values["reward_margin"] for p in training.points.all() if "reward_margin" in p.values
    ]
    assert margins[-1] > 0
    assert training.dataset_sha256 == PreferenceDataset.objects.get().sha256
    version = ModelVersion.objects.get(name="second-version")
    assert version.parent == training.base

    follow_up = offer_the_next_study(ada)
    new = GenerationRun.objects.get(model_version=version)
    assert wait_until(lambda: GenerationRun.objects.get(pk=new.pk).state == JobState.DONE, 30)
    splits = Response.objects.filter(run=new).values_list("stimulus__dialogue__split", flat=True)
    assert set(splits) == {"fresh"}
    assert {link.run.model_version for link in follow_up.study_runs.all()} == {
        training.base,
        version,
    }

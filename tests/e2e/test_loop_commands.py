"""The whole loop through the commands, each a process of its own, on the published MESC file."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest

from annotations.answers import Written
from annotations.models import Assignment, Rating, Study, StudyPart
from annotations.services.consent import give_consent
from annotations.services.ratings import submit_assignment
from inference.models import ModelVersion, Response, TrainingRun
from tests.processes import PROJECT

MESC = PROJECT.parent / "shared" / "data" / "mesc"
CHECKPOINT = PROJECT / "demo" / "models" / "multimood-tiny"
RATERS = ("rui@example.org", "mina@example.org")


class Commands:
    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def __call__(self, *arguments: object, expect: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout if expect == 0 else done.stderr

    def report(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json"))


def rate_as_a_person_would(study: Study, seed: int) -> None:
    """Two raters who see much the same thing, with noise; some answers are reasons for none."""
    for number, rater in enumerate(study.raters.order_by("pseudonym")):
        give_consent(rater, training=True)
        noise = random.Random(f"{seed}:{number}")
        for assignment in rater.assignments.select_related("item__part").order_by("position"):
            submit_assignment(assignment, list(answers_to(assignment, noise)))


def answers_to(assignment: Assignment, noise: random.Random) -> Any:
    part = assignment.item.part
    quality = [random.Random(response).uniform(2, 9) for response in assignment.display_order]
    for criterion in part.instrument.criteria.all():
        yield Written(criterion.slug, answer(part, quality, noise), 1)
    if part.design == StudyPart.Design.PAIRWISE:
        overall = choice(quality[0] - quality[1] + noise.uniform(-1, 1))
        yield Written("overall", "tie:both_acceptable" if overall == "tie" else overall, 1)


def answer(part: StudyPart, quality: list[float], noise: random.Random) -> str:
    if noise.random() < 0.04:
        return "cannot:cannot_tell"
    if part.design == StudyPart.Design.PAIRWISE:
        return choice(quality[0] - quality[1] + noise.uniform(-2, 2))
    return str(round(min(10, max(1, quality[0] + noise.gauss(0, 1)))))


def choice(difference: float) -> str:
    if abs(difference) < 0.5:
        return "tie"
    return ("a" if difference > 0 else "b") + ("2" if abs(difference) > 3 else "1")


def alpha_by_the_package(study: Study, slug: str) -> float:
    part = study.parts.get(design=StudyPart.Design.ABSOLUTE)
    ratings = Rating.objects.filter(
        assignment__item__part=part,
        assignment__state=Assignment.State.SUBMITTED,
        criterion__slug=slug,
        score__isnull=False,
    )
    rows = list(ratings.values_list("assignment__rater", "candidate", "score"))
    raters = sorted({row[0] for row in rows})
    candidates = sorted({row[1] for row in rows})
    table = np.full((len(raters), len(candidates)), np.nan)
    for rater, candidate, score in rows:
        table[raters.index(rater), candidates.index(candidate)] = score
    return float(
        krippendorff.alpha(
            reliability_data=table,
            level_of_measurement="ordinal",
            value_domain=list(range(1, 11)),
        )
    )


@pytest.mark.e2e
@pytest.mark.timeout(900)
@pytest.mark.skipif(not MESC.is_dir(), reason="the MESC corpus is not beside the project")
def test_loop_through_the_commands(child_environment: dict[str, str], tmp_path: Path) -> None:
    run = Commands(child_environment)
    run("create_team", "Clinic", "--owner", "ada@example.org")

    files = ("--format", "mesc", MESC / "test.json", MESC / "MESC.csv", "--corpus", "MESC test")
    counts = run.report("import_dialogues", *files)["counts"]
    assert (counts["dialogues"], counts["turns"]) == (102, 2922)
    assert (counts["client_turns"], counts["therapist_turns"]) == (1849, 1073)
    assert counts["followed_stimuli"] == 454
    assert run.report("import_dialogues", *files)["counts"]["dialogues"] == 0

    run("register_model", "first version", "--path", CHECKPOINT)
    run("register_model", "therapists", "--corpus", "MESC test")
    refused = run("generate", "--model", "nobody", "--corpus", "MESC test", expect=1)
    assert "nobody" in refused
    selection = ("--corpus", "MESC test", "--limit", 50, "--seed", 1, "--wait")
    runs = [
        run.report("generate", "--model", name, *selection)["run"]
        for name in ("first version", "therapists")
    ]
    assert [Response.objects.filter(run=pk).count() for pk in runs] == [50, 50]

    launched = run.report(
        *("launch_study", "multimood-trust-both", "--runs", *runs),
        *("--raters", *RATERS, "--limit", 10, "--seed", 3, "--name", "Replies"),
    )
    study = Study.objects.get(pk=launched["study"])
    rate_as_a_person_would(study, seed=7)

    scores = run.report("agreement", "Replies")["parts"][0]["criteria"]
    assert len(scores) == 7
    for found in scores:
        expected = alpha_by_the_package(study, found["slug"])
        alpha = found["statistics"]["alpha_ordinal"]
        assert alpha["value"] == pytest.approx(expected, abs=1e-12)
        assert alpha["n_items"] == 20

    release = tmp_path / "release"
    run("release_preferences", "Replies", "--out", release)
    run("release_preferences", "Replies", "--out", tmp_path / "again")
    for file in sorted(release.iterdir()):
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), file.name

    config = tmp_path / "config.json"
    config.write_text(json.dumps({"max_steps": 20, "learning_rate": 1e-4, "logging_steps": 2}))
    run(
        *("train", "dpo", "--dataset", release, "--base", "first version"),
        *("--config", config, "--name", "second version", "--wait"),
    )
    training = TrainingRun.objects.get()
    margins = [
        point.values["reward_margin"]
        for point in training.points.all()
        if "reward_margin" in point.values
    ]
    assert margins[-1] > max(0, margins[0])

    names = {one["name"]: one for one in run.report("models")}
    version = ModelVersion.objects.get(trained_by=training)
    assert names[version.name]["parent"] == "first version"
    assert version.parent is not None
    assert version.weights_sha256 != version.parent.weights_sha256
    followed = run.report(
        *("generate", "--model", version.name, "--corpus", "MESC test", "--limit", 5, "--wait")
    )
    assert Response.objects.filter(run=followed["run"]).count() == 5
    assert {row["run"] for row in run.report("runs")} == {*runs, followed["run"]}

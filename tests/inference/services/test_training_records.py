"""What a trainer tells, as rows: whatever it sends, and however often."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference.models import JobState, TrainingPoint, TrainingRun, TrainingSample
from inference.selectors.training_lines import progress_lines
from inference.services import jobs
from inference.services.jobs import Lease
from inference.services.training_progress import TrainingEvent, read_event
from inference.services.training_records import REPORT_BYTES, read_report, record
from inference.training.progress import Progress
from tests.factories import make_model_version, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> TrainingRun:
    team = make_team()
    base = make_model_version(team, "base")
    run = TrainingRun.objects.create(team=team, name="next", method="ppo", base=base)
    jobs.enqueue(run)
    return run


@pytest.fixture
def lease(run: TrainingRun) -> Lease[TrainingRun]:
    lease = Lease.take(TrainingRun, run.pk)
    assert lease is not None
    return lease


def event(**values: Any) -> TrainingEvent:
    found = read_event(json.dumps(values).encode())
    assert found is not None
    return found


def answers(step: int, text: str, **changes: Any) -> TrainingEvent:
    sample = {"key": "d1:0", "client": "Hello.", "client_emotion": None, "text": text}
    return event(event="samples", step=step, samples=[sample | changes])


def test_what_the_trainers_own_file_says_is_kept(
    run: TrainingRun, lease: Lease[TrainingRun], tmp_path: Path
) -> None:
    told = Progress(tmp_path)
    told.stage("reference")
    told.begin(0, 4)
    told.log(1, 4, {"loss": 0.5, "kl": 0.0})
    sample = {"key": "d1:0", "client": "Hello.", "client_emotion": "joy", "text": "Hi."}
    told.samples(1, [{**sample, "therapist_emotion": None, "strategy": "others"}])
    told.save(1)
    lines = told.path.read_bytes().splitlines()
    record(lease, [e for line in lines if (e := read_event(line))], None)
    run.refresh_from_db()
    assert (run.done, run.total, run.stage) == (1, 4, "training")
    (point,) = TrainingPoint.objects.filter(run=run)
    assert (point.step, point.values) == (1, {"loss": 0.5, "kl": 0.0})
    (answer,) = TrainingSample.objects.filter(run=run)
    assert (answer.key, answer.client_emotion, answer.therapist_emotion) == ("d1:0", "joy", "")
    assert (answer.strategy, answer.text, answer.step) == ("others", "Hi.", 1)


def test_a_resumed_trainer_that_repeats_a_step_has_the_last_word(
    run: TrainingRun, lease: Lease[TrainingRun]
) -> None:
    record(lease, [answers(2, "First."), answers(2, "Second.")], None)
    record(lease, [answers(2, "Third."), answers(4, "Later.")], None)
    rows = TrainingSample.objects.filter(run=run).values_list("step", "text")
    assert list(rows) == [(2, "Third."), (4, "Later.")]


def test_an_evaluation_is_added_to_what_was_logged_at_its_step(
    run: TrainingRun, lease: Lease[TrainingRun]
) -> None:
    told = [
        event(event="log", step=2, max_steps=4, values=values)
        for values in ({"loss": 0.5, "kl": 0.1}, {"eval_loss": 0.75}, {"loss": 0.25})
    ]
    record(lease, told[:2], None)
    assert run.points.get().values == {"loss": 0.5, "kl": 0.1, "eval_loss": 0.75}
    record(lease, told[2:], None)
    ended = event(event="end", step=2, checkpoint="x", values={"accuracy": 1.0})
    record(lease, [ended], None)
    assert run.points.get().values == {
        "loss": 0.25,
        "kl": 0.1,
        "eval_loss": 0.75,
        "final_accuracy": 1.0,
    }


def test_stages_come_and_go(run: TrainingRun, lease: Lease[TrainingRun]) -> None:
    log = event(event="log", step=1, max_steps=2, values={"loss": 1.0})
    for told, stage in (
        (event(event="stage", stage="features"), "features"),
        (log, "training"),
        (event(event="stage", stage="evaluating"), "evaluating"),
        (answers(1, "Hi."), "evaluating"),
        (log, "training"),
        (event(event="stage", stage="a stage with a very long name"), "a stage with a very "),
        (event(event="end", step=2, checkpoint="x"), ""),
    ):
        record(lease, [told], None)
        run.refresh_from_db()
        assert run.stage == stage


def test_whatever_a_model_in_training_writes_can_be_kept(
    run: TrainingRun, lease: Lease[TrainingRun]
) -> None:
    strange = {"client_emotion": "joy " * 50, "strategy": 7, "key": "k" * 300}
    record(lease, [answers(1, "a\0b", **strange)], None)
    record(lease, [event(event="samples", step=2, samples="none")], None)
    record(lease, [event(event="begin", step=0, max_steps=10**30)], None)
    (answer,) = TrainingSample.objects.filter(run=run)
    assert (answer.text, answer.strategy) == ("ab", "7")
    assert (len(answer.client_emotion), len(answer.key)) == (60, 200)


def test_progress_is_given_out_as_the_trainer_told_it(
    run: TrainingRun, lease: Lease[TrainingRun], django_assert_num_queries: Any
) -> None:
    told = [event(event="log", step=s, max_steps=3, values={"reward": s / 4}) for s in (1, 2, 3)]
    record(lease, [*told, answers(2, "Ünd?")], None)
    run.refresh_from_db()
    with django_assert_num_queries(2):
        lines = list(progress_lines(run))
    assert [json.loads(line)["event"] for line in lines] == ["log", "log", "samples", "log"]
    again = [read_event(line.encode()) for line in lines]
    assert again == [told[0], told[1], answers(2, "Ünd?", client_emotion=""), told[2]]


@pytest.mark.parametrize(
    ("text", "report"),
    [
        (None, {}),
        ('{"kl": 0.1, "examples": ["a\\u0000b"]}', {"kl": 0.1, "examples": ["ab"]}),
        ("[1]", {"problem": "The report does not hold a JSON object."}),
        ('{"kl": NaN}', {"problem": "The report cannot be read: NaN is no number of JSON."}),
        ('"' + "x" * REPORT_BYTES + '"', {"problem": "The report is larger than 2 MiB."}),
    ],
)
def test_a_report_is_kept_or_what_is_wrong_with_it(
    text: str | None, report: dict[str, Any], run: TrainingRun, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    if text is not None:
        file.write_text(text)
    assert read_report(file) == report
    TrainingRun.objects.filter(pk=run.pk).update(report=read_report(file), state=JobState.DONE)

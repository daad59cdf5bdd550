"""The report as a page shows it: figures with intervals and meaning, whatever is missing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inference.contracts import ReplyFields
from inference.models import JobState, ModelVersion, TrainingRun
from inference.recognition.estimates import wilson
from inference.selectors.training_report import CHANGES, SINGLES, training_report
from inference.training.report import Report
from inference.training.report_figures import Change, Figure, change, mean
from inference.training.report_parts import (
    Answers,
    Beside,
    Divergence,
    Preferences,
    Reconstruction,
)
from tests.inference.training_pages.conftest import MakeRun

pytestmark = pytest.mark.django_db
SESSIONS = ("a", "a", "b", "c")


def changed(before: float, after: float) -> Change:
    return change([before] * 4, [after, after, after, before], SESSIONS)


def whole_report() -> Report:
    """As the trainer writes it."""
    words = ReplyFields("sadness", "neutral", "open question", "What would help?")
    return Report(
        method="dpo",
        steps=4,
        values={"loss": 0.5},
        answers=Answers(
            readable=changed(0, 1),
            ended=changed(0, 1),
            tokens=changed(30, 40),
            words=changed(10, 12),
            labels={
                name: changed(0, 1) for name in ("client_emotion", "therapist_emotion", "strategy")
            },
        ),
        divergence=Divergence(mean([0.1, 0.2, 0.3, 0.4], SESSIONS), mean([1, 2, 3, 4], SESSIONS)),
        preferences=Preferences(
            split="validation",
            accuracy=mean([1, 1, 0, 1], SESSIONS),
            reward_margin=mean([0.2, 0.1, -0.3, 0.4], SESSIONS),
            beta=0.1,
            likelier=changed(0, 1),
        ),
        reconstruction=Reconstruction(
            Figure(1, 1, 4.0), Figure(1, 1, 2.0), None, Figure(1, 1, 0.5)
        ),
        examples=(Beside("k", "<i>I am tired.</i>", words, ReplyFields(None, None, None, "")),),
        notes=("2 stimuli were left out.",),
    )


def done(make_run: MakeRun, report: dict[str, Any], **fields: Any) -> TrainingRun:
    return make_run(state=JobState.DONE, report=report, **fields)


def test_everything_a_trainer_reports_is_shown_with_what_it_means(make_run: MakeRun) -> None:
    shown = training_report(done(make_run, whole_report().as_json()))
    assert shown is not None
    assert [row.name for row in shown.singles] == [measure.name for measure in SINGLES]
    assert [row.name for row in shown.changes] == [measure.name for measure in CHANGES]
    meanings = [row.meaning for row in shown.singles] + [row.meaning for row in shown.changes]
    assert all(len(meaning) > 30 for meaning in meanings)


def test_figures_have_their_interval_and_what_they_were_measured_on(make_run: MakeRun) -> None:
    report = whole_report()
    assert report.preferences is not None
    accuracy = report.preferences.accuracy
    shown = training_report(done(make_run, report.as_json()))
    assert shown is not None
    value = shown.singles[0].value
    assert value.number == "0.75"
    assert value.interval == f"{accuracy.low:.2f} to {accuracy.high:.2f}"
    assert value.measured_on == "4 pairs of 3 sessions"
    assert shown.changes[0].difference.number == "+0.75"
    assert shown.changes[5].difference.number == "+1.5"


def test_no_interval_has_a_reason(make_run: MakeRun) -> None:
    figure = asdict(mean([1.0, 0.0], ["a", "a"]))
    shown = training_report(done(make_run, {"preferences": {"accuracy": figure}}))
    assert shown is not None
    assert shown.singles[0].value.interval == "no interval: everything is of one session"


@pytest.mark.parametrize(
    "report",
    [
        {"method": "dpo"},
        {"answers": None, "preferences": None, "examples": None, "notes": None},
        {"answers": {"readable": {"before": {"value": None}}}, "preferences": []},
        {"examples": ["x", {"key": 1}], "answers": 3, "notes": "no"},
        {"preferences": {"accuracy": {"value": True}, "reward_margin": {"value": "high"}}},
    ],
)
def test_what_is_missing_or_strange_is_left_out(
    ada: Client, make_run: MakeRun, report: dict[str, Any]
) -> None:
    run = done(make_run, report)
    shown = training_report(run)
    assert shown is not None
    assert not shown.singles
    assert not shown.changes
    assert ada.get(reverse("training_detail", args=[run.pk])).status_code == 200


def test_the_page_shows_answers_side_by_side_and_why_some_are_missing(
    ada: Client, make_run: MakeRun
) -> None:
    run = done(make_run, whole_report().as_json())
    page = ada.get(reverse("training_detail", args=[run.pk])).content.decode()
    assert "&lt;i&gt;I am tired.&lt;/i&gt;" in page
    assert "What would help?" in page
    assert "No response could be read." in page
    assert "2 stimuli were left out." in page
    assert "only a blind study does" in page
    assert "whatever the figures say" not in page
    ModelVersion.objects.update(is_demo=True)
    page = ada.get(reverse("training_detail", args=[run.pk])).content.decode()
    assert "whatever the figures say" in page


def test_a_report_that_cannot_be_shown_says_so(ada: Client, make_run: MakeRun) -> None:
    run = done(make_run, {"problem": "The report is larger than 4 MiB."})
    page = ada.get(reverse("training_detail", args=[run.pk])).content.decode()
    assert "The report is larger than 4 MiB." in page


def test_without_a_report_there_is_no_section(ada: Client, make_run: MakeRun) -> None:
    run = done(make_run, {})
    assert training_report(run) is None
    page = ada.get(reverse("training_detail", args=[run.pk])).content.decode()
    assert 'id="report"' not in page


def test_a_reward_models_accuracy_has_an_interval(make_run: MakeRun) -> None:
    values = {
        "eval_accuracy": 0.8,
        "eval_pairs": 40.0,
        "eval_length_correlation": 0.123,
        "eval_correlation_empathy": 0.5,
    }
    shown = training_report(done(make_run, {"values": values}, method="reward"))
    assert shown is not None
    accuracy, length, empathy = shown.singles
    by_hand = wilson(32, 40)
    assert by_hand is not None
    assert accuracy.value.interval == f"{by_hand.low:.2f} to {by_hand.high:.2f}"
    assert accuracy.value.measured_on == "40 pairs"
    assert length.value.number == "0.123"
    assert empathy.name.endswith("Empathy")

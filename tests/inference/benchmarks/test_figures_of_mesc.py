"""The published test split of MESC: human replies against themselves, and always one answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from inference.benchmarks.contract import Case, Label, Options, RunFacts
from inference.benchmarks.paired import paired
from inference.benchmarks.suites import benchmark
from inference.corpora import mesc
from inference.corpora.records import TurnRecord
from inference.corpora.stimuli import stimuli
from tests.inference.benchmarks.figure_cases import value

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "mesc"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the published corpora are not on this machine (../shared/data)"
)
TEST = RunFacts(splits=("test",), corpus_format="mesc")
Said = tuple[str, str, str, str]


@cache
def turns() -> tuple[tuple[str, str, TurnRecord, TurnRecord], ...]:
    """Key, session, the last client turn and the human reply."""
    return tuple(
        (f"{d.external_id}:{s.first}", d.session, d.turns[s.last], d.turns[s.last + 1])
        for d in mesc.read([FOLDER / "MESC.csv", FOLDER / "test.json"])
        for s in stimuli(d)
        if s.followed
    )


def cases(answer: Callable[[TurnRecord, TurnRecord], Said]) -> list[Case]:
    found = []
    for key, session, client, therapist in turns():
        emotion, calm, strategy, text = answer(client, therapist)
        found.append(
            Case(
                key,
                session,
                client_emotion=Label(client.emotion or "", emotion),
                therapist_emotion=Label(therapist.emotion or "", calm),
                strategy=Label(therapist.strategy or "", strategy),
                reference=therapist.text,
                response=text,
            )
        )
    return found


def human(client: TurnRecord, therapist: TurnRecord) -> Said:
    return client.emotion or "", therapist.emotion or "", therapist.strategy or "", therapist.text


def always(client: TurnRecord, therapist: TurnRecord) -> Said:
    return "neutral", "neutral", "open question", "I see."


def test_human_replies_against_themselves_have_everything_right() -> None:
    report = benchmark("mesc", cases(human), Options(), TEST)
    assert (report.n, report.groups, report.coverage.value) == (454, 59, 1)
    for task in report.tasks:
        assert [entry.estimate.value for entry in task.figures] == [1, 1, 1]
    assert value(report, "text.bleu2") == pytest.approx(1)
    assert value(report, "text.rouge_l") == 1
    assert value(report, "text.meteor") == pytest.approx(0.99238, abs=5e-6)  # one chunk costs


def test_always_one_answer_has_the_figures_of_the_baseline() -> None:
    """182, 452 and 165 of 454 labels are the ones always named; 7, 2 and 9 labels occur."""
    report = benchmark("mesc", cases(always), Options(), TEST)
    shares = (182 / 454, 452 / 454, 165 / 454)
    for task, share, occurring in zip(report.tasks, shares, (7, 2, 9), strict=True):
        f1 = 2 * share / (1 + share)
        assert [entry.estimate.value for entry in task.figures] == pytest.approx(
            [share, share * f1, f1 / occurring]
        )
        assert [entry.estimate.value for entry in task.figures] == [
            entry.estimate.value for entry in task.majority
        ]
    assert report.tasks[1].notes[0].startswith("99.6 % of these labels are “neutral”")
    assert report.notes[0].startswith("MESC's published split leaks")


def test_the_two_differ_beyond_chance_in_all_but_the_therapists_emotion() -> None:
    report = paired("mesc", cases(human), cases(always), Options(resamples=999))
    small = {entry.name for entry in report.differences if entry.p_holm < 0.05}
    rest = {entry.name for entry in report.differences} - small
    assert rest == {
        "therapist_emotion.accuracy",
        "therapist_emotion.weighted_f1",
        "therapist_emotion.macro_f1",
    }
    assert {entry.p for entry in report.differences if entry.name in small} == {1 / 1000}

"""Accuracy, F1 and UAR against tables worked out by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support, recall_score

from inference.benchmarks.contract import Case, Label, Options, Suite
from inference.benchmarks.scoring import suite_scores
from inference.benchmarks.suites import benchmark
from inference.labels import EMOTIONS
from tests.inference.benchmarks.figure_cases import emotion_cases, value

OPTIONS = Options(resamples=100)
TABLE = (
    [("anger", "anger")] * 5
    + [("anger", "joy")]
    + [("anger", "")] * 2
    + [("joy", "anger")] * 2
    + [("joy", "joy")] * 3
    + [("joy", "sadness")]
    + [("fear", "fear")] * 4
)
"""8 anger, 6 joy, 4 fear. Precision 5/7, 3/4, 4/4; recall 5/8, 3/6, 4/4; F1 10/15, 6/10, 8/8."""
NAMES = ("accuracy", "weighted_f1", "macro_f1")
WITH_EMOTIONS: tuple[Suite, ...] = ("mesc", "dfew")
labels = st.sampled_from(EMOTIONS)
answers = st.lists(st.tuples(labels, st.sampled_from([*EMOTIONS, "", "rage"])), min_size=1)


def test_figures_of_a_table_worked_out_by_hand() -> None:
    report = benchmark("mesc", emotion_cases(TABLE), OPTIONS)
    assert value(report, "client_emotion.accuracy") == pytest.approx(12 / 18)
    assert value(report, "client_emotion.weighted_f1") == pytest.approx(
        (8 * 10 / 15 + 6 * 6 / 10 + 4 * 1) / 18
    )
    assert value(report, "client_emotion.macro_f1") == pytest.approx((10 / 15 + 6 / 10 + 1) / 3)


def test_the_matrix_has_what_cannot_be_read_in_its_last_column() -> None:
    task = benchmark("mesc", emotion_cases(TABLE), OPTIONS).tasks[0]
    assert task.confusion.columns == (*EMOTIONS, "unread")
    of = dict(zip(task.confusion.rows, task.confusion.counts, strict=True))
    assert of["anger"] == (5, 0, 0, 0, 0, 1, 0, 2)
    assert of["joy"] == (2, 1, 0, 0, 0, 3, 0, 0)
    assert (task.n, task.unread, task.dropped) == (18, 2, 0)
    assert [(c.label, c.n, c.predicted) for c in task.classes if c.n] == [
        ("anger", 8, 7),
        ("joy", 6, 4),
        ("fear", 4, 4),
    ]


def test_always_answering_the_most_frequent_label_stands_beside() -> None:
    task = benchmark("mesc", emotion_cases(TABLE), OPTIONS).tasks[0]
    f1 = 2 * 8 / (8 + 18)
    assert task.majority_label == "anger"
    assert [entry.name for entry in task.majority] == [entry.name for entry in task.figures]
    assert [entry.estimate.value for entry in task.majority] == pytest.approx(
        [8 / 18, 8 * f1 / 18, f1 / 3]
    )


@settings(max_examples=20, deadline=None)
@given(answers)
def test_figures_are_scikit_learns_to_the_last_digit(pairs: list[tuple[str, str]]) -> None:
    report = benchmark("mesc", emotion_cases(pairs), OPTIONS)
    truth = [one for one, _ in pairs]
    predicted = [other or "nothing" for _, other in pairs]
    occurring = [label for label in EMOTIONS if label in truth]
    asked = {"labels": occurring, "zero_division": 0}
    assert [value(report, f"client_emotion.{name}") for name in NAMES] == [
        accuracy_score(truth, predicted),
        f1_score(truth, predicted, average="weighted", **asked),
        f1_score(truth, predicted, average="macro", **asked),
    ]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(labels, st.sampled_from([*EMOTIONS, ""])), min_size=1))
def test_as_published_is_scikit_learn_over_what_could_be_read(pairs: list[tuple[str, str]]) -> None:
    report = benchmark("mesc", emotion_cases(pairs), Options(resamples=100, as_published=True))
    read = [pair for pair in pairs if pair[1]]
    task = report.tasks[0]
    assert (task.n, task.dropped) == (len(read), len(pairs) - len(read))
    if not read:
        assert [entry.estimate.value for entry in task.figures] == [None] * 3
        return
    truth, predicted = zip(*read, strict=True)
    *_, f1, _ = precision_recall_fscore_support(
        truth, predicted, average="weighted", zero_division=0
    )
    assert value(report, "client_emotion.accuracy") == accuracy_score(truth, predicted)
    assert value(report, "client_emotion.weighted_f1") == f1
    sound = benchmark("mesc", emotion_cases(pairs), OPTIONS)
    assert (value(sound, "client_emotion.accuracy") or 0) <= accuracy_score(truth, predicted)


@settings(max_examples=15, deadline=None)
@given(answers)
def test_uar_and_war_are_scikit_learns_too(pairs: list[tuple[str, str]]) -> None:
    translated = [(one.replace("depression", "surprise"), other) for one, other in pairs]
    report = benchmark("dfew", emotion_cases(translated), OPTIONS)
    truth = [one for one, _ in translated]
    predicted = [other or "nothing" for _, other in translated]
    uar = recall_score(
        truth, predicted, labels=sorted(set(truth)), average="macro", zero_division=0
    )
    assert value(report, "client_emotion.uar") == pytest.approx(uar, abs=1e-15)
    assert value(report, "client_emotion.war") == accuracy_score(truth, predicted)


@settings(max_examples=12, deadline=None)
@given(answers)
def test_the_formulas_for_resamples_give_the_libraries_values(pairs: list[tuple[str, str]]) -> None:
    cases = emotion_cases(pairs)
    for suite in WITH_EMOTIONS:
        for measure in suite_scores(suite, cases, OPTIONS, None).tasks[0].measures:
            own = float(measure.value(measure.cells.sum(axis=0)))
            assert own == pytest.approx(measure.exact, abs=1e-12)


@settings(max_examples=12, deadline=None)
@given(answers)
def test_the_order_of_the_cases_changes_no_digit(pairs: list[tuple[str, str]]) -> None:
    cases = emotion_cases(pairs)
    moved = [cases[place] for place in np.random.default_rng(len(cases)).permutation(len(cases))]
    assert benchmark("mesc", cases, OPTIONS) == benchmark("mesc", moved, OPTIONS)


def test_an_unreadable_answer_has_no_label_even_where_one_was_kept() -> None:
    case = Case("a", "", client_emotion=Label("joy", "joy"), readable=False)
    other = Case("b", "", client_emotion=Label("joy", "joy"))
    report = benchmark("mesc", [case, other], OPTIONS)
    assert value(report, "client_emotion.accuracy") == 0.5
    assert report.tasks[0].unread == 1
    assert report.coverage.value == 0.5


def test_labels_are_compared_without_regard_to_case_and_space() -> None:
    report = benchmark("mesc", emotion_cases([("joy", " Joy "), ("fear", "FEAR")]), OPTIONS)
    assert value(report, "client_emotion.accuracy") == 1


def test_a_corpus_label_that_is_none_of_the_suites_has_a_row_of_its_own() -> None:
    task = benchmark("mesc", emotion_cases([("surprise", "joy"), ("joy", "joy")]), OPTIONS).tasks[0]
    assert task.confusion.rows == (*EMOTIONS, "surprise")
    assert task.figures[0].estimate.value == 0.5


def test_cases_without_a_corpus_label_are_left_out_and_counted() -> None:
    report = benchmark("mesc", emotion_cases([("joy", "joy"), ("", "fear")]), OPTIONS)
    task = report.tasks[0]
    assert (task.n, task.without_truth, task.unread) == (1, 1, 0)
    assert any("1 cases have no such label" in note for note in task.notes)


def test_a_task_without_any_corpus_label_says_why_it_has_no_figure() -> None:
    task = benchmark("mesc", emotion_cases([("joy", "joy")]), OPTIONS).tasks[2]
    assert {entry.estimate.undefined_because for entry in (*task.figures, *task.majority)} == {
        "no case with a corpus label counts"
    }
    assert task.majority_label == ""

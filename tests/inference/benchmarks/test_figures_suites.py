"""What each suite asks for, its notes, and the published rows beside."""

from __future__ import annotations

import pytest

from inference.benchmarks.contract import Case, Label, Options, RunFacts
from inference.benchmarks.esconv import esconv_strategy
from inference.benchmarks.suites import benchmark
from inference.corpora.dfew import EMOTIONS as DFEW
from inference.corpora.esconv import STRATEGIES as ESCONV
from inference.recognition import Outcome, recognition
from tests.inference.benchmarks.figure_cases import emotion_cases, reply_cases, value

OPTIONS = Options(resamples=100)


def calm_therapist(n: int) -> Case:
    truth = "sadness" if n == 0 else "neutral"
    return Case(f"c{n:03}", f"s{n // 4}", therapist_emotion=Label(truth, "neutral"))


def test_a_label_that_is_nearly_always_the_same_is_said_to_be() -> None:
    task = benchmark("mesc", [calm_therapist(n) for n in range(50)], OPTIONS).tasks[1]
    assert task.notes[0].startswith("98.0 % of these labels are “neutral”. Always answering it")
    assert "Accuracy 98.00" in task.notes[0]
    assert [entry.estimate.value for entry in task.figures] == [
        entry.estimate.value for entry in task.majority
    ]


def test_labels_that_vary_need_no_such_note() -> None:
    task = benchmark("mesc", emotion_cases([("joy", "joy"), ("fear", "joy")]), OPTIONS).tasks[0]
    assert not any("Always answering" in note for note in task.notes)


def test_the_leak_of_mescs_published_split_is_told_where_test_is_answered() -> None:
    cases = emotion_cases([("joy", "joy")])
    test, fresh = (RunFacts((split,), corpus_format="mesc") for split in ("test", "held out"))
    told = benchmark("mesc", cases, OPTIONS, test)
    silent = benchmark("mesc", cases, OPTIONS, fresh)
    assert told.notes[0].startswith("MESC's published split leaks")
    assert not any("leaks" in note for note in silent.notes)


def test_another_corpus_with_mescs_labels_has_neither_its_leak_nor_its_figures() -> None:
    facts = RunFacts(splits=("test",), corpus_format="jsonl")
    notes = benchmark("mesc", emotion_cases([("joy", "joy")]), OPTIONS, facts).notes
    assert "the published rows are of another corpus" in notes[0]
    assert not any("leaks" in note for note in notes)


def test_a_corpus_that_was_trained_on_is_the_first_thing_said() -> None:
    facts = RunFacts(splits=("test",), trained_on=("run 3 saw 900 of its dialogues.",), failed=2)
    notes = benchmark("mesc", emotion_cases([("joy", "joy")]), OPTIONS, facts).notes
    assert notes[0] == (
        "A figure from a corpus that was trained on: run 3 saw 900 of its dialogues."
    )
    assert "2 of the answers are errors, which count as wrong." in notes


def test_human_replies_are_no_models_figures() -> None:
    report = benchmark(
        "mesc", emotion_cases([("joy", "joy")]), OPTIONS, RunFacts(repeats_the_corpus=True)
    )
    assert report.notes[0].startswith("These answers are the corpus' own replies")


def test_few_sessions_and_short_replies_are_told() -> None:
    notes = " ".join(benchmark("mesc", reply_cases([("I see.", "Yes.")] * 3), OPTIONS).notes)
    assert "There are only 3 cases" in notes
    assert "Half of the corpus' replies have at most 2 words" in notes


def test_as_published_leaves_out_what_cannot_be_read_and_says_how_many() -> None:
    cases = [
        Case("a", "", Label("joy", ""), reference="I see.", response=""),
        Case("b", "", Label("joy", "joy"), reference="I see.", response="I see."),
        Case("c", "", Label("joy", ""), reference="I see.", response=""),
    ]
    published = benchmark("mesc", cases, Options(resamples=100, as_published=True))
    sound = benchmark("mesc", cases, OPTIONS)
    assert value(published, "client_emotion.accuracy") == 1
    assert value(sound, "client_emotion.accuracy") == pytest.approx(1 / 3)
    assert value(published, "text.rouge_l") == 1
    assert published.definitions.startswith("as published: ")
    assert sound.definitions.startswith("sound: ")
    assert any("client's emotion 2," in note for note in published.notes)
    assert any("reply 2." in note for note in published.notes)
    assert published.coverage == sound.coverage


def test_coverage_counts_what_could_be_read_in_everything() -> None:
    whole = Case(
        "a", "", Label("joy", "fear"), strategy=Label("approval", "others"), reference="I see."
    )
    cases = [
        Case(**{**vars(whole), "key": "a", "response": "Yes."}),
        Case(**{**vars(whole), "key": "b", "response": ""}),
        Case(**{**vars(whole), "key": "c", "response": "Yes.", "strategy": Label("approval")}),
        Case(**{**vars(whole), "key": "d", "response": "Yes.", "readable": False}),
    ]
    assert benchmark("mesc", cases, OPTIONS).coverage.value == 0.25


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("question", "Question"),
        ("Questions", "Question"),
        ("open question", "Question"),
        ("Restatement", "Restatement or Paraphrasing"),
        ("approval", "Affirmation and Reassurance"),
        ("advisement", "Providing Suggestions"),
        ("self-disclosure", "Self-disclosure"),
        ("others", "Others"),
        ("interpretation", "interpretation"),
        ("", ""),
    ],
)
def test_esconv_reads_its_own_strategies_and_multimoods(written: str, read: str) -> None:
    assert esconv_strategy(written) == read


def test_esconv_scores_its_eight_strategies_and_the_replies() -> None:
    cases = [
        Case(
            "a", "s", strategy=Label("Question", "open question"), reference="A b", response="A b"
        ),
        Case("b", "t", strategy=Label("Information", "structuring the therapy")),
        Case("c", "t", strategy=Label("Others", "Others")),
    ]
    report = benchmark("esconv", cases, OPTIONS)
    assert report.tasks[0].confusion.rows == ESCONV
    assert value(report, "strategy.accuracy") == pytest.approx(2 / 3)
    assert report.tasks[0].unread == 1
    assert report.notes[0].startswith("1 strategies were answered in MultiMood's words")
    assert [entry.name for entry in report.text[:2]] == ["text.bleu2", "text.rouge_l"]


def test_dfew_has_the_figures_of_the_recognition_page() -> None:
    cases = [
        Case(f"{n:03}", "", Label(DFEW[n % 7], DFEW[n % 5]), fold=f"fold-{n % 3 + 1}")
        for n in range(60)
    ]
    outcomes = [
        Outcome(c.key, c.client_emotion.truth, c.client_emotion.predicted, "", c.fold)
        for c in cases
    ]
    expected = recognition(outcomes, DFEW)
    report = benchmark("dfew", cases, OPTIONS)
    assert value(report, "client_emotion.uar") == pytest.approx(expected.uar.value)
    assert value(report, "client_emotion.war") == expected.war.value
    folds = report.tasks[0].folds
    assert [fold.fold for fold in folds] == ["fold-1", "fold-2", "fold-3", "mean over folds"]
    assert [fold.figures[0].estimate for fold in folds[:-1]] == [f.uar for f in expected.folds]
    assert folds[-1].figures[1].estimate == expected.mean_over_folds.war
    assert "fold-1, fold-2, fold-3: not that mean" in report.notes[0]
    assert report.text == ()


def test_published_rows_stand_beside_under_the_names_of_the_figures() -> None:
    mesc = benchmark("mesc", emotion_cases([("joy", "joy")]), OPTIONS)
    dfew = benchmark("dfew", emotion_cases([("joy", "joy")]), OPTIONS)
    rows = {row.system: row for row in (*mesc.published, *dfew.published)}
    assert rows["MultiMood SFT+GRPO"].percent["strategy.accuracy"] == 42.81
    assert rows["MultiMood SFT+GRPO"].percent["text.bertscore"] == 86.80
    assert rows["SMES"].percent["therapist_emotion.macro_f1"] == 64.00
    assert "therapist_emotion.weighted_f1" not in rows["SMES"].percent
    assert rows["GPT-4o (text)"].percent["therapist_emotion.weighted_f1"] == 83.60
    assert rows["MultiMood"].percent == {"client_emotion.uar": 85.94, "client_emotion.war": 89.89}
    assert rows["Emotion-LLaMA"].percent["client_emotion.war"] == 77.06
    for report in (mesc, dfew):
        names = {entry.name for entry in report.figures}
        assert all(set(row.percent) <= names for row in report.published)
        assert all(row.source and row.definitions for row in report.published)

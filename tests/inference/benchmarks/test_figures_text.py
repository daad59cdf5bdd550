"""BLEU-2, ROUGE-L and METEOR by hand and against the libraries they come from."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]
from nltk.translate.bleu_score import sentence_bleu  # type: ignore[import-untyped]
from nltk.translate.meteor_score import meteor_score  # type: ignore[import-untyped]
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from inference.benchmarks.contract import Options
from inference.benchmarks.suites import benchmark
from inference.benchmarks.text_metrics import NoSynonyms, bleu_of_sums, words
from tests.inference.benchmarks.figure_cases import figure, reply_cases, value

METRICS = ("bleu2", "rouge_l", "meteor")
OPTIONS = Options(resamples=100, metrics=METRICS)
PUBLISHED = Options(resamples=100, metrics=METRICS, as_published=True)
PAIRS = [
    ("How did that make you feel?", "How do you feel about that?"),
    ("I see.", "I see what you mean. Go on."),
    ("You can't forgive her, can you?", "Forgiving her is hard."),
    ("Tell me more.", ""),
    ("Yes.", "No."),
]
texts = st.lists(
    st.sampled_from(
        ["I", "you", "feel", "feeling", "feels", "sad", ".", "?", ",", "can't", "see", "it", "what"]
    ),
    min_size=1,
).map(" ".join)
pairs = st.lists(st.tuples(texts, st.one_of(texts, st.just(""))), min_size=1, max_size=8)


def test_bleu_2_by_hand() -> None:
    """Seven answered words beside eight; 5 of 7 words and 1 of 6 pairs of words match."""
    said, wanted = "you feel sad it is you feel", "you see it is what you see sad"
    report = benchmark("mesc", reply_cases([(wanted, said)]), OPTIONS)
    assert value(report, "text.bleu2") == pytest.approx(
        math.exp(1 - 8 / 7) * math.sqrt((5 / 7) * (1 / 6))
    )


def test_rouge_l_by_hand() -> None:
    """Longest common subsequence “you see it is”: 4 of 5 words of each."""
    report = benchmark("mesc", reply_cases([("you see it is what", "you feel see it is")]), OPTIONS)
    assert value(report, "text.rouge_l") == pytest.approx(4 / 5)


def test_meteor_by_hand() -> None:
    """“you feel” and the stem of “feeling” in two chunks: P 3/4, R 3/3."""
    report = benchmark("mesc", reply_cases([("you feel feels", "you feel sad feeling")]), OPTIONS)
    precision, recall = 3 / 4, 1
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    assert value(report, "text.meteor") == pytest.approx(mean * (1 - 0.5 * (2 / 3) ** 3))


def test_published_bleu_by_hand() -> None:
    """Three of four words and one of three pairs match; the answer is not the shorter one."""
    report = benchmark("mesc", reply_cases([("you see it", "you see sad it")]), PUBLISHED)
    assert value(report, "text.bleu2") == pytest.approx((3 / 4) ** 0.99 * (1 / 3) ** 0.01)
    assert figure(report, "text.bleu2").title == "BLEU-2 as published"
    assert "(0.99, 0.01)" in figure(report, "text.bleu2").setting


@settings(max_examples=20, deadline=None)
@given(pairs)
def test_bleu_2_is_sacrebleus_to_the_last_digit(given_pairs: list[tuple[str, str]]) -> None:
    report = benchmark("mesc", reply_cases(given_pairs), OPTIONS)
    bleu = BLEU(lowercase=True, max_ngram_order=2, effective_order=True)
    references, answers = zip(*given_pairs, strict=True)
    assert value(report, "text.bleu2") == bleu.corpus_score(answers, [references]).score / 100
    assert "case:lc|eff:yes|tok:13a|smooth:exp" in figure(report, "text.bleu2").setting


@settings(max_examples=20, deadline=None)
@given(pairs)
def test_rouge_l_and_meteor_are_the_libraries_to_the_last_digit(
    given_pairs: list[tuple[str, str]],
) -> None:
    report = benchmark("mesc", reply_cases(given_pairs), OPTIONS)
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    rouge = [scorer.score(*pair)["rougeL"].fmeasure for pair in given_pairs]
    meteor = [
        meteor_score([words(wanted)], words(said), stemmer=PorterStemmer(), wordnet=NoSynonyms())
        for wanted, said in given_pairs
    ]
    assert value(report, "text.rouge_l") == math.fsum(rouge) / len(rouge)
    assert value(report, "text.meteor") == math.fsum(meteor) / len(meteor)


@settings(max_examples=20, deadline=None)
@given(pairs)
def test_published_bleu_is_nltks(given_pairs: list[tuple[str, str]]) -> None:
    report = benchmark("mesc", reply_cases(given_pairs), PUBLISHED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = [
            sentence_bleu([words(wanted)], words(said), weights=(0.99, 0.01))
            for wanted, said in given_pairs
            if said
        ]
    expected = math.fsum(scores) / len(scores) if scores else None
    assert value(report, "text.bleu2") == expected
    assert figure(report, "text.bleu2").n == len(scores)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_the_formula_for_resamples_is_sacrebleus(given_pairs: list[tuple[str, str]]) -> None:
    bleu = BLEU(lowercase=True, max_ngram_order=2, effective_order=True)
    rows = []
    for wanted, said in given_pairs:
        found = bleu.sentence_score(said, [wanted])
        rows.append([found.sys_len, found.ref_len, *found.counts, *found.totals])
        assert float(bleu_of_sums(np.array(rows[-1], dtype=float))) == pytest.approx(
            found.score / 100, abs=1e-12
        )
    answers, references = [s for _, s in given_pairs], [w for w, _ in given_pairs]
    whole = bleu.corpus_score(answers, [references]).score / 100
    assert float(bleu_of_sums(np.array(rows, dtype=float).sum(axis=0))) == pytest.approx(whole)


@settings(max_examples=15, deadline=None)
@given(pairs)
def test_figures_lie_between_0_and_1_and_a_text_is_nearest_to_itself(
    given_pairs: list[tuple[str, str]],
) -> None:
    report = benchmark("mesc", reply_cases(given_pairs), OPTIONS)
    itself = benchmark(
        "mesc", reply_cases([(wanted, wanted) for wanted, _ in given_pairs]), OPTIONS
    )
    for name in ("text.bleu2", "text.rouge_l", "text.meteor"):
        low, high = value(report, name), value(itself, name)
        assert low is not None
        assert high is not None
        assert 0 <= low <= high + 1e-9
        assert high <= 1 + 1e-9


def test_a_missing_reply_scores_0_and_as_published_is_left_out() -> None:
    sound = benchmark("mesc", reply_cases(PAIRS), OPTIONS)
    published = benchmark("mesc", reply_cases(PAIRS), PUBLISHED)
    names = ["text.rouge_l", "text.meteor"]
    assert [figure(sound, name).n for name in names] == [5, 5]
    assert [figure(published, name).n for name in names] == [4, 4]
    for name in names:
        assert value(published, name) == pytest.approx((value(sound, name) or 0) * 5 / 4)


def test_a_case_without_a_human_reply_is_left_out() -> None:
    report = benchmark("mesc", reply_cases([*PAIRS, ("", "Anything.")]), OPTIONS)
    assert {entry.n for entry in report.text} == {5}
    nothing = benchmark("mesc", reply_cases([("", "Anything.")]), OPTIONS)
    assert {entry.estimate.undefined_because for entry in nothing.text} == {
        "no case that counts has a human reply"
    }


def test_as_published_compares_the_first_line_only() -> None:
    lines = reply_cases([("I see.\nGo on.", "I see.\nSomething else entirely follows here.")])
    assert value(benchmark("mesc", lines, PUBLISHED), "text.rouge_l") == 1
    assert (value(benchmark("mesc", lines, OPTIONS), "text.rouge_l") or 1) < 0.7


def test_words_need_no_downloaded_data() -> None:
    assert words("I can't. Really?  Go on, Dr. Weston.") == [
        *("i", "ca", "n't", ".", "really", "?", "go", "on", ",", "dr", ".", "weston", "."),
    ]


def test_only_the_metrics_asked_for_are_there_in_their_order() -> None:
    report = benchmark("mesc", reply_cases(PAIRS), Options(metrics=("rouge_l", "bleu2")))
    assert [entry.name for entry in report.text] == ["text.rouge_l", "text.bleu2"]

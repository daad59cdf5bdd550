"""Overlap of a reply with the human one: BLEU-2 (sacrebleu), ROUGE-L (rouge-score), METEOR (nltk).

Papineni et al. 2002 (aclanthology.org/P02-1040), Lin 2004 (W04-1013), Lavie & Agarwal 2007
(W07-0734). Nothing is downloaded: METEOR goes without WordNet's synonyms, and sentences are split
without nltk's punkt data.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from inference.benchmarks.measures import Floats, Measure, mean_measure

NO_REFERENCE = "no case that counts has a human reply"
BLEU_SETTING = (
    "of the corpus, weights (0.5, 0.5); sacrebleu nrefs:1|case:lc|eff:yes|tok:13a|smooth:exp, "
    "max_ngram_order 2"
)
PUBLISHED_WEIGHTS = (0.99, 0.01)
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+")
TITLES = {"bleu2": "BLEU-2", "rouge_l": "ROUGE-L", "meteor": "METEOR"}


@dataclass(frozen=True)
class Pair:
    reference: str
    response: str
    """Empty: nothing was answered, which scores 0."""


Pairs = Sequence[Pair | None]
"""None: the case does not count."""


def text_measure(metric: str, pairs: Pairs, *, as_published: bool) -> Measure:
    makers: dict[str, Callable[[Pairs], Measure]] = {
        "bleu2": published_bleu if as_published else corpus_bleu,
        "rouge_l": rouge_l,
        "meteor": meteor,
    }
    return makers[metric](pairs)


def corpus_bleu(pairs: Pairs) -> Measure:
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(lowercase=True, max_ngram_order=2, effective_order=True)
    cells = np.zeros((len(pairs), 6))
    for row, pair in zip(cells, pairs, strict=True):
        if pair is not None:
            found = bleu.sentence_score(pair.response, [pair.reference])
            row[:] = [found.sys_len, found.ref_len, *found.counts, *found.totals]
    sums = cells.sum(axis=0).astype(int).tolist()
    whole = BLEU.compute_bleu(
        correct=sums[2:4],
        total=sums[4:],
        sys_len=sums[0],
        ref_len=sums[1],
        smooth_method=bleu.smooth_method,
        effective_order=True,
        max_ngram_order=2,
    )
    n = sum(pair is not None for pair in pairs)
    return Measure(
        name="text.bleu2",
        title=TITLES["bleu2"],
        cells=cells,
        value=bleu_of_sums,
        n=n,
        setting=BLEU_SETTING,
        undefined_because=NO_REFERENCE,
        exact=whole.score / 100 if n else None,
    )


def bleu_of_sums(sums: Floats) -> Floats:
    """(..., 6) -> (...): lengths of answer and reference, matched and all 1-grams and 2-grams."""
    said, wanted, one, two, ones, twos = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        brevity = np.where(said < wanted, np.exp(1 - wanted / said), 1.0)
        first = one / ones
        second = np.where(two > 0, two / twos, 1 / (2 * twos))
        score = brevity * np.where(twos > 0, np.sqrt(first * second), first)
    return np.where(one > 0, score, 0.0)


def published_bleu(pairs: Pairs) -> Measure:
    from nltk.translate.bleu_score import sentence_bleu  # type: ignore[import-untyped]

    def score(pair: Pair) -> float:
        reference, response = words(pair.reference), words(pair.response)
        if not reference or not response:
            return 0.0
        return float(sentence_bleu([reference], response, weights=PUBLISHED_WEIGHTS))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no 2-gram in common: of most short replies
        scores = _each(pairs, score)
    return mean_measure(
        "text.bleu2",
        f"{TITLES['bleu2']} as published",
        scores,
        setting="mean over replies, weights (0.99, 0.01), no smoothing; nltk sentence_bleu",
        undefined_because=NO_REFERENCE,
    )


def rouge_l(pairs: Pairs) -> Measure:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], tokenizer=_RougeWords())

    def score(pair: Pair) -> float:
        return float(scorer.score(pair.reference, pair.response)["rougeL"].fmeasure)

    return mean_measure(
        "text.rouge_l",
        TITLES["rouge_l"],
        _each(pairs, score),
        setting="mean F over replies, words stemmed; rouge-score rougeL",
        undefined_because=NO_REFERENCE,
    )


def meteor(pairs: Pairs) -> Measure:
    from nltk.translate.meteor_score import single_meteor_score  # type: ignore[import-untyped]

    stemmer = remembering_stemmer()

    def score(pair: Pair) -> float:
        reference, response = words(pair.reference), words(pair.response)
        return float(
            single_meteor_score(reference, response, stemmer=stemmer, wordnet=NoSynonyms())
        )

    return mean_measure(
        "text.meteor",
        TITLES["meteor"],
        _each(pairs, score),
        setting="mean over replies, exact words and stems, no synonyms; nltk meteor_score",
        undefined_because=NO_REFERENCE,
    )


class NoSynonyms:
    """Stands where nltk expects WordNet, whose data no package holds: no word has a synonym."""

    def synsets(self, word: str) -> list[Any]:
        return []


class _RougeWords:
    def __init__(self) -> None:
        self._stemmer = remembering_stemmer()

    def tokenize(self, text: str) -> list[str]:
        from rouge_score.tokenize import tokenize

        found: list[str] = tokenize(text, self._stemmer)
        return found


def remembering_stemmer() -> Any:
    """Porter's, as rouge-score and nltk take it, with a memory: replies repeat their words."""
    from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]

    class Remembering(PorterStemmer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.known: dict[str, str] = {}

        def stem(self, word: str, to_lowercase: bool = True) -> str:
            if word not in self.known:
                self.known[word] = super().stem(word, to_lowercase)
            return self.known[word]

    return Remembering()


def words(text: str) -> list[str]:
    """nltk's words of each sentence, in lower case."""
    tokenize = _word_tokenizer().tokenize
    return [
        word
        for sentence in _SENTENCE_END.split(text.strip().lower())
        for word in tokenize(sentence)
    ]


@cache
def _word_tokenizer() -> Any:
    from nltk.tokenize import NLTKWordTokenizer  # type: ignore[import-untyped]

    return NLTKWordTokenizer()


def _each(pairs: Pairs, score: Callable[[Pair], float]) -> list[float | None]:
    return [None if pair is None else score(pair) for pair in pairs]

"""Do two raters mark the same passages of a text?

F1 of characters: twice the characters that both marked, over the characters that each marked. It
needs no count of what neither marked, which has no end (Hripcsak & Rothschild, 2005, Agreement, the
F-measure, and reliability in information retrieval, JAMIA 12, 296-298).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotations.statistics.estimate import CONFIDENCE, Estimate, undefined
from annotations.statistics.item_means import item_mean
from annotations.statistics.resampling import RESAMPLES, SEED

Spans = Sequence[tuple[int, int]]
Codes = NDArray[np.int64]
NAME = "passage_f1"


def passage_f1(
    marked: Sequence[Spans],
    raters: Codes,
    texts: Codes,
    clusters: Codes | None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Estimate:
    """Mean over texts of the mean F1 of two raters, of those pairs of whom one marked something.

    marked: what a rater marked in a text, possibly nothing, as (start, end) of characters; raters
    and texts: whose, and in which, one each; clusters: per text. rows: one, with pairs (of raters),
    neither (of those in which nobody marked anything) and same_whether (share of pairs who agree on
    whether there is anything to mark).
    """
    by_text = _by_text(marked, texts)
    size = int(texts.max(initial=-1)) + 1 if clusters is None else len(clusters)
    values = texts_f1(marked, texts, size)
    found = [(bool(a), bool(b)) for own in by_text.values() for a, b in combinations(own, 2)]
    pairs, neither = len(found), sum(not a and not b for a, b in found)
    same = sum(a == b for a, b in found)
    counts = {
        "n_items": len(by_text),
        "n_pairable": sum(len(own) > 1 for own in by_text.values()),
        "n_raters": len(np.unique(raters)),
        "n_ratings": len(marked),
    }
    row = {"pairs": pairs, "neither": neither, "same_whether": same / pairs if pairs else None}
    if not pairs:
        return undefined(NAME, "no text was read by two raters", rows=(row,), **counts)
    if neither == pairs:
        because = "where two raters read the same text, neither marked anything"
        return undefined(NAME, because, rows=(row,), **counts)
    return item_mean(
        NAME,
        values,
        clusters,
        words="mean over texts of the F1 of characters that two raters marked, of pairs of whom "
        "at least one marked something",
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        rows=(row,),
        **counts,
    )


def texts_f1(marked: Sequence[Spans], texts: Codes, size: int) -> NDArray[np.float64]:
    """Per text, of `size`, the mean F1 of two raters of whom one marked something; NaN without."""
    values = np.full(size, np.nan)
    for text, own in _by_text(marked, texts).items():
        found = [overlap_f1(one, two) for one, two in combinations(own, 2) if one or two]
        if found:
            values[text] = float(np.mean(found))
    return values


def _by_text(marked: Sequence[Spans], texts: Codes) -> dict[int, list[Spans]]:
    found: dict[int, list[Spans]] = {}
    for spans, text in zip(marked, texts.tolist(), strict=True):
        found.setdefault(text, []).append(joined(spans))
    return found


def joined(spans: Spans) -> list[tuple[int, int]]:
    """In order, those that touch or overlap as one; empty ones are none."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def overlap_f1(one: Spans, two: Spans) -> float:
    """Of joined spans, at least one of them not empty."""
    both = sum(max(0, min(a[1], b[1]) - max(a[0], b[0])) for a in one for b in two)
    return 2 * both / (_length(one) + _length(two))


def _length(spans: Spans) -> int:
    return sum(end - start for start, end in spans)

"""Which label a piece of free text names, if it surely names one.

Case, punctuation, articles, plurals and one slip of the pen in a long word are looked through.
Other words count only if they are listed here; everything else is left unread, since a guess would
enter the data as if the model had said it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache

WORD_FORMS = {
    "angry": "anger",
    "sad": "sadness",
    "disgusted": "disgust",
    "depressed": "depression",
    "joyful": "joy",
    "fearful": "fear",
    "afraid": "fear",  # the adjective that English has beside fearful
    "neutrality": "neutral",
    "disclosing oneself": "self-disclosure",
    "restating": "restatement",
    "interpreting": "interpretation",
    "advice": "advisement",
    "advising": "advisement",
    "approving": "approval",
}
"""Another form of the label's own word."""

SHORTENED = {
    "structuring": "structuring the therapy",
    "guiding the pace": "guiding the pace and depth of the conversation",
    "guiding the pace and depth": "guiding the pace and depth of the conversation",
}
"""The beginning of a long label, which no other label shares."""

SAME_CLASS = {
    # Corpora of facial expressions call the class happy or happiness (DFEW, arXiv 2008.05924), of
    # dialogue joy (MELD, arXiv 1810.02508).
    "happy": "joy",
    "happiness": "joy",
}
"""A judgement: another name of the same class. Left unread on purpose, since they name something
narrower, wider, or else: grief, loneliness, anxiety, worry, scared, frustration, calm, surprise,
question, reflection, suggestion, empathy."""

SYNONYMS = WORD_FORMS | SHORTENED | SAME_CLASS
ARTICLES = ("the", "a", "an")
LONG = 6
"""Letters, as compared, from which a slip is looked through: shorter words are close to others."""

_WORDS = re.compile(r"[^\W\d_]+")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_EXPLAINED = re.compile(
    r"[.;:!?\n]|[ \t][-\u2013\u2014][ \t]|,?[ \t]+(?=(?:because|since|as)\b)", re.IGNORECASE
)


def canonical_label(text: str | None, labels: tuple[str, ...]) -> str | None:
    """The one label that `text` names, perhaps with an explanation after it."""
    if text is None:
        return None
    line = text.strip().partition("\n")[0]
    bare = _BRACKETS.sub(" ", line)
    head, rest = _split_explanation(bare)
    beside = " ".join([*_BRACKETS.findall(line), rest])
    found = next(filter(None, (_label(part, labels) for part in (line, bare, head))), None)
    # Another label in the explanation: which one is meant?
    return None if _named_in(beside, labels) - {found} else found


def _split_explanation(text: str) -> tuple[str, str]:
    """Punctuation before the first word ends nothing."""
    first = _WORDS.search(text)
    mark = _EXPLAINED.search(text, first.end()) if first else None
    if mark is None:
        return text, ""
    return text[: mark.start()], text[mark.end() :]


def _label(text: str, labels: tuple[str, ...]) -> str | None:
    spelt = _spelling(text)
    if not spelt:
        return None
    known = _spellings(labels)
    return known.get(spelt) or _slipped(spelt, known)


def _named_in(text: str, labels: tuple[str, ...]) -> set[str]:
    padded = f" {' '.join(_normal_words(text))} "
    return {label for label in labels if f" {' '.join(_normal_words(label))} " in padded}


@cache
def _spellings(labels: tuple[str, ...]) -> Mapping[str, str]:
    own = {_spelling(label): label for label in labels}
    others = {_spelling(other): label for other, label in SYNONYMS.items() if label in labels}
    return others | own


def _spelling(text: str) -> str:
    """Without spaces, hyphens, articles and the s of a plural."""
    return "".join(_normal_words(text))


def _normal_words(text: str) -> list[str]:
    words = _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())
    return [word.rstrip("s") or word for word in words if word not in ARTICLES]


def _slipped(spelt: str, known: Mapping[str, str]) -> str | None:
    """One letter wrong, missing, too many, or two swapped; the first one right, since "madness"
    and "repression" are other words."""
    near = {
        label
        for spelling, label in known.items()
        if len(spelling) >= LONG and spelling[0] == spelt[0] and _one_slip(spelt, spelling)
    }
    return near.pop() if len(near) == 1 else None


def _one_slip(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1:
        return False
    start = _common(one, other)
    one, other = one[start:], other[start:]
    end = _common(one[::-1], other[::-1])
    left = (one[: len(one) - end], other[: len(other) - end])
    if max(map(len, left)) <= 1:
        return True
    return len(left[0]) == 2 and left[0] == left[1][::-1]


def _common(one: Iterable[str], other: Iterable[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count

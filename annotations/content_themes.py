"""Themes that a rater may want to be told of before an item, found by plain words.

A list of words misses what is said in other ones, and finds what only sounds alike: it suggests
notes to a person who knows the material, and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from django.utils.translation import gettext, gettext_noop

SELF = "(?:my|your|him|her|them|our)sel(?:f|ves)"
WHOSE = "(?:my|your|his|her|their|our)"
CHILD = "(?:son|daughter|child|baby|boy|girl)"
WORDS: dict[str, tuple[str, ...]] = {
    gettext_noop("suicide"): (
        r"suicid\w*",
        rf"kill(?:s|ed|ing)? {SELF}",
        rf"(?:end|ends|ended|ending|take|takes|took|taking) {WHOSE} (?:own )?life",
        r"want(?:s|ed)? to die",
        r"wish(?:es|ed)? i (?:was|were) dead",
        r"better off dead",
        r"do(?:es)?n.t want to (?:live|be alive)",
    ),
    gettext_noop("self-harm"): (
        r"self[- ]?harm\w*",
        r"self[- ]injur\w*",
        rf"(?:cut|cuts|cutting|hurt|hurts|hurting|burn|burned|burning) {SELF}",
    ),
    gettext_noop("sexual violence"): (
        r"rap(?:e|ed|es|ing|ist|ists)\b",
        r"sexual(?:ly)? (?:assault|abus|harass|violen)\w*",
        r"molest\w*",
        r"incest\w*",
    ),
    gettext_noop("abuse"): (r"abus(?:e|ed|es|er|ers|ing|ive)\b",),
    gettext_noop("violence"): (
        r"violen(?:ce|t|tly)\b",
        r"(?:beat|beats|beating|hit|hits|hitting|punched|kicked|slapped) (?:me|him|her|us|them)\b",
        r"beaten (?:up|by)\b",
        r"murder\w*",
        r"stabb\w*",
        r"strangl\w*",
        r"threat\w* to kill",
    ),
    gettext_noop("the death of a child"): (
        r"miscarr\w*",
        r"stillb(?:orn|irth)\w*",
        rf"lost {WHOSE} (?:\w+ )?{CHILD}\b",
        rf"{WHOSE} (?:\w+ )?{CHILD} (?:has |had )?(?:died|passed away|was killed)",
        rf"(?:death|loss) of {WHOSE} (?:\w+ )?{CHILD}\b",
    ),
    gettext_noop("disordered eating"): (
        r"eating disorder\w*",
        r"anorexi\w*",
        r"bulimi\w*",
        r"bing(?:e|ed|ing)\b",
        r"purg(?:e|ed|ing)\b",
        rf"starv(?:e|ed|ing) {SELF}",
        rf"(?:make|made|making) {SELF} (?:sick|vomit|throw up)",
    ),
    gettext_noop("alcohol or drugs"): (
        r"alcohol\w*",
        r"addict\w*",
        r"overdos\w*",
        r"cocaine",
        r"heroin\b",
        r"opi(?:oid|ate)s?\b",
        r"(?:using|taking|on|did|do) drugs\b",
        r"drug (?:use|abuse|habit|problem)",
        r"drunk\b",
        r"(?:drink|drinks|drinking|drank) (?:too much|heavily|every (?:day|night))",
    ),
}
THEMES = tuple(WORDS)
PATTERNS = {
    theme: re.compile(rf"\b(?:{'|'.join(words)})", re.IGNORECASE) for theme, words in WORDS.items()
}
ANY = rf"\b(?:{'|'.join(word for words in WORDS.values() for word in words)})".replace(r"\b", r"\y")
"""For PostgreSQL, whose word boundary is written another way: texts with one of the words."""


def find_themes(text: str) -> dict[str, str]:
    """Theme -> the words that it was found by, in the order of THEMES."""
    found = {theme: pattern.search(text) for theme, pattern in PATTERNS.items()}
    return {theme: match.group().lower() for theme, match in found.items() if match}


def note_of(themes: Collection[str]) -> str:
    """As told to raters: "suicide, self-harm"."""
    return ", ".join(theme for theme in THEMES if theme in themes)


def in_words(note: str) -> str:
    """In the reader's language, as far as the themes are ours: a team may have written others."""
    return ", ".join(gettext(theme) if theme in WORDS else theme for theme in note.split(", "))

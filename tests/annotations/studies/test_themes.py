"""Plain words that suggest a content note."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from annotations.content_themes import ANY, PATTERNS, THEMES, find_themes, note_of
from annotations.selectors.content_notes import joined

MENTIONS = {
    "suicide": (
        "He talked of suicide.",
        "I don\u2019t want to live any more",
        "she took her own life",
    ),
    "self-harm": ("I cut myself again", "Self-harm runs in the family.", "she was hurting herself"),
    "sexual violence": ("I was raped", "He was sexually assaulted.", "My uncle molested me"),
    "abuse": ("an abusive marriage", "He abused me"),
    "violence": ("my father beat me", "There was violence at home", "he was murdered"),
    "the death of a child": ("We lost our little boy", "after the miscarriage", "my son died"),
    "disordered eating": ("I starve myself", "her eating disorder", "I binge at night"),
    "alcohol or drugs": ("He drinks too much", "I am an addict", "she overdosed"),
}
HARMLESS = (
    "I keep waking up at three and lie there going over the whole day.",
    "The heroine of the book left her grapes on the table.",
    "That joke killed me, and the deadline is killing us.",
    "My son moved out, and my daughter is abroad.",
    "We rapped and scraped the violin.",
)


def test_every_theme_has_mentions_here() -> None:
    assert set(MENTIONS) == set(THEMES)


@pytest.mark.parametrize(("theme", "text"), [(t, m) for t, some in MENTIONS.items() for m in some])
def test_a_mention_is_found_with_the_words_that_gave_it_away(theme: str, text: str) -> None:
    found = find_themes(text)
    assert theme in found
    assert found[theme] in text.lower()


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_alike_is_left(text: str) -> None:
    assert find_themes(text) == {}


@pytest.mark.django_db
def test_the_database_finds_what_python_finds() -> None:
    texts = [*HARMLESS, *(text for some in MENTIONS.values() for text in some)]
    with connection.cursor() as cursor:
        for text in texts:
            cursor.execute("SELECT %s ~* %s", [text, ANY])
            assert cursor.fetchone() == (bool(find_themes(text)),), text


def test_a_note_names_themes_in_one_order() -> None:
    assert note_of(["violence", "suicide"]) == "suicide, violence"
    assert joined(["violence", "", "suicide, violence"]) == "suicide, violence"
    assert len(note_of(THEMES)) <= 200, "fits the field"


def test_patterns_need_no_more_than_both_engines_have() -> None:
    for pattern in PATTERNS.values():
        assert not re.search(r"\(\?[<!=]", pattern.pattern)

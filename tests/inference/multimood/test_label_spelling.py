from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.label_spelling import SYNONYMS, canonical_label

LABELS = (*EMOTIONS, *STRATEGIES)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Sadness.", "sadness"),
        ("  **sadness** ", "sadness"),
        ("\uff53\uff41\uff44\uff4e\uff45\uff53\uff53", "sadness"),  # full width
        ("fears", "fear"),
        ("sad", "sadness"),
        ("Happiness", "joy"),
        ("sadness 80%", "sadness"),
        ("1. anger", "anger"),
        ("sadness (she lost her job)", "sadness"),
        ("sadness [sad]", "sadness"),
        ("joy - she smiles", "joy"),
        ("depresion", "depression"),
        ("depressoin", "depression"),
        ("self disclosure", "self-disclosure"),
        ("openquestion", "open question"),
        ("Open Question.", "open question"),
        ("open questions", "open question"),
        ("communication skill", "communication skills"),
        ("other", "others"),
        ("structuring therapy", "structuring the therapy"),
        ("Guiding the pace", "guiding the pace and depth of the conversation"),
        ("aproval", "approval"),
        ("advice", "advisement"),
    ],
)
def test_read(text: str, label: str) -> None:
    assert canonical_label(text, LABELS) == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "sadness, anger",
        "sadness/anger",
        "sadness or anger",
        "sadness and grief",
        "sadness (anger)",
        "sadness. Or is it anger?",
        "not sadness",
        "\u043d\u0435 sadness",  # "not sadness" in Russian
        "madness",
        "repression",
        "disapproval",
        "reinstatement",
        "mothers",
        "dear",
        "angel",
        "question",
        "anxiety",
        "one of anger, sadness",
        "deep sadness",
    ],
)
def test_left_unread(text: str) -> None:
    assert canonical_label(text, LABELS) is None


def test_every_label_and_synonym_is_read_as_itself() -> None:
    for label in LABELS:
        for text in (label, label.upper(), f'"{label.title()}"', label.replace(" ", "_")):
            assert canonical_label(text, LABELS) == label
    for other, label in SYNONYMS.items():
        assert canonical_label(other, LABELS) == label
        assert other not in LABELS


def test_a_synonym_of_a_label_that_is_not_asked_for_is_unread() -> None:
    assert canonical_label("happy", ("anger", "sadness")) is None
    assert canonical_label("happy", ("happy", "sad")) == "happy"
    assert canonical_label("sad", ("happy", "sad")) == "sad"


@given(st.sampled_from(LABELS), st.integers(0, 60), st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
def test_a_slip_never_reads_as_another_label(label: str, place: int, letter: str) -> None:
    at = place % len(label)
    for slipped in (
        label[:at] + label[at + 1 :],
        label[:at] + letter + label[at:],
        label[:at] + letter + label[at + 1 :],
    ):
        assert canonical_label(slipped, LABELS) in (label, None)

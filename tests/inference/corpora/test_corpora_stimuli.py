from __future__ import annotations

import pytest

from inference.corpora import DialogueRecord, Stimulus, TurnRecord, stimuli


def dialogue(speakers: str) -> DialogueRecord:
    turns = tuple(
        TurnRecord(n, str(n), "client" if letter == "c" else "therapist", "words")
        for n, letter in enumerate(speakers)
    )
    return DialogueRecord("d", "s", None, "", "", "", "", turns)


@pytest.mark.parametrize(
    ("speakers", "expected"),
    [
        ("", []),
        ("t", []),
        ("c", [(0, 0, False)]),
        ("ct", [(0, 0, True)]),
        ("ccct", [(0, 2, True)]),
        ("tcttcc", [(1, 1, True), (4, 5, False)]),
        ("ctctc", [(0, 0, True), (2, 2, True), (4, 4, False)]),
    ],
)
def test_stimuli_are_the_runs_of_client_turns(
    speakers: str, expected: list[tuple[int, int, bool]]
) -> None:
    assert list(stimuli(dialogue(speakers))) == [Stimulus(*run) for run in expected]

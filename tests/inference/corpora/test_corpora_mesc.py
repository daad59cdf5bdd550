from __future__ import annotations

from pathlib import Path

import pytest

from inference.corpora import CorpusError, DialogueRecord, mesc
from inference.labels import STRATEGIES


@pytest.fixture
def alone(fixtures: Path) -> list[DialogueRecord]:
    return list(mesc.read([fixtures / "mesc" / "MESC.csv"]))


@pytest.fixture
def joined(fixtures: Path) -> list[DialogueRecord]:
    folder = fixtures / "mesc"
    return list(mesc.read([folder / "train.json", folder / "MESC.csv", folder / "test.json"]))


def test_csv_gives_dialogues_with_their_session(alone: list[DialogueRecord]) -> None:
    assert [(d.external_id, d.session, len(d.turns)) for d in alone] == [
        ("0", "S01E03", 5),
        ("1", "S01E03", 4),
        ("2", "S02E11", 10),
    ]
    assert {d.split for d in alone} == {None}
    assert alone[1].turns[0].text == 'My brother read my letters aloud at dinner, "for fun".'


def test_undefined_on_a_client_row_is_no_strategy(alone: list[DialogueRecord]) -> None:
    client = [t for d in alone for t in d.turns if t.speaker == "client"]
    assert {(t.strategy, t.strategy_original) for t in client} == {(None, None)}


def test_strategies_are_canonical_and_the_original_is_kept(alone: list[DialogueRecord]) -> None:
    therapist = [t for d in alone for t in d.turns if t.speaker == "therapist"]
    assert {t.strategy for t in therapist} == set(STRATEGIES)
    written = {t.strategy_original for t in therapist if t.strategy == "open question"}
    assert written == {"Open question", "open question"}


def test_tags_and_stray_space_leave_the_text_but_not_the_record(
    alone: list[DialogueRecord],
) -> None:
    second, fourth = alone[0].turns[1], alone[0].turns[3]
    assert second.text == "And now that is gone too."
    assert second.extra["text_original"] == "And now <i>that</i> is gone too. "
    assert fourth.text == "My mornings."
    assert "text_original" not in alone[0].turns[0].extra


def test_times_are_milliseconds_and_unclean_ones_are_flagged(alone: list[DialogueRecord]) -> None:
    turns = alone[0].turns
    assert (turns[0].start_ms, turns[0].end_ms) == (60_100, 62_500)
    assert [t.extra.get("timing") for t in turns] == [
        None,
        "overlaps the turn before",
        None,
        None,
        "runs backwards",
    ]


def test_split_file_is_joined_and_the_cue_is_apart(joined: list[DialogueRecord]) -> None:
    assert [(d.external_id, d.split) for d in joined] == [("0", "train"), ("2", "test")]
    turns = joined[0].turns
    assert turns[0].text == "The allotment was the one thing I kept for myself."
    assert turns[0].cue == "The speaker sits with folded hands."
    assert turns[1].cue == "The speaker looks at the floor.The voice is low."
    # One published turn has a comma between the utterance and the cue.
    assert (turns[3].text, turns[3].cue) == ("My mornings.", turns[1].cue)
    assert turns[4].start_ms == 64_900


def test_problem_types_get_one_spelling(joined: list[DialogueRecord]) -> None:
    assert [(d.problem_type, d.problem_type_original) for d in joined] == [
        ("Childhood Shadow", "Childhood Shadow"),
        ("Childhood Shadow", "Childhood shadow "),
    ]


def test_split_file_alone_is_refused_with_the_remedy(fixtures: Path) -> None:
    with pytest.raises(CorpusError, match=r"exactly one CSV file.*Give MESC.csv as well"):
        next(mesc.read([fixtures / "mesc" / "test.json"]))


def test_split_file_of_another_release_is_refused(fixtures: Path, tmp_path: Path) -> None:
    text = (fixtures / "mesc" / "test.json").read_text().replace("Bless you.", "Gesundheit.")
    other = tmp_path / "test.json"
    other.write_text(text)
    with pytest.raises(CorpusError, match=r"no dialogue of MESC.csv has these 10 turns") as refusal:
        list(mesc.read([fixtures / "mesc" / "MESC.csv", other]))
    assert (refusal.value.file, refusal.value.line) == (other, 2)


def test_label_that_differs_from_the_csv_is_named(fixtures: Path, tmp_path: Path) -> None:
    text = (fixtures / "mesc" / "test.json").read_text().replace('"Approval"', '"Advisement"')
    (tmp_path / "test.json").write_text(text)
    with pytest.raises(CorpusError, match=r"dialogue 1, turn 3, strategy: 'advisement' here"):
        list(mesc.read([fixtures / "mesc" / "MESC.csv", tmp_path / "test.json"]))


def test_the_same_split_dialogue_twice_is_refused(fixtures: Path, tmp_path: Path) -> None:
    folder = fixtures / "mesc"
    again = tmp_path / "val.json"
    again.write_text((folder / "test.json").read_text())
    with pytest.raises(CorpusError, match=r"was joined already"):
        list(mesc.read([folder / "MESC.csv", folder / "test.json", again]))


def test_split_is_read_from_the_file_name(fixtures: Path, tmp_path: Path) -> None:
    text = (fixtures / "mesc" / "test.json").read_text()
    for name, split in (("MESC_validation.json", "val"), ("test-2.json", "test")):
        path = tmp_path / name
        path.write_text(text)
        assert next(mesc.read([fixtures / "mesc" / "MESC.csv", path])).split == split
    path = tmp_path / "latest.json"
    path.write_text(text)
    with pytest.raises(CorpusError, match=r"does not say which split"):
        next(mesc.read([fixtures / "mesc" / "MESC.csv", path]))


BROKEN_ROWS = [
    ("Speaker", ",Client,sadness,undefined,0,0", ",Narrator,sadness,undefined,0,0", 2),
    ("Emotion", "depression", "glum", 3),
    ("Strategy", "Interpretation", "undefined", 6),
    ("Strategy", "anger,undefined", "anger,Approval", 7),
    ("Utterance_ID", ",0,1,1,3,", ",0,0,1,3,", 3),
    ("Utterance", "I laughed.", "<i></i> ", 9),
    ("StartTime", "00:01:05,100", "1m5s", 5),
    ("EndTime", "00:01:05,000", "00:01:04,100", 4),
    ("Episode", "0,2,1,3", "0,2,1,4", 4),
    ("Dialogue_ID", "undefined,2,0,2,11", "undefined,0,9,2,11", 11),
    ("Season", "0,0,1,3", "0,0,one,3", 2),
]


@pytest.mark.parametrize(("field", "good", "bad", "line"), BROKEN_ROWS)
def test_broken_row_is_refused_with_line_and_column(
    fixtures: Path, tmp_path: Path, field: str, good: str, bad: str, line: int
) -> None:
    text = (fixtures / "mesc" / "MESC.csv").read_bytes().decode()
    assert good in text
    path = tmp_path / "MESC.csv"
    path.write_bytes(text.replace(good, bad, 1).encode())
    with pytest.raises(CorpusError) as refusal:
        list(mesc.read([path]))
    assert (refusal.value.line, refusal.value.field) == (line, field)
    assert refusal.value.remedy in str(refusal.value)


def test_dialogue_id_that_comes_back_is_refused(fixtures: Path, tmp_path: Path) -> None:
    path = tmp_path / "MESC.csv"
    rows = (fixtures / "mesc" / "MESC.csv").read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*rows, rows[1]]))
    with pytest.raises(CorpusError, match=r"'0' stands twice, first in MESC.csv, line 2"):
        list(mesc.read([path]))

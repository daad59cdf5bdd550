"""Files of responses: what is read, and how everything else is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference.corpora.errors import CorpusError
from inference.corpora.response_files import (
    LONGEST_RAW,
    LONGEST_TEXT,
    ResponseRecord,
    read_responses,
)
from inference.recognition.tables import csv_lines

HEADER = "model,dialogue,turn,text\n"


def written(folder: Path, text: str, name: str = "answers.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str, name: str = "answers.csv") -> list[ResponseRecord]:
    return list(read_responses(written(folder, text, name)))


def test_a_row_of_csv_becomes_a_response(tmp_path: Path) -> None:
    [record] = read(tmp_path, HEADER + 'gpt-x, d-1 ,3,"Line one,\nline two."\n')
    assert record == ResponseRecord("gpt-x", "d-1", 2, 0, "Line one,\nline two.")
    assert record.place.line == 2


def test_all_columns_are_read(tmp_path: Path) -> None:
    row = {
        "model": "gpt-x",
        "stimulus_key": "session:one:4",
        "sample": 2,
        "text": "I hear you.",
        "client_emotion": "Sadness",
        "therapist_emotion": "calm",
        "strategy": " Open  Question",
        "raw": "Therapist's response: I hear you.",
        "emotion": "She is sad.",
        "chain": {"stimulus": "The quarrel.", "appraisal": "It is over for her."},
        "strategy_reason": "She needs to tell.",
    }
    [record] = read(tmp_path, json.dumps(row) + "\n", "answers.jsonl")
    assert (record.dialogue, record.position, record.sample) == ("session:one", 4, 2)
    assert (record.client_emotion, record.strategy) == ("sadness", "open question")
    assert record.therapist_emotion == "calm"
    assert record.chain == {
        "emotion": "She is sad.",
        "stimulus": "The quarrel.",
        "appraisal": "It is over for her.",
        "strategy_reason": "She needs to tell.",
    }


def test_a_row_with_an_error_is_no_response(tmp_path: Path) -> None:
    [record] = read(tmp_path, "model,dialogue,first_turn,text,error\nm,d,1,,it timed out\n")
    assert record.failed
    assert record.text == ""


def test_a_blank_text_is_no_response_either(tmp_path: Path) -> None:
    records = read(tmp_path, HEADER + "m,d,1, \nm,d,3,Yes.\n")
    assert [(record.text, record.blank, record.failed) for record in records] == [
        ("", True, False),
        ("Yes.", False, False),
    ]


def test_the_apostrophe_that_keeps_spreadsheets_from_running_a_text_is_taken_off(
    tmp_path: Path,
) -> None:
    said = ["- I hear you.", "=1+1", "@you", "+1", "'Tis so.", "'"]
    lines = "".join(csv_lines(["m", "d", 1, text] for text in said))
    assert [record.text for record in read(tmp_path, HEADER + lines)] == said
    line = json.dumps({"model": "m", "dialogue": "d", "turn": 1, "text": "'- as it stands"})
    assert [record.text for record in read(tmp_path, line)] == ["'- as it stands"]


def test_csv_holds_texts_as_long_as_they_may_be(tmp_path: Path) -> None:
    header, row = "model,dialogue,turn,text,raw\n", "m,d,1,Yes.,"
    [record] = read(tmp_path, f"{header}{row}{'a' * LONGEST_RAW}\n")
    assert len(record.raw) == LONGEST_RAW == 200_000
    with pytest.raises(CorpusError, match="line 2, raw: the text is longer than 200000"):
        read(tmp_path, f"{header}{row}{'a' * (LONGEST_RAW + 1)}\n")
    with pytest.raises(CorpusError, match="line 2: the CSV is broken: field larger than"):
        read(tmp_path, f'{header}{row}"' + ("a" * 80 + "\n") * 2**14)


def test_a_dialogue_may_be_named_by_a_number(tmp_path: Path) -> None:
    line = json.dumps({"model": "m", "dialogue": 12, "turn": 1, "text": "Yes."})
    assert [record.dialogue for record in read(tmp_path, line)] == ["12"]


def test_the_kind_of_file_is_told_by_its_content(tmp_path: Path) -> None:
    line = json.dumps({"model": "m", "dialogue": "d", "turn": 1, "text": "Yes."})
    assert len(read(tmp_path, f"\n{line}\n", "answers.txt")) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER + ",d,1,Yes.\n", "answers.csv, line 2, model: a text was expected, not blank."),
        ('{"model": "m", "dialogue": "d", "turn": 1}', "line 1, text: it is missing"),
        (HEADER + "m,,1,Yes.\n", "line 2, dialogue: nothing says which client turn is answered."),
        (HEADER + "m,d,,Yes.\n", "line 2, turn: nothing says which turn is answered."),
        (HEADER + "m,d,0,Yes.\n", "line 2, turn: a whole number from 1"),
        (HEADER + "m,d,1.5,Yes.\n", "line 2, turn: a whole number from 1"),
        (HEADER + "m,d,1\n", "line 2: the row has 3 values for 4 columns."),
        (HEADER + f"{'m' * 121},d,1,Yes.\n", "model: the text is longer than 120 characters"),
        (HEADER + f"m,d,1,{'a' * (LONGEST_TEXT + 1)}\n", "longer than 20000 characters"),
        ("model,dialogue,turn\n", "line 1, text: the column is missing"),
        ("model,dialogue,turn,text,score\n", "line 1, score: this column is not known here."),
        ("model,stimulus_key,text\nm,d4,Yes.\n", "line 2, stimulus_key: 'd4' does not read"),
        ("model,stimulus_key,text,sample\nm,d:4,Yes.,64\n", "sample: a whole number from 0 to 63"),
        ("model,stimulus_key,text,strategy\nm,d:4,Yes.," + "s" * 81, "longer than 80 characters"),
        ('[{"model": "m"}]', "the file is one JSON array, not JSON Lines"),
        ('{"model": "m", "dialogue": "d", "turn": true, "text": "Yes."}', "turn: a whole number"),
        ('{"model": 3, "dialogue": "d", "turn": 1, "text": "Yes."}', "model: a text was expected"),
        (
            '{"model": "m", "dialogue": "d", "turn": 1, "text": "Yes.", "chain": {"mood": "x"}}',
            "line 1, chain.mood: this part is not known here. Known parts: emotion, stimulus",
        ),
        ("", "the file is empty"),
    ],
)
def test_a_fault_names_file_line_field_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CorpusError) as refused:
        read(tmp_path, text)
    assert said in str(refused.value)
    assert refused.value.remedy


def test_a_fault_further_down_is_met_after_the_rows_before_it(tmp_path: Path) -> None:
    rows = read_responses(written(tmp_path, HEADER + "m,d,1,Yes.\nm,d,x,No.\n"))
    assert next(rows).text == "Yes."
    with pytest.raises(CorpusError, match="line 3, turn"):
        next(rows)

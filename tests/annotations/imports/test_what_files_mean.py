"""What files say besides the plain rows: flags, reversed scales, contradictions, left and right."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.rules import DerivationRules
from annotations.exports.card import leakage_text
from annotations.imports import ImportedAnswers, ReadOptions, read_answers, recognise
from annotations.imports.collecting import SPLITS_DIFFER
from annotations.imports.contents import ImportContents
from annotations.selectors.release_pages import leakage_notes
from inference.errors import DomainError


def table(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def recognised(*paths: Path, **options: Any) -> ImportedAnswers:
    return read_answers(paths, recognise(paths).format, ReadOptions(**options))


REPLY = {"prompt": "I am sad.", "completion": "Tell me.", "people_harm_mean": 2.0}


@pytest.mark.parametrize(
    ("written", "expected"),
    [(True, True), ("true", True), ("1", True), ("1.0", True), ("FALSE", False), ("", False)],
)
@pytest.mark.parametrize("name", ["barred", "truncated"])
def test_true_and_false_are_read_from_csv_too(
    tmp_path: Path, name: str, written: object, expected: bool
) -> None:
    (response,) = recognised(table(tmp_path / "r.csv", {**REPLY, name: written})).responses.values()
    assert getattr(response, name) is expected


def test_what_is_neither_true_nor_false_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "r.csv", {**REPLY, "barred": "perhaps"})
    with pytest.raises(DomainError, match=r"r\.csv, line 2, barred: true or false was expected"):
        recognised(path)


HARM = {**REPLY, "people_harm_n": 1, "harm_low": 1, "harm_high": 5}


def codebook(folder: Path, values: str = "1 to 5: 1 = none; 5 = much") -> Path:
    row = {"variable": "harm", "values": values, "level": "ordinal", "reverse_scored": "yes"}
    return table(folder / "codebook.csv", row)


@pytest.mark.parametrize(("turned", "value"), [(True, 4.0), (False, 2.0), ("", 2.0)])
def test_scores_that_run_the_other_way_are_turned_round(
    tmp_path: Path, turned: object, value: float
) -> None:
    path = table(tmp_path / "rewards.csv", {**HARM, "harm_reversed": turned})
    (score,) = recognised(path).evidence.scores
    assert (score.criterion, score.value, score.low, score.high) == ("harm", value, 1, 5)


def test_without_its_ends_a_reversed_scale_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "rewards.csv", {**REPLY, "harm_reversed": "True", "harm_low": 1})
    with pytest.raises(DomainError, match=r"line 2, people_harm_mean: harm is reverse-scored"):
        recognised(path)


def test_an_earlier_export_is_turned_round_by_the_codebook_in_its_archive(tmp_path: Path) -> None:
    own = table(tmp_path / "rewards.csv", HARM)
    (score,) = recognised(own, codebook(tmp_path)).evidence.scores
    assert score.value == 4
    without = table(tmp_path / "without.csv", REPLY)
    (score,) = recognised(without, codebook(tmp_path)).evidence.scores
    assert (score.value, score.low, score.high) == (4, 1, 5)
    with pytest.raises(DomainError, match="nothing says how far its scale reaches"):
        recognised(without, codebook(tmp_path, values=""))


def jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_tie_written_as_a_row_each_way_is_a_tie_of_every_rater(tmp_path: Path) -> None:
    pair = {"prompt": "I am sad.", "chosen": "Tell me.", "rejected": "Smile."}
    back = {**pair, "chosen": "Smile.", "rejected": "Tell me."}
    rows = [{**row, "rater": rater} for rater in ("R1", "R2") for row in (pair, back, pair)]
    answers = recognised(jsonl(tmp_path / "rows.jsonl", *rows, {**pair, "rater": "R3"}))
    assert {c.rater: c.value for c in answers.evidence.choices} == {
        "rater-1": 0,
        "rater-2": 0,
        "rater-3": -1,
    }
    assert answers.notes == {"pairs on which one rater said both: counted as that rater's tie": 2}
    assert answers.left_out == {"answers that stand there twice": 2}


def test_a_rater_who_prefers_the_left_one_both_ways_round_prefers_none(tmp_path: Path) -> None:
    given = [
        {
            "id": number,
            "data": {"context": "I am sad.", "response_a": left, "response_b": right},
            "annotations": [
                {
                    "completed_by": 1,
                    "result": [{"from_name": "p", "to_name": "a", "value": {"selected": "left"}}],
                }
            ],
        }
        for number, (left, right) in enumerate((("Tell me.", "Smile."), ("Smile.", "Tell me.")))
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(given))
    (choice,) = recognised(path).evidence.choices
    assert choice.value == 0


@pytest.mark.parametrize(
    ("about", "selected", "value", "noted"),
    [
        ("response_a,response_b", "left", -1, 0),
        ("response_b,response_a", "left", 1, 0),
        ("response_b", "right", -1, 0),
        ("txt-2, txt-1", "left", 1, 0),
        ("b", "left", 1, 0),
        ("dialogue", "left", -1, 1),
        ("", "right", 1, 1),
    ],
)
def test_left_is_what_the_comparison_names_first(
    tmp_path: Path, about: str, selected: str, value: int, noted: int
) -> None:
    result = {"from_name": "pref", "to_name": about, "value": {"selected": selected}}
    task = {
        "id": 1,
        "data": {"context": "I am sad.", "response_a": "Tell me.", "response_b": "Smile."},
        "annotations": [{"completed_by": 1, "result": [result]}],
    }
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task]))
    answers = recognised(path)
    (choice,) = answers.evidence.choices
    assert answers.responses[choice.first].reply.text == "Tell me."
    assert choice.value == value
    assert sum(answers.notes.values()) == noted
    ((order,),) = answers.display_orders.values()
    second_left = value * (1 if selected == "left" else -1) > 0
    assert order == (
        (choice.second, choice.first) if second_left else (choice.first, choice.second)
    )


def test_numbers_of_the_task_itself_are_no_ratings(tmp_path: Path) -> None:
    row = {
        "context": "I am sad.",
        "response_a": "Tell me.",
        "response_b": "Smile.",
        "annotator": 1,
        "annotation_id": 7,
        "tokens_a": 10,
        "turn": 17,
        "meta_b": {"rating": 3},
        "warmth_a": [{"rating": 4}],
    }
    path = tmp_path / "min.json"
    path.write_text(json.dumps([row]))
    answers = recognised(path)
    assert {(s.criterion, s.value) for s in answers.evidence.scores} == {("warmth", 4)}
    assert sorted(reason.split("”")[0] for reason in answers.left_out) == [
        "numbers in the field “meta_b",
        "numbers in the field “tokens_a",
        "numbers in the field “turn",
    ]
    named = recognised(path, ratings=("tokens_a",))
    assert {(s.criterion, s.value) for s in named.evidence.scores} == {
        ("warmth", 4),
        ("tokens", 10),
    }


def contents_of(*rows: dict[str, Any], folder: Path, splitting: str) -> ImportContents:
    rules = DerivationRules(splitting=splitting)  # type: ignore[arg-type]
    answers = recognised(jsonl(folder / "rows.jsonl", *rows))
    return ImportContents(answers, rules, derive(answers.evidence, rules))


def test_splits_of_the_files_that_divide_conversations_are_told(tmp_path: Path) -> None:
    pair = {"chosen": "Tell me.", "rejected": "Smile."}
    rows = [
        {**pair, "prompt": f"Day {n}.", "session": session, "split": split, "corpus": corpus}
        for n, (corpus, session, split) in enumerate(
            [("c", "s1", "train"), ("c", "s1", "test"), ("c", "s2", "train"), ("", "s3", "test")]
        )
    ]
    own = contents_of(*rows, folder=tmp_path, splitting="corpus")
    expected = [{"corpus": "c", "sessions": 2, "divided_sessions": 1, "splits": []}]
    assert own.leakage("These") == expected
    assert leakage_text(own.leakage("These")).startswith(
        "The corpus's own split of c divides 1 of 2 sessions. Figures"
    )
    assert leakage_notes({"leakage": expected}) == [
        "The splits that “c” came with divide 1 of its 2 sessions."
    ]
    assert contents_of(*rows, folder=tmp_path, splitting="seeded").leakage("These") == []


def test_prompts_whose_rows_name_different_splits_are_counted(tmp_path: Path) -> None:
    pair = {"prompt": "I am sad.", "chosen": "Tell me.", "rejected": "Smile."}
    rows = [{**pair, "split": split} for split in ("train", "test", "train")]
    answers = recognised(jsonl(tmp_path / "rows.jsonl", *rows, {**pair, "prompt": "Two."}))
    assert answers.notes == {SPLITS_DIFFER: 1}

"""Every format of trainers, well and badly written: what is read, and how it is refused."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.derivation.derive import derive
from annotations.derivation.rules import DerivationRules
from annotations.imports import (
    FORMATS,
    HandedIn,
    ImportedAnswers,
    ReadOptions,
    hand_in,
    read_answers,
    recognise,
)
from inference.errors import DomainError

NO_SPLITS = DerivationRules(splitting="none")


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def recognised(*paths: Path) -> tuple[str, ImportedAnswers]:
    found = recognise(paths).format
    return found, read_answers(paths, found)


def said(answers: ImportedAnswers) -> list[tuple[str, str]]:
    return [
        (answers.responses[pair.chosen].reply.text, answers.responses[pair.rejected].reply.text)
        for pair in derive(answers.evidence, NO_SPLITS).pairs
    ]


PLAIN = {"prompt": "I am sad.", "chosen": "Tell me.", "rejected": "Smile."}


@pytest.mark.parametrize(
    ("row", "format"),
    [
        (PLAIN, "trl-preference"),
        ({"chosen": "I am sad. Tell me.", "rejected": "I am sad. Smile."}, "trl-implicit"),
        (
            {
                "chosen": "\n\nHuman: I am sad.\n\nAssistant: Tell me.",
                "rejected": "\n\nHuman: I am sad.\n\nAssistant: Smile.",
            },
            "trl-implicit",
        ),
        (
            {
                "context_messages": [{"role": "user", "content": "I am sad."}],
                "chosen": "Tell me.",
                "rejected": "Smile.",
            },
            "openrlhf",
        ),
        (
            {"instruction": "I am sad.", "input": "", "chosen": "Tell me.", "rejected": "Smile."},
            "llama-factory",
        ),
        (
            {
                "conversations": [{"from": "human", "value": "I am sad."}],
                "chosen": {"from": "gpt", "value": "Tell me."},
                "rejected": {"from": "gpt", "value": "Smile."},
            },
            "llama-factory",
        ),
    ],
)
def test_a_pair_is_read_from_every_way_of_writing_it(
    tmp_path: Path, row: dict[str, Any], format: str
) -> None:
    name, answers = recognised(lines(tmp_path / "rows.jsonl", row))
    assert name == format
    assert said(answers) == [("Tell me.", "Smile.")]
    (stimulus,) = answers.stimuli.values()
    assert [turn.text for turn in stimulus.prompt.client_turns] == ["I am sad."]
    assert stimulus.prompt.history == ()


def test_json_lines_array_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    rows = [{**PLAIN, "prompt": f"Day {n}."} for n in range(3)]
    (tmp_path / "array.json").write_text(json.dumps(rows))
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(PLAIN))
        writer.writeheader()
        writer.writerows(rows)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "table.parquet")
    paths = [lines(tmp_path / "rows.jsonl", *rows)]
    paths += [tmp_path / name for name in ("array.json", "table.csv", "table.parquet")]
    found = [recognised(path)[1] for path in paths]
    assert all(one.stimuli == found[0].stimuli for one in found)
    assert all(one.evidence == found[0].evidence for one in found)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "bom.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(PLAIN).encode() + b"\n")
    assert said(recognised(path)[1]) == [("Tell me.", "Smile.")]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (json.dumps(PLAIN).encode("utf-16"), "rows.jsonl, line 1: the file is UTF-16"),
        (
            json.dumps(PLAIN).encode() + b"\n" + '{"prompt": "é"}'.encode("latin-1"),
            "rows.jsonl, line 2: byte 0xe9 is not valid UTF-8",
        ),
        (b"", "rows.jsonl: the file is empty"),
        (b" \n\n", "rows.jsonl: the file is empty"),
        (b'{"prompt": "x"', "rows.jsonl, line 1, column"),
        (b'{"prompt": "x", "prompt": "y"}', "stands twice"),
        (b"[]", "holds no row"),
        (b"[1]", "an object"),
        (b'{"a": NaN}', "NaN"),
    ],
)
def test_files_that_cannot_be_read_are_refused_with_their_line(
    tmp_path: Path, content: bytes, match: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(DomainError, match=match):
        recognised(path)


def message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"chosen": None}, "line 2, chosen: it is missing"),
        ({"prompt": None}, "line 2, chosen: chosen and rejected|line 2, prompt: it is missing"),
        ({"prompt": ""}, "line 2, prompt: the client says nothing"),
        ({"prompt": [message("user", "x"), message("assistant", "y")]}, "last message is the"),
        ({"prompt": [message("wizard", "x")]}, r"prompt\[0\].role: 'wizard' is no role"),
        ({"prompt": [{"role": "user"}]}, r"prompt\[0\]"),
        ({"prompt": ["x"]}, r"prompt\[0\]: a message was expected"),
        ({"prompt": 7}, "messages were expected, not '7'"),
        ({"rejected": 7}, "line 2, rejected"),
        ({"strength": "much"}, "strength: a number was expected"),
    ],
)
def test_a_row_that_is_wrong_is_refused_with_line_field_and_remedy(
    tmp_path: Path, change: dict[str, Any], match: str
) -> None:
    path = lines(tmp_path / "rows.jsonl", PLAIN, {**PLAIN, **change})
    with pytest.raises(DomainError, match=match) as refused:
        recognised(path)
    assert str(refused.value).startswith("rows.jsonl, line 2")
    assert str(refused.value).count(". ") >= 1


def test_replies_of_several_messages_and_equal_replies_are_counted(tmp_path: Path) -> None:
    several = [message("assistant", "a"), message("user", "b"), message("assistant", "c")]
    path = lines(
        tmp_path / "rows.jsonl",
        PLAIN,
        {**PLAIN, "chosen": several},
        {**PLAIN, "chosen": "Smile."},
        PLAIN,
    )
    _, answers = recognised(path)
    assert answers.left_out == {
        "answers that stand there twice": 1,
        "pairs of two replies that say the same": 1,
        "rows in which a reply is more than one message": 1,
    }
    assert len(said(answers)) == 1


def test_rows_that_contradict_each_other_decide_nothing(tmp_path: Path) -> None:
    other = {**PLAIN, "chosen": PLAIN["rejected"], "rejected": PLAIN["chosen"]}
    _, answers = recognised(lines(tmp_path / "rows.jsonl", PLAIN, other, PLAIN))
    (choice,) = answers.evidence.choices
    assert choice.value == 0
    assert said(answers) == []


def test_what_was_said_before_and_the_situation_are_told_apart(tmp_path: Path) -> None:
    row = {
        **PLAIN,
        "prompt": [
            message("system", "She lost her job."),
            message("user", "Hello."),
            message("assistant", "How are you?"),
            message("user", "Not well."),
            message("user", "I cannot sleep."),
        ],
    }
    _, answers = recognised(lines(tmp_path / "rows.jsonl", row))
    (stimulus,) = answers.stimuli.values()
    assert stimulus.prompt.situation == "She lost her job."
    assert [(t.speaker, t.text) for t in stimulus.prompt.history] == [
        ("client", "Hello."),
        ("therapist", "How are you?"),
    ]
    assert [t.text for t in stimulus.prompt.client_turns] == ["Not well.", "I cannot sleep."]


def test_labels_of_one_prompt_make_pairs_and_others_stay_scores(tmp_path: Path) -> None:
    rows = [
        {"prompt": prompt, "completion": text, "label": label}
        for prompt, text, label in (
            ("One.", "good", True),
            ("One.", "bad", False),
            ("One.", "worse", False),
            ("Two.", "alone", True),
        )
    ]
    name, answers = recognised(lines(tmp_path / "kto.jsonl", *rows))
    assert name == "trl-kto"
    assert sorted(said(answers)) == [("good", "bad"), ("good", "worse")]
    assert sorted(s.value for s in answers.evidence.scores) == [0, 0, 1, 1]
    with pytest.raises(DomainError, match="line 1, label: true or false was expected"):
        read_answers([lines(tmp_path / "x.jsonl", {**rows[0], "label": "maybe"})], "trl-kto")


def test_a_prompt_with_too_many_labels_is_refused(tmp_path: Path) -> None:
    rows = [{"prompt": "One.", "completion": f"reply {n}", "label": n % 2 == 0} for n in range(100)]
    with pytest.raises(DomainError, match="make more than 2,000 pairs"):
        recognised(lines(tmp_path / "kto.jsonl", *rows))


def test_columns_of_numbers_are_criteria(tmp_path: Path) -> None:
    rows = [
        {"prompt": "One.", "completion": text, "warmth": warmth, "Being heard": 3, "note": "x"}
        for text, warmth in (("cold", 1), ("warm", 5), ("unrated", None))
    ]
    name, answers = recognised(lines(tmp_path / "rewards.jsonl", *rows))
    assert name == "reward"
    criteria = {(s.criterion, s.low, s.high) for s in answers.evidence.scores}
    assert criteria == {("warmth", 1, 5), ("being-heard", 3, 3)}
    assert said(answers) == [("warm", "cold")]


def test_llama_factorys_description_names_columns_roles_and_history(tmp_path: Path) -> None:
    info = {
        "ours": {
            "file_name": "data.json",
            "ranking": True,
            "formatting": "sharegpt",
            "columns": {"messages": "talk", "chosen": "win", "rejected": "lose"},
            "tags": {
                "role_tag": "who",
                "content_tag": "what",
                "user_tag": "caller",
                "assistant_tag": "helper",
            },
        },
        "other": {"file_name": "alpaca.json", "ranking": True},
    }
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    (tmp_path / "data.json").write_text(
        json.dumps(
            [
                {
                    "talk": [{"who": "caller", "what": "I am sad."}],
                    "win": {"who": "helper", "what": "Tell me."},
                    "lose": {"who": "helper", "what": "Smile."},
                }
            ]
        )
    )
    (tmp_path / "alpaca.json").write_text(
        json.dumps(
            [
                {
                    "instruction": "Answer.",
                    "input": "I fell.",
                    "history": [["Hello.", "Hi."]],
                    "chosen": "Are you hurt?",
                    "rejected": "Stand up.",
                }
            ]
        )
    )
    name, answers = recognised(*sorted(tmp_path.iterdir()))
    assert name == "llama-factory"
    assert sorted(said(answers)) == [("Are you hurt?", "Stand up."), ("Tell me.", "Smile.")]
    prompt = next(s.prompt for s in answers.stimuli.values() if s.prompt.history)
    assert [t.text for t in prompt.client_turns] == ["Answer.\nI fell."]
    odd = {"instruction": "Answer.", "history": True, "chosen": "Yes.", "rejected": "No."}
    with pytest.raises(DomainError, match="line 1, history: a list was expected, not 'true'"):
        read_answers([lines(tmp_path / "x.jsonl", odd)], "llama-factory")


@pytest.mark.parametrize(
    ("info", "match"),
    [
        ({"x": {"file_name": "data.json"}}, "x.ranking: the dataset is described without ranking"),
        ({"x": {"file_name": "else.json", "ranking": True}}, "no dataset in it has the file"),
        ({"x": 3}, "dataset_info.json, x: an object was expected"),
        (
            {"x": {"file_name": "data.json", "ranking": True, "formatting": "odd"}},
            "formatting: 'odd' is not known",
        ),
        (
            {"x": {"file_name": "data.json", "ranking": True, "columns": ["a"]}},
            "x.columns: an object of names",
        ),
    ],
)
def test_a_description_that_fits_nothing_is_refused(
    tmp_path: Path, info: dict[str, Any], match: str
) -> None:
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    lines(tmp_path / "data.json", {"instruction": "x", "chosen": "a", "rejected": "b"})
    with pytest.raises(DomainError, match=match):
        recognised(*sorted(tmp_path.iterdir()))


def long_table(folder: Path, *rows: dict[str, Any], name: str = "answers.jsonl") -> list[Path]:
    stimulus = {
        "key": "s1",
        "group": "g1",
        "history": [],
        "situation": "",
        "client_turns": [{"speaker": "client", "text": "I am sad."}],
    }
    responses = [
        {
            "response_id": n,
            "stimulus": "s1",
            "reply": {"text": text},
            "barred_by": ["harmful"] if text == "Die." else [],
        }
        for n, text in ((4, "Tell me."), (5, "Smile."), (6, "Die."))
    ]
    with (folder / "codebook.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["variable", "values", "level", "reverse_scored"])
        writer.writerow(["harm", "1 to 5: 1 = none; 5 = much", "ordinal", "yes"])
        writer.writerow(["yes-no", "0 = no; 1 = yes", "nominal", "no"])
    return [
        lines(folder / "stimuli.jsonl", stimulus),
        lines(folder / "responses.jsonl", *responses),
        lines(folder / name, *rows),
        folder / "codebook.csv",
    ]


ANSWER = {
    "rater": "R1",
    "rater_kind": "person",
    "role": "independent",
    "question": "overall",
    "response": None,
    "score": None,
    "preferred": 5,
    "strength": 2,
    "display_order": [4, 5],
    "missing": "",
    "active_seconds": 9.5,
}


def test_the_long_table_is_read_with_the_files_that_it_names(tmp_path: Path) -> None:
    scored = {**ANSWER, "preferred": None, "strength": None, "display_order": None}
    paths = long_table(
        tmp_path,
        ANSWER,
        {**ANSWER, "rater": "R2", "preferred": 4, "role": "adjudication"},
        {**ANSWER, "rater": "R3", "preferred": None, "missing": "skipped"},
        {**ANSWER, "rater": "R4", "preferred": None, "tie_kind": "neither_acceptable"},
        {**ANSWER, "rater": "J", "rater_kind": "llm", "question": "best", "display_order": [6, 5]},
        {**scored, "question": "harm", "response": 4, "score": 2},
        {**scored, "question": "yes-no", "response": 4, "score": 1},
        {**scored, "question": "why", "response": 4, "content": "It listens."},
        {**scored, "question": "harm", "response": 99, "score": 2},
    )
    name, answers = recognised(*paths)
    assert name == "answers"
    texts = {n: r.reply.text for n, r in answers.responses.items()}
    found = [
        (c.rater, c.criterion, texts[c.first], texts[c.second], c.value, c.neither_acceptable)
        for c in answers.evidence.choices
    ]
    assert sorted(found) == [
        ("rater-1", "best", "Smile.", "Die.", -2, False),
        ("rater-2", "overall", "Tell me.", "Smile.", 2, False),
        ("rater-3", "overall", "Tell me.", "Smile.", 0, True),
    ]
    assert answers.evidence.raters["rater-1"].kind == "llm"
    assert {c.seconds for c in answers.evidence.choices} == {9.5}
    (score,) = answers.evidence.scores
    assert (score.criterion, score.value, score.low, score.high) == ("harm", 4, 1, 5)
    assert len(answers.evidence.unacceptable) == 2
    assert sum(answers.left_out.values()) == 5
    barred = [r.reply.text for r in answers.responses.values() if r.barred]
    assert barred == ["Die."]


def test_the_long_table_alone_is_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "long.jsonl", {**ANSWER, "ranks": None})
    with pytest.raises(DomainError, match=r"stimuli\.jsonl, which says what they are, is missing"):
        recognised(path)


def test_ranks_are_choices_between_every_two(tmp_path: Path) -> None:
    ranked = {**ANSWER, "preferred": None, "strength": None, "display_order": [4, 5, 6]}
    paths = long_table(tmp_path, {**ranked, "ranks": {"4": 1, "5": 2, "6": 2}})
    _, answers = recognised(*paths)
    texts = {n: r.reply.text for n, r in answers.responses.items()}
    found = {(texts[c.first], texts[c.second]): c.value for c in answers.evidence.choices}
    assert found == {
        ("Tell me.", "Smile."): -1,
        ("Tell me.", "Die."): -1,
        ("Smile.", "Die."): 0,
    }


def test_files_of_different_formats_are_refused_with_what_each_is(tmp_path: Path) -> None:
    one = lines(tmp_path / "a.jsonl", PLAIN)
    other = lines(tmp_path / "b.jsonl", {"prompt": "x", "completion": "y", "label": True})
    with pytest.raises(DomainError, match=r"a.jsonl is trl-preference; b.jsonl is trl-kto"):
        recognise([one, other])


def test_an_explicit_choice_is_followed_and_an_unknown_one_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {**PLAIN, "context_messages": None})
    assert said(read_answers([path], "openrlhf")) == [("Tell me.", "Smile.")]
    with pytest.raises(DomainError, match=r"There is no format “odd”\. Formats: release"):
        read_answers([path], "odd")


def test_a_zip_is_unpacked_and_one_that_leads_out_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "files.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/rows.jsonl", json.dumps(PLAIN))
        archive.writestr("__MACOSX/folder/._rows.jsonl", "x")
        archive.writestr("folder/.hidden", "x")
    found = hand_in([path], tmp_path / "work")
    assert [one.name for one in found.paths] == ["rows.jsonl"]
    assert [name for name, _ in found.sources] == ["files.zip"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../rows.jsonl", json.dumps(PLAIN))
    with pytest.raises(DomainError, match="the name leads out of the zip"):
        hand_in([path], tmp_path / "work")
    path.write_bytes(b"no zip")
    with pytest.raises(DomainError, match=r"files.zip: the zip cannot be unpacked"):
        hand_in([path], tmp_path / "work")


def test_the_order_and_the_names_of_files_make_no_difference(tmp_path: Path) -> None:
    one = lines(tmp_path / "a.jsonl", PLAIN)
    two = lines(tmp_path / "b.jsonl", {**PLAIN, "prompt": "Two."})
    forth, back = (hand_in(paths, tmp_path) for paths in ([one, two], [two, one]))
    assert forth == back
    assert isinstance(forth, HandedIn)


def test_prompts_of_one_conversation_are_one_group(tmp_path: Path) -> None:
    talk = [message("user", "Hello."), message("assistant", "Yes?"), message("user", "I fell.")]
    rows = [
        {**PLAIN, "prompt": talk[:1]},
        {**PLAIN, "prompt": talk},
        {**PLAIN, "prompt": "Another."},
        {**PLAIN, "prompt": "Third.", "session": "s1"},
        {**PLAIN, "prompt": "Fourth.", "session": "s1"},
        {**PLAIN, "prompt": "Fourth.", "session": "s2"},
        {**PLAIN, "prompt": "Fifth.", "session": "s2"},
    ]
    _, answers = recognised(lines(tmp_path / "rows.jsonl", *rows))
    groups = {s.prompt.client_turns[-1].text: s.group for s in answers.stimuli.values()}
    assert groups["Hello."] == groups["I fell."]
    assert groups["Third."] == groups["Fourth."] == groups["Fifth."] == "s1"
    assert len(set(groups.values())) == 3


def test_a_parquet_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(DomainError, match=r"rows.parquet, row 1: the file is no readable Parquet"):
        recognise([path])


def test_parquet_names_the_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pyarrow.Table.from_pylist([PLAIN, {**PLAIN, "chosen": None}])
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(DomainError, match=r"rows.parquet, row 2, chosen: it is missing"):
        recognised(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["user", "assistant", "system", "A", "tie", "left", "true"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["role", "content", "from", "value", "text", "schema", "name", "result", "rating",
             "selected", "choices", "completed_by", "id", "response_a", "response_b", "context"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip
FIELDS = st.sampled_from(
    ["prompt", "chosen", "rejected", "completion", "label", "score", "criterion", "strength",
     "instruction", "input", "history", "conversations", "context_messages", "annotations",
     "data", "annotator", "annotation_id", "drafts", "pref", "response_a", "response_b", "context",
     "key", "stimulus", "reply", "client_turns", "rater", "question", "response", "preferred",
     "display_order", "ranks", "id", "text", "responses", "group", "session", "clips", "source",
     "user_id", "instance_id_to_label_to_value", "instance_id_to_presentation_order"]
)  # fmt: skip
ROWS = st.lists(st.dictionaries(FIELDS, VALUES, min_size=1, max_size=7), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, format=st.sampled_from(sorted(FORMATS)), words=st.booleans())
def test_whatever_a_file_holds_it_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, Any]],
    format: str,
    words: bool,
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    paths = [lines(folder / "rows.jsonl", *rows)]
    if format == "answers":
        paths += long_table(folder, *rows)[:2]
        paths[0] = paths[0].rename(folder / "answers.jsonl")
    if format == "potato":
        (folder / "state.json").write_text(json.dumps({"user_id": "x", **rows[0]}))
        (folder / "config.yaml").write_text(json.dumps(rows[0]))
        paths += [folder / "state.json", folder / "config.yaml"]
    if format == "release":
        (folder / "manifest.json").write_text(json.dumps(rows[0]))
        (folder / "pairs.jsonl").write_text("")
        paths += [folder / "manifest.json", folder / "pairs.jsonl"]
    refused = refusal_of(lambda: recognise(paths))
    assert refused is None or refused.strip()
    with_words = ReadOptions(with_words=words)
    refused = refusal_of(
        lambda: derive(read_answers(paths, format, with_words).evidence, NO_SPLITS)
    )
    assert refused is None or refused.strip()


def refusal_of(act: Callable[[], object]) -> str | None:
    """None where it was done; anything but a refusal in words fails the test."""
    try:
        act()
    except DomainError as error:
        return str(error)
    return None


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300), ending=st.sampled_from(["jsonl", "json", "csv", "parquet"]))
def test_whatever_bytes_a_file_has_it_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str
) -> None:
    path = tmp_path_factory.mktemp("bytes") / f"file.{ending}"
    path.write_bytes(content)
    with pytest.raises(DomainError):
        recognise([path])

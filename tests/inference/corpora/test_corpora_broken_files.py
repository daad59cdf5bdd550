"""Files that are damaged, mistaken for another or hostile are refused and harm nothing."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from inference.corpora import READERS, CorpusError, content_sha256

LINE = json.dumps(
    {"id": "ID", "session": "s", "turns": [{"speaker": "client", "text": "Grüße from Rui."}]},
    ensure_ascii=False,
)
ESCONV = {
    "situation": "s",
    "problem_type": "p",
    "dialog": [{"speaker": "seeker", "content": "Grüße."}],
}


def refusal(format: str, *paths: Path) -> CorpusError:
    with pytest.raises(CorpusError) as caught:
        list(READERS[format](paths))
    message = str(caught.value)
    assert caught.value.file.name in message
    assert caught.value.problem in message
    assert caught.value.remedy in message
    return caught.value


def lines(path: Path, count: int) -> list[str]:
    return [LINE.replace("ID", str(n)) for n in range(count)]


@pytest.mark.parametrize("format", ["mesc", "esconv", "jsonl"])
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \n\n  \r\n"])
def test_empty_file_is_refused(tmp_path: Path, format: str, content: bytes) -> None:
    path = tmp_path / ("MESC.csv" if format == "mesc" else "corpus.json")
    path.write_bytes(content)
    assert refusal(format, path).problem == "the file is empty"


@pytest.mark.parametrize("format", ["mesc", "esconv", "jsonl"])
def test_missing_file_and_folder_are_refused(tmp_path: Path, format: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert "folder" in refusal(format, tmp_path / "folder.csv").problem
    assert "no such file" in refusal(format, tmp_path / "none.csv").problem
    assert "cannot be opened" in refusal(format, tmp_path / ("n" * 300 + ".csv")).problem


def test_bad_json_on_line_seven_is_named(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    rows = lines(path, 9)
    rows[6] = rows[6].replace('"turns"', "turns")
    path.write_text("\n".join(rows))
    error = refusal("jsonl", path)
    assert error.line == 7
    assert "the JSON is broken" in error.problem


@pytest.mark.parametrize(
    ("good", "bad"), [('"problem_type"', "problem_type"), ('"p"', '"p'), ('"p",', '"p"')]
)
def test_bad_json_inside_an_array_names_its_line(tmp_path: Path, good: str, bad: str) -> None:
    path = tmp_path / "corpus.json"
    text = json.dumps([ESCONV, ESCONV | {"situation": "other"}], indent=1)
    rows = text.splitlines()
    broken = next(n for n, row in enumerate(rows) if good in row)
    rows[broken] = rows[broken].replace(good, bad)
    path.write_text("\n".join(rows))
    # A missing comma is noticed where the next value begins.
    assert refusal("esconv", path).line in {broken + 1, broken + 2}


@pytest.mark.parametrize(
    "text",
    ["{}", "[", "[]", "[1]", "[{}]x", '[{"a": 1}', '[{"a": ', "null", "[[[]]]", '["a"]', "[{}}"],
)
def test_text_that_is_no_array_of_dialogues_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "corpus.json"
    path.write_text(text)
    assert refusal("esconv", path).line == 1


@pytest.mark.parametrize("format", ["esconv", "jsonl"])
def test_nesting_bomb_is_refused(tmp_path: Path, format: str) -> None:
    path = tmp_path / "corpus.json"
    bomb = '{"a":' * 100_000
    path.write_text(f"[{bomb}" if format == "esconv" else bomb)
    assert "nested deeper" in refusal(format, path).problem


@pytest.mark.parametrize(
    "value", ["NaN", "1e999", "9" * 5_000, '{"k": 1, "k": 2}', r'"\u0000"', r'"\ud800"']
)
def test_value_that_no_database_could_hold_is_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(LINE[:-1] + ', "extra": {"x": ' + value + "}}")
    assert refusal("jsonl", path).line == 1


def test_escaped_backslash_before_a_zero_escape_is_only_text(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(LINE[:-1] + r', "extra": {"x": "C:\\u0000 and \u00e9"}}')
    (dialogue,) = READERS["jsonl"]([path])
    assert dialogue.extra == {"x": r"C:\u0000 and é"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
@pytest.mark.parametrize("format", ["esconv", "jsonl"])
def test_other_encodings_are_refused(tmp_path: Path, format: str, encoding: str) -> None:
    path = tmp_path / "corpus.json"
    text = json.dumps([ESCONV], ensure_ascii=False, indent=1) if format == "esconv" else LINE
    path.write_text(text, encoding=encoding)
    error = refusal(format, path)
    assert "UTF-8" in error.remedy
    assert ("Latin-1" in error.problem) == (encoding == "latin-1")
    assert error.line == (8 if format == "esconv" and encoding in {"latin-1", "utf-16-le"} else 1)


def test_byte_order_mark_is_accepted(tmp_path: Path, fixtures: Path) -> None:
    path = tmp_path / "MESC.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (fixtures / "mesc" / "MESC.csv").read_bytes())
    split = tmp_path / "test.json"
    split.write_bytes(b"\xef\xbb\xbf" + (fixtures / "mesc" / "test.json").read_bytes())
    assert len(list(READERS["mesc"]([path]))) == 3
    assert len(list(READERS["mesc"]([path, split]))) == 1
    jsonl = tmp_path / "corpus.jsonl"
    jsonl.write_text(LINE, encoding="utf-8-sig")
    assert len(list(READERS["jsonl"]([jsonl]))) == 1


def test_missing_column_is_named(tmp_path: Path, fixtures: Path) -> None:
    path = tmp_path / "MESC.csv"
    text = (fixtures / "mesc" / "MESC.csv").read_text()
    path.write_text(text.replace("Strategy", "Plan", 1))
    error = refusal("mesc", path)
    assert (error.line, error.field) == (1, "Strategy")


def test_row_with_a_value_too_few_and_open_quote_name_the_line(
    tmp_path: Path, fixtures: Path
) -> None:
    rows = (fixtures / "mesc" / "MESC.csv").read_text().splitlines()
    path = tmp_path / "MESC.csv"
    path.write_text("\n".join([*rows[:6], rows[6].rsplit(",", 3)[0], *rows[7:]]))
    assert refusal("mesc", path).line == 7
    path.write_text("\n".join([*rows[:6], '"' + rows[6].replace('"', ""), *rows[7:]]))
    assert refusal("mesc", path).line == 7


def test_json_array_given_as_json_lines_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(f"[{LINE}]")
    assert "one JSON array, not JSON Lines" in refusal("jsonl", path).problem


@pytest.mark.parametrize("format", ["mesc", "esconv", "jsonl"])
def test_line_of_200_megabytes_is_refused_in_little_memory(tmp_path: Path, format: str) -> None:
    path = tmp_path / ("MESC.csv" if format == "mesc" else "corpus.json")
    with path.open("wb") as file:
        file.write(b'[{"a": "' if format == "esconv" else b'{"a": "')
        for _ in range(200):
            file.write(b"x" * 2**20)
        file.write(b'"}]')
    tracemalloc.start()
    try:
        error = refusal(format, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        path.unlink()
    assert error.line == 1
    assert "16 MiB" in error.problem
    assert peak < 100 * 2**20


def test_long_array_without_line_breaks_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    turns = [{"speaker": "seeker", "content": "word " * 2_000}] * 20
    with path.open("w") as file:
        for n in range(200):
            entry = ESCONV | {"situation": f"situation {n}", "dialog": turns}
            file.write(("[" if n == 0 else ",") + json.dumps(entry))
        file.write("]")
    assert path.stat().st_size > 38 * 2**20
    tracemalloc.start()
    try:
        count = sum(1 for _ in READERS["esconv"]([path]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 200
    assert peak < 8 * 2**20


def test_whole_content_decides_the_hash_and_names_and_order_do_not(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in "abc")
    a.write_bytes(b"one")
    b.write_bytes(b"two")
    c.write_bytes(b"one")
    assert content_sha256([a, b]) == content_sha256([b, c])
    assert content_sha256([a]) == content_sha256([c]) != content_sha256([a, c])

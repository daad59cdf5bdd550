"""Files that would fill memory or disk, and cells that nobody can read: refused in words."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from annotations.imports import hand_in, read_answers, recognise
from inference.errors import DomainError
from tests.annotations.exports.release_folders import small_release

PLAIN = {"prompt": "I am sad.", "chosen": "Tell me.", "rejected": "Smile."}


def zipped(path: Path, files: int, size: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(files):
            archive.writestr(f"{number}.jsonl", "x" * size)
    return path


def parquet(path: Path, *rows: dict[str, Any]) -> Path:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path, compression="zstd")
    return path


def test_all_zips_together_keep_to_one_bound(tmp_path: Path) -> None:
    paths = [zipped(tmp_path / f"{n}.zip", files=1, size=400_000) for n in range(3)]
    assert len(hand_in(paths[:2], tmp_path / "two", most_bytes=10**6).paths) == 2
    with pytest.raises(DomainError, match=r"2\.zip: .* larger than 1 MB unpacked"):
        hand_in(paths, tmp_path / "three", most_bytes=10**6)


def test_all_zips_together_hold_no_more_files_than_one_may(tmp_path: Path) -> None:
    paths = [zipped(tmp_path / f"{n}.zip", files=600, size=1) for n in range(2)]
    with pytest.raises(DomainError, match=r"1\.zip: .* more than 1000 files"):
        hand_in(paths, tmp_path / "work")


@pytest.mark.parametrize("nested", [False, True])
def test_a_small_parquet_file_of_much_text_is_refused(tmp_path: Path, nested: bool) -> None:
    text = "sad " * 250
    prompt = [{"role": "user", "content": text}] if nested else text
    path = parquet(tmp_path / "rows.parquet", *[{**PLAIN, "prompt": prompt}] * 2_000)
    assert path.stat().st_size < 20_000
    assert hand_in([path], tmp_path, most_bytes=3 * 10**6).paths == (path,)
    with pytest.raises(DomainError, match=r"rows\.parquet: .* larger than 1 MB decoded"):
        hand_in([path], tmp_path, most_bytes=10**6)


def test_many_empty_values_of_a_parquet_file_count_too(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", *[{**PLAIN, "zeros": [0] * 100_000}] * 3)
    with pytest.raises(DomainError, match="larger than 1 MB decoded"):
        hand_in([path], tmp_path, most_bytes=10**6)


def test_a_parquet_cell_longer_than_a_record_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", {**PLAIN, "chosen": "x" * (16 * 2**20 + 1)})
    with pytest.raises(DomainError, match=r"rows 1 to 1, chosen: the cell is longer than 16 MiB"):
        hand_in([path], tmp_path)


DEEP = "[" * 100_000
HUGE = "9" * 401


def imported(*paths: Path) -> None:
    read_answers(paths, recognise(paths).format)


def csv_file(path: Path, **cells: str) -> Path:
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells.values()]
    path.write_text(f"{','.join(cells)}\n{','.join(quoted)}\n")
    return path


@pytest.mark.parametrize(
    ("cell", "match"),
    [
        (DEEP, r"rows\.csv, line 2, prompt: it is nested deeper than 32"),
        ('[{"role": "user", "content": "\\ud800"}]', r"rows\.csv, line 2, prompt: it has a NUL or"),
        ('[{"role": "user", "content": "\\u0000"}]', r"rows\.csv, line 2, prompt: it has a NUL or"),
    ],
)
def test_a_csv_cell_that_nobody_can_read_is_refused(tmp_path: Path, cell: str, match: str) -> None:
    path = csv_file(tmp_path / "rows.csv", **{**PLAIN, "prompt": cell})
    with pytest.raises(DomainError, match=match):
        imported(path)


def test_an_order_nested_without_end_in_the_long_table_is_refused(tmp_path: Path) -> None:
    turn = {"speaker": "client", "text": "I am sad."}
    answer = {"rater": "R1", "question": "overall", "response": "", "score": "", "preferred": "4"}
    rows = {
        "stimuli.jsonl": {"key": "s", "history": [], "client_turns": [turn]},
        "responses.jsonl": {"response_id": 4, "stimulus": "s", "reply": {"text": "Yes."}},
        "answers.jsonl": {**answer, "display_order": DEEP},
    }
    for name, row in rows.items():
        (tmp_path / name).write_text(json.dumps(row) + "\n")
    with pytest.raises(DomainError, match=r"answers\.jsonl, line 1, display_order: it is nested"):
        imported(*(tmp_path / name for name in rows))


def test_a_nul_in_a_parquet_text_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", PLAIN, {**PLAIN, "chosen": "Tell\0me."})
    with pytest.raises(DomainError, match=r"rows\.parquet, row 2, chosen: it has a NUL"):
        imported(path)


def test_a_parquet_cell_that_is_no_value_is_refused(tmp_path: Path) -> None:
    far = pyarrow.array([2**60], pyarrow.timestamp("ms"))
    columns = {name: [text] for name, text in PLAIN.items()}
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table({**columns, "at": far}), path)
    with pytest.raises(DomainError, match=r"rows\.parquet, row 1: the file is no readable Parquet"):
        imported(path)


def test_a_number_of_401_digits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"prompt": "I am sad.", "completion": "Yes.", "warmth": {HUGE}}}\n')
    with pytest.raises(DomainError, match=r"rows\.jsonl, line 1, warmth: a number was expected"):
        imported(path)


def spoiled(path: Path, method: int) -> Path:
    """A zip whose compressed bytes are none."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("rows.jsonl", json.dumps(PLAIN) * 50)
        start = len("rows.jsonl") + 30
        length = archive.infolist()[0].compress_size
    data = bytearray(path.read_bytes())
    data[start + 9 : start + length] = b"\xff" * (length - 9)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_spoiled_zip_is_refused(tmp_path: Path, method: int) -> None:
    path = spoiled(tmp_path / "files.zip", method)
    with pytest.raises(DomainError, match=r"files\.zip: the zip cannot be unpacked"):
        hand_in([path], tmp_path / "work")


def test_a_zip_whose_names_are_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "files.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("äö.jsonl", "x")
    path.write_bytes(path.read_bytes().replace("äö".encode(), b"\xff\xff\xff\xff"))
    with pytest.raises(DomainError, match=r"files\.zip: the zip cannot be unpacked"):
        hand_in([path], tmp_path / "work")


@pytest.mark.parametrize(
    "text", ['!!timestamp "abc"', '!!bool "x"', '!!int ""', '!!float ""', '!!set "x"']
)
def test_a_tag_that_does_not_fit_its_value_is_refused(tmp_path: Path, text: str) -> None:
    state = {"user_id": "ada", "instance_id_to_label_to_value": {}}
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "items.jsonl").write_text('{"id": "i", "text": "x", "responses": ["a", "b"]}\n')
    (tmp_path / "config.yaml").write_text(f"created: {text}\n")
    with pytest.raises(DomainError, match=r"config\.yaml.*: the configuration is no readable YAML"):
        imported(*sorted(tmp_path.iterdir()))


def test_a_release_whose_responses_do_not_say_what_bars_them_is_refused(tmp_path: Path) -> None:
    release = small_release()
    del release.responses[0]["barred_by"]
    with pytest.raises(
        DomainError, match=r"responses\.jsonl, line 1, barred_by: a list of reasons"
    ):
        imported(*hand_in([release.write(tmp_path / "release")], tmp_path).paths)

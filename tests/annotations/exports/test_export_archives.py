"""Archives are written into streams that cannot go back, byte for byte the same each time."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from annotations.exports.formats import FORMATS, ExportOptions, open_export
from annotations.exports.formats.archives import (
    CHUNK,
    Entry,
    Member,
    json_array,
    json_lines,
    tar_chunks,
    zip_chunks,
)
from tests.annotations.exports.downloads import content
from tests.annotations.exports.release_folders import small_release, write_clips


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_same_release_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    downloads = []
    for place in ("here", "there"):
        release = small_release(media_rights="Ada")
        folder = release.write(tmp_path / place / "release")
        root = write_clips(tmp_path / place / "media", release)
        downloads.append(content(open_export(folder, name, ExportOptions(media_root=root))))
    assert downloads[0] == downloads[1]


def test_a_zip_begins_before_its_second_chunk_is_known() -> None:
    taken = []

    def chunks() -> list[bytes]:
        taken.append("read")
        return [b"late"]

    class Lazy(list[bytes]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            return iter(chunks())

    stream = zip_chunks([Entry("a.txt", Lazy())])
    first = next(stream)
    assert first.startswith(b"PK")
    assert not taken
    archive = zipfile.ZipFile(io.BytesIO(first + b"".join(stream)))
    assert archive.read("a.txt") == b"late"


def test_a_zip_holds_its_entries_in_order_with_a_fixed_time_and_packs_only_what_packs() -> None:
    entries = [Entry("b.jsonl", [b"x" * 1000, b"y"]), Entry("a.parquet", [b"x" * 1000])]
    archive = zipfile.ZipFile(io.BytesIO(b"".join(zip_chunks(entries))))
    infos = archive.infolist()
    assert [info.filename for info in infos] == ["b.jsonl", "a.parquet"]
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert [info.compress_type for info in infos] == [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]
    assert archive.read("b.jsonl") == b"x" * 1000 + b"y"


def test_a_tar_holds_files_of_any_size_and_names_nobody() -> None:
    sizes = (0, 1, 511, 512, 513, 5000)
    members = [Member(f"{size}.bin", size, [b"z" * size]) for size in sizes]
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar_chunks(members)))) as archive:
        for size, info in zip(sizes, archive.getmembers(), strict=True):
            assert (info.name, info.size, info.mtime) == (f"{size}.bin", size, 0)
            assert (info.uid, info.uname, info.mode) == (0, "", 0o644)
            file = archive.extractfile(info)
            assert file is not None
            assert file.read() == b"z" * size


def test_the_first_row_leaves_alone_and_the_others_in_chunks() -> None:
    rows = [{"n": number, "text": "ä" * 100} for number in range(2000)]
    chunks = list(json_lines(rows))
    assert json.loads(chunks[0]) == rows[0]
    assert all(len(chunk) >= CHUNK for chunk in chunks[1:-1])
    assert [json.loads(line) for line in b"".join(chunks).splitlines()] == rows


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_array_of_any_length_is_json(count: int) -> None:
    rows = [{"n": number} for number in range(count)]
    assert json.loads(b"".join(json_array(rows))) == rows

"""Downloads as a person has them: whole, unpacked, as rows."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotations.exports.formats import Download, ExportOptions, open_export

PAIRWISE = ("trl-preference", "trl-preference-implicit", "openrlhf", "llama-factory")
JSON_LINES = (
    "trl-preference",
    "trl-preference-implicit",
    "trl-kto",
    "reward-regression",
    "rl-prompts",
    "sft",
)


def content(download: Download) -> bytes:
    return b"".join(download.chunks)


def rows_of(folder: Path, name: str, **options: Any) -> list[dict[str, Any]]:
    """Of a format that is one file of JSON lines."""
    return json_rows(content(open_export(folder, name, ExportOptions(**options))))


def json_rows(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.decode().splitlines()]


def archive_of(folder: Path, name: str, **options: Any) -> zipfile.ZipFile:
    data = content(open_export(folder, name, ExportOptions(**options)))
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return archive


def unpacked(folder: Path, name: str, to: Path, **options: Any) -> Path:
    archive_of(folder, name, **options).extractall(to)
    return to


def exported_pairs(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """Rows of a pairwise format, whichever files they are in."""
    if name in JSON_LINES:
        yield from rows_of(folder, name)
        return
    archive = archive_of(folder, name)
    for file in archive.namelist():
        if file.startswith("data/"):
            yield from json_rows(archive.read(file))
        elif file.startswith("moodeval_"):
            yield from json.loads(archive.read(file))

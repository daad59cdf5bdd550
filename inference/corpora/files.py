"""Files people hand in: opened, measured and decoded with bounds, so that none of them can hurt.

Memory stays bounded whatever the file: lines and JSON objects longer than 16 MiB are refused
without being read to their end.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from inference.corpora.errors import CorpusError, Place

MAX_RECORD_BYTES = 16 * 2**20
CHUNK_BYTES = 256 * 2**10
SAVE_AS_UTF8 = "Save the file as UTF-8 and import it again"
_FOREIGN_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def content_sha256(paths: Sequence[Path]) -> str:
    """Hash of the files' contents, whatever their names and order."""
    digests = sorted(file_sha256(path) for path in paths)
    return (
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    )


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_corpus_file(path: Path) -> BinaryIO:
    """The file at its first byte after a UTF-8 byte order mark."""
    place = Place(path)
    try:
        if path.exists() and not path.is_file():
            raise place.error(
                None, "this is a folder or a device, not a file", "Name the file itself"
            )
        file = path.open("rb")
    except FileNotFoundError as error:
        raise place.error(None, "there is no such file", "Check the path") from error
    except OSError as error:
        raise place.error(
            None,
            f"the file cannot be opened ({error.strerror})",
            "Check the path and the permissions",
        ) from error
    start = file.read(4)
    for mark, name in _FOREIGN_MARKS.items():
        if start.startswith(mark):
            file.close()
            raise Place(path, 1).error(None, f"the file is {name}, not UTF-8", SAVE_AS_UTF8)
    if not start.removeprefix(codecs.BOM_UTF8).strip():
        _refuse_blank(path, file)
    file.seek(len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0)
    return file


def _refuse_blank(path: Path, file: BinaryIO) -> None:
    while chunk := file.read(CHUNK_BYTES):
        if chunk.strip():
            return
    file.close()
    raise Place(path).error(None, "the file is empty", "Export or download it again")


def not_utf8(error: UnicodeDecodeError, place: Place) -> CorpusError:
    wrong = error.object[error.start]
    guess = "UTF-16" if b"\0" in error.object else "Latin-1"
    return place.error(
        None, f"byte 0x{wrong:02x} is not valid UTF-8 (the file may be {guess})", SAVE_AS_UTF8
    )


def without_nul(text: str, place: Place) -> str:
    if "\0" in text:
        raise place.error(None, "the text has NUL characters (it may be UTF-16)", SAVE_AS_UTF8)
    return text


@dataclass(frozen=True)
class Line:
    number: int
    """From 1."""
    offset: int
    """Bytes before it in the file."""
    text: str
    """With its ending."""


def text_lines(path: Path, since: Line | None = None) -> Iterator[Line]:
    """The lines of a file, or those from a line met before."""
    with open_corpus_file(path) as file:
        number, offset = (since.number, since.offset) if since else (1, file.tell())
        file.seek(offset)
        while data := file.readline(MAX_RECORD_BYTES + 1):
            place = Place(path, number)
            if len(data) > MAX_RECORD_BYTES:
                raise too_long(place, "line")
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(error, place) from error
            yield Line(number, offset, without_nul(text, place))
            number, offset = number + 1, offset + len(data)


def too_long(place: Place, what: str) -> CorpusError:
    limit = MAX_RECORD_BYTES // 2**20
    return place.error(
        None,
        f"the {what} is longer than {limit} MiB",
        "Check for a missing line break or quotation mark, or split the file",
    )

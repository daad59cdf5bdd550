"""From a release folder and the name of a format to a download."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotations.exports.formats.account import Account
from annotations.exports.formats.archives import Entry, json_value, zip_chunks
from annotations.exports.formats.content import Content
from annotations.exports.formats.media import Copied, check_media
from annotations.exports.formats.options import Download, ExportOptions, ExportRefusedError
from annotations.exports.formats.registry import FORMATS, ExportFormat
from annotations.exports.formats.release import HIDDEN, ReleaseFolder
from annotations.exports.formats.source import open_source
from inference.preference_files import CARD_FILE, CODEBOOK_FILE, MANIFEST_FILE

JSON_LINES = "application/x-ndjson"
ZIP = "application/zip"
ACCOUNT_FILE = "export.json"
RELEASE_FOLDER = "release"
"""Where, in an archive, the release's own card, manifest and codebook stand."""
NAME_LENGTH = 40
HASH_LENGTH = 8
COPIED = "copied"


def open_export(folder: Path, name: str, options: ExportOptions | None = None) -> Download:
    """Everything is refused here, or counted; the rows are read while the chunks are taken."""
    options = options or ExportOptions()
    export = _format(name)
    release = ReleaseFolder(folder)
    copies = options.media == COPIED or export.needs_media
    _check(release, export, options)
    if copies:
        check_media(release, options)
    content = export.content(open_source(release, options))
    if not content.account.rows:
        raise ExportRefusedError(_why_nothing(release, content.account))
    summary = _summary(release, export, options, content.account)
    single = content.single and not copies
    return Download(
        file_name=f"{_base_name(release)}-{name}.{'jsonl' if single else 'zip'}",
        content_type=JSON_LINES if single else ZIP,
        chunks=_one_file(content)
        if single
        else zip_chunks(_entries(release, export, options, content)),
        summary=summary,
    )


def _format(name: str) -> ExportFormat:
    if name not in FORMATS:
        raise ExportRefusedError(f"There is no format {name!r}. Formats: {', '.join(FORMATS)}.")
    return FORMATS[name]


def _check(release: ReleaseFolder, export: ExportFormat, options: ExportOptions) -> None:
    if options.fields == "all" and release.fields_shown == HIDDEN:
        raise ExportRefusedError(
            "Raters saw only the text of the replies, so nobody judged the emotion and strategy "
            "lines: they are not exported. Export the response alone."
        )
    if options.splits is None:
        return
    known = release.splits()
    unknown = sorted(set(options.splits) - set(known))
    if unknown or not options.splits:
        raise ExportRefusedError(
            f"The release has no pairs in the split {', '.join(unknown) or '(none named)'}. "
            f"Its splits: {', '.join(known) or 'none; it was not split'}."
        )


def _why_nothing(release: ReleaseFolder, account: Account) -> str:
    said = account.as_json()
    reasons = "; ".join(
        f"{said['left_out'][name]} {words}" for name, words in said["left_out_in_words"].items()
    )
    return f"Nothing of “{release.title}” can be exported in this format: {reasons or 'no rows'}."


def _summary(
    release: ReleaseFolder, export: ExportFormat, options: ExportOptions, account: Account
) -> dict[str, Any]:
    return {
        "format": export.name,
        "release": {"title": release.title, "sha256": release.sha256},
        "options": options.as_json(),
        **account.as_json(),
    }


def _one_file(content: Content) -> Iterator[bytes]:
    for entry in content.entries(None):
        yield from entry.chunks


def _entries(
    release: ReleaseFolder, export: ExportFormat, options: ExportOptions, content: Content
) -> Iterator[Entry]:
    for name in (MANIFEST_FILE, CARD_FILE, CODEBOOK_FILE):
        path = release.folder / name
        if path.is_file():
            yield Entry(f"{RELEASE_FOLDER}/{name}", [path.read_bytes()])
    copied = None
    if options.media == COPIED and not export.needs_media and options.media_root:
        copied = Copied(options.media_root)
    yield from content.entries(copied)
    if copied:
        yield from copied.entries()
    summary = _summary(release, export, options, content.account)
    yield Entry(ACCOUNT_FILE, [(json_value(summary, indent=2) + "\n").encode()])


def _base_name(release: ReleaseFolder) -> str:
    """Of letters that every file system takes, and the start of the hash the release is cited
    by."""
    plain = unicodedata.normalize("NFKD", release.title).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:NAME_LENGTH].strip("-")
    return "-".join(filter(None, (words or "preferences", release.sha256[:HASH_LENGTH])))

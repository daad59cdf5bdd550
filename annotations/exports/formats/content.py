"""What a format makes of a release: an account of the rows, and files that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from annotations.exports.formats import hugging_face, webdataset
from annotations.exports.formats.account import Account
from annotations.exports.formats.archives import Entry, json_lines
from annotations.exports.formats.media import Copied
from annotations.exports.formats.options import ExportOptions, ExportRefusedError, Row
from annotations.exports.formats.source import Kept, Source, kept_pairs
from annotations.exports.formats.tables import answers, preferences

DATA_FILE = "data.jsonl"
PairRow = Callable[[Row, ExportOptions], Row]


@dataclass(frozen=True)
class Content:
    account: Account
    entries: Callable[[Copied | None], Iterator[Entry]]
    single: bool = False
    """One file of JSON lines, unless clips are copied beside it."""


Make = Callable[[Source], Content]


def json_lines_of(make: Callable[[Source], Kept]) -> Make:
    def content(source: Source) -> Content:
        kept = make(source)

        def entries(copied: Copied | None) -> Iterator[Entry]:
            yield Entry(DATA_FILE, json_lines(_copied(kept, copied).rows()))

        return Content(kept.account, entries, single=True)

    return content


def files_of(make: Callable[[Source], Kept], files: Callable[[Kept], Iterator[Entry]]) -> Make:
    def content(source: Source) -> Content:
        kept = make(source)
        return Content(kept.account, lambda copied: files(_copied(kept, copied)))

    return content


def pair_rows(to_row: PairRow) -> Callable[[Source], Kept]:
    """Of formats whose trainer knows no weights."""

    def make(source: Source) -> Kept:
        kept = kept_pairs(source)

        def rows() -> Iterator[Row]:
            return (to_row(pair, source.options) for pair in kept.rows())

        return Kept(kept.account, rows)

    return make


def _copied(kept: Kept, copied: Copied | None) -> Kept:
    if copied is None:
        return kept
    return Kept(kept.account, lambda: copied.rows(kept.rows()))


def folder(source: Source) -> Content:
    account = Account()
    pairs = preferences(source, account)
    return Content(
        account, lambda copied: hugging_face.folder_entries(source, pairs, account, copied)
    )


def statistics(source: Source) -> Content:
    """The tables stand on these archives, too, and cannot be there before them."""
    from annotations.exports.tables.bundle import release_tables

    table, account = answers(source), Account()
    account.rows.update(table.counts)
    tables = release_tables(
        source.release.folder, lambda: chain.from_iterable(map(table.rows, table.counts))
    )
    return Content(account, lambda _: tables.entries())


def shards(source: Source) -> Content:
    root = source.options.media_root
    if root is None:
        raise ExportRefusedError("media_root: missing. Give the folder that holds the clips.")
    samples = webdataset.find_samples(source)
    return Content(samples.account, lambda _: webdataset.shard_entries(source, samples, root))

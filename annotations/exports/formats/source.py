"""The pairs of a release, as far as an export wants them, and who won which comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from annotations.exports.formats.account import Account
from annotations.exports.formats.media import wanted
from annotations.exports.formats.options import ExportOptions, ExportRefusedError, Row
from annotations.exports.formats.quick import PERSON, PairFacts, pair_facts
from annotations.exports.formats.release import Barred, ReleaseFolder
from inference.preference_files import PAIRS_FILE

JUDGE = "llm"
KINDS = (PERSON, JUDGE)
T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    release: ReleaseFolder
    options: ExportOptions
    barred: Barred

    def pairs(self) -> Iterator[tuple[int, bytes, PairFacts]]:
        return self.release.facts(PAIRS_FILE, pair_facts)


def open_source(release: ReleaseFolder, options: ExportOptions) -> Source:
    return Source(release, options, release.barred())


def why_left_out(source: Source, pair: PairFacts, line: bytes, *, carries_weight: bool) -> str:
    """The reason in LEFT_OUT; empty for a pair that is exported."""
    if not wanted(pair.split, source.options):
        return "other_splits"
    if source.barred.preferred_in(pair, line):
        return "barred"
    return "tied" if pair.tied and not carries_weight else ""


@dataclass(frozen=True)
class Kept:
    """What an export takes of a release: counted already, read again when it is written."""

    account: Account
    rows: Callable[[], Iterator[Row]]


def kept_pairs(source: Source) -> Kept:
    """For formats that have no column for half a weight."""
    account, first = Account(), Openers()
    for offset, line, pair in source.pairs():
        reason = why_left_out(source, pair, line, carries_weight=False)
        if reason:
            account.leave_out(reason)
            continue
        account.keep(pair.split)
        first.offer(offset, {"clips": pair.clips or None})

    def wanted_pairs() -> Iterator[tuple[int, bytes]]:
        for offset, line, pair in source.pairs():
            if not why_left_out(source, pair, line, carries_weight=False):
                yield offset, line

    def rows() -> Iterator[Row]:
        return (source.release.parsed(PAIRS_FILE, line) for line in first.before(wanted_pairs))

    return Kept(account, rows)


@dataclass
class Openers:
    """Rows by where they begin. Between them every column has a value that has one anywhere: a
    reader that infers a column's type from the first rows would take it for empty otherwise."""

    covered: set[str] = field(default_factory=set)
    offsets: tuple[int, ...] = ()

    def offer(self, offset: int, row: Mapping[str, Any]) -> None:
        """A row is an opener if it has a value where no opener before it has one."""
        columns = {name for name, value in row.items() if value not in (None, [])}
        if columns - self.covered:
            self.covered |= columns
            self.offsets += (offset,)

    def before(self, items: Callable[[], Iterator[tuple[int, T]]]) -> Iterator[T]:
        """The openers, then all others in their order. A row may give several items."""
        last = max(self.offsets, default=-1)
        for offset, item in items() if self.offsets else ():
            if offset > last:
                break
            if offset in self.offsets:
                yield item
        yield from (item for offset, item in items() if offset not in self.offsets)


@dataclass
class Record:
    """How often each response was preferred to another, and another to it, by one kind of
    raters. A tie counts for neither."""

    wins: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)

    def __contains__(self, response: str) -> bool:
        return response in self.wins or response in self.losses

    def rank(self, response: str) -> tuple[int, int]:
        wins = self.wins[response]
        return wins - self.losses[response], wins


Records = Mapping[str, Record]
"""By kind of raters."""


def records(source: Source) -> Records:
    """Splits do not matter: a response belongs to one, with all its comparisons."""
    found = {kind: Record() for kind in KINDS}
    for offset, _, pair in source.pairs():
        if pair.tied:
            continue
        if not (pair.chosen and pair.rejected):
            raise ExportRefusedError(
                f"{PAIRS_FILE}, byte {offset}: the pair does not name its two responses, which "
                "this format is made from. Make a new release, or take a pairwise format."
            )
        record = found.setdefault(pair.kind, Record())
        record.wins[pair.chosen] += 1
        record.losses[pair.rejected] += 1
    return found

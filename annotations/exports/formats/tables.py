"""The tables of a Hugging Face dataset folder: their columns, and rows as the release has them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from annotations.exports.formats.account import Account
from annotations.exports.formats.messages import prompt_messages, reply_message
from annotations.exports.formats.options import Row
from annotations.exports.formats.pairwise import explicit_prompt
from annotations.exports.formats.parquet import Columns, Type
from annotations.exports.formats.quick import facts_of_response, pair_facts, split_of_line, text_of
from annotations.exports.formats.scored import criteria_of, score_columns
from annotations.exports.formats.source import Source, why_left_out
from annotations.exports.formats.unpaired import about_response
from annotations.exports.tables.columns import DECIMALS, MOMENTS, NESTED
from inference.preference_files import (
    ANSWERS_FILE,
    COMPARISONS_FILE,
    PAIRS_FILE,
    RESPONSES_FILE,
    STIMULI_FILE,
)

ABOUT: Columns = {"corpus": "text", "session": "text", "group": "text", "split": "text"}
PAIR: Columns = {
    "pair_id": "text",
    "stimulus": "text",
    "prompt": "messages",
    "chosen": "messages",
    "rejected": "messages",
    "source": "text",
    "strength": "number",
    "weight": "number",
    "rater_kind": "text",
    "rater": "text",
    "votes_for": "count",
    "votes_against": "count",
    "votes_tied": "count",
    "agreeing_sources": "text",
    "contested": "text",
    "chosen_response": "text",
    "rejected_response": "text",
    "chosen_model": "text",
    "rejected_model": "text",
    **ABOUT,
    "clips": "clips",
}
VOTES = ("votes_for", "votes_against", "votes_tied")
COMPARISON: Columns = {
    "comparison_id": "text",
    "stimulus": "text",
    "criterion": "text",
    "evidence": "text",
    "first": "text",
    "second": "text",
    "first_model": "text",
    "second_model": "text",
    "votes_first": "count",
    "votes_second": "count",
    "votes_tied": "count",
    "strength": "number",
    "adjudicated": "flag",
    "outcome": "text",
    "rater_kind": "text",
    "rater": "text",
    "display_orders": "orders",
    "group": "text",
    "split": "text",
}
RESPONSE: Columns = {
    "response_id": "text",
    "stimulus": "text",
    "model": "text",
    "prompt": "messages",
    "completion": "messages",
    "barred_by": "texts",
    "truncated": "flag",
}
ANSWER_TYPES: Columns = {
    **dict.fromkeys(("part", "attempt", "position", "strength"), "count"),
    **dict.fromkeys(("score", *DECIMALS), "number"),
    **dict.fromkeys(MOMENTS, "moment"),
    **dict.fromkeys(NESTED, "json"),
}
"""Of the long table. What else it has, ids among it, is text: datasets that were made elsewhere
have ids of any kind."""


@dataclass(frozen=True)
class Table:
    """`rows` gives those of one split."""

    name: str
    columns: Columns
    rows: Callable[[str], Iterator[Row]]
    counts: dict[str, int] = field(default_factory=dict)
    """Rows by split."""


class SplitLines:
    """Which split each row of a file belongs to: a byte a row, so that a split is read without
    the others being parsed."""

    def __init__(
        self, source: Source, name: str, split: Callable[[bytes], str | None] = split_of_line
    ) -> None:
        """split: None for a row that is left out."""
        self.source, self.name = source, name
        self.codes = array("B")
        """0 for a row that is left out; otherwise the place of its split in `splits`, from 1."""
        self.splits: list[str] = []
        for _, _, found in source.release.facts(name, split):
            self.codes.append(0 if found is None else self._code(found))

    def _code(self, split: str) -> int:
        if self.source.options.splits is not None and split not in self.source.options.splits:
            return 0
        if split not in self.splits:
            self.splits.append(split)
        return self.splits.index(split) + 1

    @property
    def counts(self) -> dict[str, int]:
        return {split: self.codes.count(n) for n, split in enumerate(self.splits, start=1)}

    def rows(self, split: str) -> Iterator[Row]:
        wanted = self.splits.index(split) + 1
        release = self.source.release
        for code, (offset, line) in zip(self.codes, release.lines(self.name), strict=True):
            if code == wanted:
                yield release.parsed(self.name, line, f"byte {offset}")


def preferences(source: Source, account: Account) -> Table:
    """Counts what it leaves out into the account."""

    def split(line: bytes) -> str | None:
        pair = pair_facts(line)
        reason = why_left_out(source, pair, line, carries_weight=True)
        if reason:
            account.leave_out(reason)
            return None
        account.keep(pair.split)
        return pair.split

    lines = SplitLines(source, PAIRS_FILE, split)

    def rows(split: str) -> Iterator[Row]:
        for pair in lines.rows(split):
            meta = pair["meta"]
            yield {
                **explicit_prompt(pair, source.options),
                "weight": float(pair.get("weight", 1.0)),
                "agreeing_sources": meta.get("agreeing_sources", ""),
                **{name: int(meta[name]) for name in VOTES if meta.get(name)},
            }

    return Table("preferences", PAIR, rows, lines.counts)


def comparisons(source: Source) -> Table:
    return _as_stored(source, "comparisons", COMPARISONS_FILE, COMPARISON)


def _as_stored(source: Source, name: str, file: str, columns: Columns) -> Table:
    lines = SplitLines(source, file)
    return Table(name, columns, lines.rows, lines.counts)


def responses(source: Source) -> Table:
    criteria = criteria_of(source)
    lines = SplitLines(source, RESPONSES_FILE)
    stimuli = source.release.stimuli()

    def rows(split: str) -> Iterator[Row]:
        for response in lines.rows(split):
            stimulus = stimuli.of(facts_of_response(response).turn)
            yield {
                **response,
                "prompt": prompt_messages(stimulus),
                "completion": [reply_message(response["reply"], source.options.fields)],
                **score_columns(response, criteria),
                **about_response(response, stimulus),
            }

    scores = {name: _score_type(name) for name in score_columns({}, criteria)}
    columns: Columns = {**RESPONSE, **scores, **ABOUT, "clips": "clips"}
    return Table("responses", columns, rows, lines.counts)


def _score_type(column: str) -> Type:
    if column.endswith("_reversed"):
        return "flag"
    return "count" if column.endswith("_n") else "number"


class AnswerSplits:
    """The split of each client turn; of one that is not in the release, as those of a reference
    panel are not, the split of its session, if that has but one."""

    def __init__(self, source: Source) -> None:
        self._turns: dict[tuple[str, str, str], str] = {}
        self._sessions: dict[tuple[str, str], set[str]] = {}
        for _, stimulus in source.release.rows(STIMULI_FILE):
            corpus, session = str(stimulus["corpus"]), str(stimulus["session"])
            split = sys.intern(str(stimulus["split"]))
            self._turns[corpus, session, str(stimulus["key"])] = split
            self._sessions.setdefault((corpus, session), set()).add(split)

    def __call__(self, corpus: str, session: str, key: str) -> str:
        of_session = self._sessions.get((corpus, session), set())
        shared = next(iter(of_session)) if len(of_session) == 1 else ""
        return self._turns.get((corpus, session, key), shared)


def answers(source: Source) -> Table:
    """The long table, with the split that the answered client turn belongs to."""
    split_of = AnswerSplits(source)

    def split(line: bytes) -> str:
        return split_of(*(text_of(line, name) for name in ("corpus", "session", "stimulus")))

    lines = SplitLines(source, ANSWERS_FILE, split)
    names = next((list(row) for _, row in source.release.rows(ANSWERS_FILE)), [])
    columns: Columns = {
        **{name: ANSWER_TYPES.get(name, "text") for name in names},
        "split": "text",
    }

    def rows(name: str) -> Iterator[Row]:
        for row in lines.rows(name):
            yield {**row, "split": name}

    return Table("answers", columns, rows, lines.counts)


def other_tables(source: Source) -> Iterator[Table]:
    """One after the other, so that what was asked for first leaves before the last is counted."""
    yield comparisons(source)
    yield responses(source)
    yield answers(source)

"""Formats with a response a row, by what became of it in comparisons."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from annotations.exports.formats.account import Account
from annotations.exports.formats.media import wanted
from annotations.exports.formats.messages import prompt_messages, reply_message
from annotations.exports.formats.options import ExportOptions, Row
from annotations.exports.formats.pairwise import clips_of
from annotations.exports.formats.quick import ResponseFacts, reply_words, response_facts
from annotations.exports.formats.source import KINDS, Kept, Openers, Records, Source, records
from inference.preference_files import RESPONSES_FILE

CHOSEN, REJECTED = 1, 2
SHARED = 4
"""Said by several responses."""


class Verdict(NamedTuple):
    """What an export does with a response, as one kind of raters saw it."""

    response: ResponseFacts
    line: bytes
    kind: str = ""
    desirable: bool = False
    reason: str = ""
    """Why it is left out; empty if it is not."""


@dataclass(frozen=True)
class Judged:
    source: Source
    records: Records
    marks: Mapping[int, int]
    """Hash of what a response says, to which client turn and to which kind of raters -> CHOSEN,
    REJECTED and SHARED. Two that say the same to one client turn are the same to a trainer."""


Decide = Callable[[Judged, ResponseFacts, bytes, set[int]], Iterator[Verdict]]
Label = Callable[[Verdict], Row]


def kto(source: Source) -> Kept:
    """Desirable what was only ever preferred, undesirable what never was. People and judges
    decide apart, each in rows of their own."""
    return _kept(source, _decide_both_ways, lambda verdict: {"label": verdict.desirable})


def sft(source: Source) -> Kept:
    """What was preferred, and may be."""
    return _kept(source, _decide_preferred, lambda verdict: {})


def _kept(source: Source, decide: Decide, label: Label) -> Kept:
    judged = _judged(source)
    stimuli = source.release.stimuli()
    account, first = Account(), Openers()

    def verdicts() -> Iterator[tuple[int, Verdict]]:
        taken: set[int] = set()
        for offset, line, response in source.release.facts(RESPONSES_FILE, response_facts):
            for verdict in decide(judged, response, line, taken):
                yield offset, verdict

    for offset, verdict in verdicts():
        if verdict.reason:
            account.leave_out(verdict.reason)
        else:
            account.keep(verdict.response.split)
            first.offer(offset, {"clips": stimuli.have_clips(verdict.response.turn) or None})

    def rows() -> Iterator[Row]:
        for verdict in first.before(verdicts):
            if not verdict.reason:
                response = source.release.parsed(RESPONSES_FILE, verdict.line)
                stimulus = stimuli.of(verdict.response.turn)
                about = {**label(verdict), "rater_kind": verdict.kind}
                yield response_row(response, stimulus, about, source.options)

    return Kept(account, rows)


def _judged(source: Source) -> Judged:
    found = records(source)
    marks: dict[int, int] = {}
    for _, line, response in source.release.facts(RESPONSES_FILE, response_facts):
        for kind, record in found.items():
            mark = CHOSEN if response.response in record.wins else 0
            mark |= REJECTED if response.response in record.losses else 0
            if mark:
                said = _said(response, line, kind, source.options)
                before = marks.get(said)
                marks[said] = mark if before is None else before | mark | SHARED
    return Judged(source, found, marks)


def _said(response: ResponseFacts, line: bytes, kind: str, options: ExportOptions) -> int:
    words = reply_words(line, labels=options.fields == "all")
    text = "\0".join((*response.turn, kind, "")).encode() + words
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


def _first(said: int, mark: int, taken: set[int]) -> bool:
    """Whether nothing that says the same was taken before, which only what is shared can be."""
    if not mark & SHARED:
        return True
    if said in taken:
        return False
    taken.add(said)
    return True


def _decide_both_ways(
    judged: Judged, response: ResponseFacts, line: bytes, taken: set[int]
) -> Iterator[Verdict]:
    """Of each kind of raters that compared it; barred words are undesirable or nothing."""
    if not wanted(response.split, judged.source.options):
        yield Verdict(response, line, reason="other_splits")
        return
    kinds = [kind for kind in KINDS if response.response in judged.records[kind]]
    if not kinds:
        yield Verdict(response, line, reason="never_compared")
        return
    barred = judged.source.barred.holds(response, line)
    for kind in kinds:
        said = _said(response, line, kind, judged.source.options)
        mark = judged.marks[said]
        both = mark & CHOSEN and mark & REJECTED
        desirable = bool(mark & CHOSEN) and not both
        reason = ""
        if both and not barred:
            reason = "both"
        elif desirable and barred:
            reason = "barred"
        elif not _first(said, mark, taken):
            reason = "same_words"
        yield Verdict(response, line, kind, desirable, reason)


def _decide_preferred(
    judged: Judged, response: ResponseFacts, line: bytes, taken: set[int]
) -> Iterator[Verdict]:
    kinds = [kind for kind in KINDS if response.response in judged.records[kind].wins]
    reason = ""
    if not wanted(response.split, judged.source.options):
        reason = "other_splits"
    elif not kinds:
        reason = "never_preferred"
    elif judged.source.barred.holds(response, line):
        reason = "barred"
    else:
        said = _said(response, line, "", judged.source.options)
        reason = "same_words" if said in taken else ""
        taken.add(said)
    yield Verdict(response, line, ",".join(kinds), True, reason)


def response_row(response: Row, stimulus: Row, about: Row, options: ExportOptions) -> Row:
    """The prompt apart, so that only what was judged is learned: a trainer counts the loss of
    the completion alone."""
    return {
        "prompt": prompt_messages(stimulus),
        "completion": [reply_message(response["reply"], options.fields)],
        **about,
        **about_response(response, stimulus),
    }


def about_response(response: Row, stimulus: Row) -> Row:
    return {
        "response_id": str(response["response_id"]),
        "stimulus": response["stimulus"],
        "model": response["model"],
        "corpus": stimulus["corpus"],
        "session": stimulus["session"],
        "group": response["group"],
        "split": response["split"],
        "clips": clips_of(stimulus),
    }

"""What an export decides by, read off a line without parsing it.

A release spells every value one way (`inference.preference_files.json_text`: sorted keys, no
spaces), and inside a text a quotation mark is escaped: the marks below stand where a field begins
and nowhere else. A line without them is parsed.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from annotations.exports.formats.options import Row

PERSON = "person"
JUDGES, MODEL = b'"judge_scores":', b',"model":"'
"""The model stands between the scores of judges and those of people."""


class PairFacts(NamedTuple):
    turn: tuple[str, str]
    """Group and key of the client turn."""
    split: str
    tied: bool
    chosen: str
    """Id of the response, empty where the release does not say; so `rejected`."""
    rejected: str
    kind: str
    """Of the raters."""
    clips: bool


class ResponseFacts(NamedTuple):
    turn: tuple[str, str]
    split: str
    response: str
    barred: bool
    """By itself; `release.Barred` knows of others that say the same."""
    scored: bool


class StimulusFacts(NamedTuple):
    turn: tuple[str, str]
    clips: bool


def pair_facts(line: bytes) -> PairFacts:
    try:
        return PairFacts(
            turn=(_text(line, b'},"group":"'), _text(line, b'],"key":"')),
            split=_before(line, b'"split":"', b'","stimulus":{'),
            tied=float(_tail(line, b',"weight":')) < 1,
            chosen=_text(line, b'"chosen_response":"'),
            rejected=_text(line, b'"rejected_response":"'),
            kind=_text(line, b'"rater_kind":"') or PERSON,
            clips=b'"clips":[]' not in line,
        )
    except ValueError:
        return facts_of_pair(json.loads(line))


def facts_of_pair(pair: Row) -> PairFacts:
    meta = pair["meta"]
    return PairFacts(
        turn=(str(pair.get("group", "")), str(pair["stimulus"]["key"])),
        split=str(pair.get("split", "")),
        tied=float(pair.get("weight", 1.0)) < 1,
        chosen=str(meta.get("chosen_response", "")),
        rejected=str(meta.get("rejected_response", "")),
        kind=str(meta.get("rater_kind") or PERSON),
        clips=bool(pair["stimulus"]["clips"]),
    )


def response_facts(line: bytes) -> ResponseFacts:
    try:
        if b'"barred_by":[' not in line or b'"scores":{' not in line:
            raise ValueError
        return ResponseFacts(
            turn=(_text(line, b',"group":"'), _text(line, b',"stimulus":"')),
            split=_text(line, b',"split":"'),
            response=_identity(line),
            barred=b'"barred_by":[]' not in line,
            scored=b',"scores":{}' not in line or b'"judge_scores":{}' not in line,
        )
    except ValueError:
        return facts_of_response(json.loads(line))


def facts_of_response(response: Row) -> ResponseFacts:
    return ResponseFacts(
        turn=(str(response.get("group", "")), str(response["stimulus"])),
        split=str(response.get("split", "")),
        response=str(response["response_id"]),
        barred=bool(response["barred_by"]),
        scored=bool(response.get("scores") or response.get("judge_scores")),
    )


def stimulus_facts(line: bytes) -> StimulusFacts:
    try:
        return StimulusFacts(
            turn=(_text(line, b',"group":"'), _text(line, b'],"key":"')),
            clips=b',"clips":[]' not in line,
        )
    except ValueError:
        return facts_of_stimulus(json.loads(line))


def facts_of_stimulus(stimulus: Row) -> StimulusFacts:
    turn = (str(stimulus.get("group", "")), str(stimulus["key"]))
    return StimulusFacts(turn, bool(stimulus["clips"]))


def split_of_line(line: bytes) -> str:
    """Of a comparison or a response."""
    return text_of(line, "split")


def text_of(line: bytes, name: str) -> str:
    """Of a field that an object within the row may have as well; empty where there is none."""
    mark = f'"{name}":"'.encode()
    if line.count(mark) == 1:
        try:
            return _text(line, mark)
        except ValueError:
            pass
    value = json.loads(line).get(name)
    return "" if value is None else str(value)


def reply_words(line: bytes, *, labels: bool) -> bytes:
    """What a response says, as the release spells it: equal texts are equal bytes."""
    try:
        reply = _between(line, b'"reply":{', b'},"response_id":')
        return reply if labels else _between(reply, b'"text":"', b'","therapist_emotion":')
    except ValueError:
        reply_row = json.loads(line)["reply"]
        return json.dumps(reply_row if labels else reply_row["text"], sort_keys=True).encode()


def criteria_scored(line: bytes) -> frozenset[tuple[str, str]]:
    """(`scores` or `judge_scores`, criterion) of a response."""
    try:
        middle = line.index(MODEL)
        judges = line[line.index(JUDGES) + len(JUDGES) : middle]
        people = _between(line[middle:], b',"scores":', b',"split":"')
        return frozenset(
            [("scores", name) for name in _criteria(people)]
            + [("judge_scores", name) for name in _criteria(judges)]
        )
    except ValueError:
        response = json.loads(line)
    return frozenset(
        (name, criterion)
        for name in ("scores", "judge_scores")
        for criterion in response.get(name) or ()
    )


def _criteria(scores: bytes) -> list[str]:
    if b"\\" in scores:
        raise ValueError("escaped")
    before = scores.split(b'":{"high":')[:-1]
    return [piece[piece.rindex(b'"') + 1 :].decode() for piece in before]


def _text(line: bytes, mark: bytes, end: bytes = b'"') -> str:
    text = _between(line, mark, end)
    if b"\\" in text:
        raise ValueError("escaped")
    return text.decode()


def _before(line: bytes, mark: bytes, end: bytes) -> str:
    """The last such field before `end`, whatever fields of that name there are earlier."""
    last = line.index(end)
    return _text(line[line.rindex(mark, 0, last) : last + 1], mark)


def _between(line: bytes, mark: bytes, end: bytes) -> bytes:
    start = line.index(mark) + len(mark)
    return line[start : line.index(end, start)]


def _tail(line: bytes, mark: bytes) -> bytes:
    return line[line.rindex(mark) + len(mark) :].rstrip(b"}\n")


def _identity(line: bytes) -> str:
    """A number, or a text in datasets that were made elsewhere."""
    text = _between(line[line.index(MODEL) :], b'},"response_id":', b',"scores":')
    if b"\\" in text:
        raise ValueError("escaped")
    return text.strip(b'"').decode()

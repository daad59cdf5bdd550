"""From what a model wrote to fields: tolerant of case, order, prose around, markdown and JSON.

What cannot be read is said to be so: a label line that names no label is kept as it was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from inference.contracts import ReplyFields
from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.label_spelling import canonical_label

LABELS = {"client_emotion": EMOTIONS, "therapist_emotion": EMOTIONS, "strategy": STRATEGIES}
TEXT = "text"
WHO = {
    "client": "client|user|patient|help[ -]?seeker|seeker",
    "therapist": "therapist|supporter|counsell?or",
}
WHAT = {
    "emotion": "emotional[ _-]?state|emotion",
    "strategy": "strategy",
    "response": "response|reply",
}
FIELDS = {
    ("client", "emotion"): "client_emotion",
    ("therapist", "emotion"): "therapist_emotion",
    ("therapist", "strategy"): "strategy",
    ("therapist", "response"): TEXT,
}
BARE = {WHAT["strategy"]: "strategy", WHAT["response"]: TEXT}
"""Only a therapist has these: they count without "therapist" where nothing else names them."""


_FENCE = re.compile(r"^[ \t]*```\w*[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class ParsedReply:
    fields: ReplyFields
    unread: Mapping[str, str] = field(default_factory=dict)
    """Label field -> what was written for it, where that is no label; not a line that is absent."""


@dataclass(frozen=True)
class _Found:
    name: str
    start: int
    end: int
    mark: str
    """Quotes or markup that open before the name."""


def parse_reply(raw: str, names: Mapping[str, str] | None = None) -> ReplyFields:
    return read_reply(raw, names).fields


def read_reply(raw: str, names: Mapping[str, str] | None = None) -> ParsedReply:
    """`names`: field -> name of its line, where a prompt template has others than the usual.

    Of repeated lines the first that can be read counts. Without a response line, what stands
    beside the label lines is the response.
    """
    pattern = _lines_pattern(tuple((names or {}).items()))
    body = _unfenced(raw, pattern)
    written = _from_json(body, pattern)
    if written is None:
        written = _written(body, list(_fields(body, pattern)))
    labels = {name: _first_label(written.get(name, []), LABELS[name]) for name in LABELS}
    unread = {
        name: written[name][0]
        for name, label in labels.items()
        if label is None and name in written
    }
    text = next(filter(None, written.get(TEXT, [])), "")
    return ParsedReply(ReplyFields(**labels, text=text), unread)


def read_emotion(
    raw: str, labels: tuple[str, ...] = EMOTIONS, names: Mapping[str, str] | None = None
) -> str | None:
    """The client's emotion alone, on its line or, where nothing has a name, in the first line."""
    found = list(_fields(raw, _lines_pattern(tuple((names or {}).items()))))
    if not found:
        return canonical_label(raw, labels)
    written = _written(raw, found, {"client_emotion": labels})
    return _first_label(written.get("client_emotion", []), labels)


def has_field_line(text: str, names: Mapping[str, str] | None = None) -> bool:
    return any(_fields(text, _lines_pattern(tuple((names or {}).items()))))


@cache
def _lines_pattern(names: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    own = [f"(?P<own{i}_{name}>{_loosely(words)})" for i, (name, words) in enumerate(names)]
    usual = [
        rf"(?P<{name}>(?:{WHO[who]})(?:['\u2019`]?[ ]?s)?[ \t_-]*(?:{WHAT[what]}))"
        for (who, what), name in FIELDS.items()
    ]
    bare = [rf"(?P<bare_{name}>{what})" for what, name in BARE.items()]
    return re.compile(
        rf"""(?P<at>^[ \t]*(?:\#+[ \t]+|[-*>\u2022|][ \t]+|\(?\d{{1,2}}[.)][ \t]*|{{[ \t]*)*
               |[;,|][ \t]*)
        (?P<mark>[*_`"']{{0,3}})(?:\d{{1,2}}[.)][ \t]*)?(?:the[ \t]+)?
        (?:{"|".join([*own, *usual, *bare])})
        (?P<close>[*_`"']{{0,3}})(?:[ \t]*\([^()\n]{{0,40}}\))?
        (?P<sep>[ \t]*(?:[:\uff1a=|]|->|\u2192)|[ \t]+[-\u2013\u2014](?=[ \t])|[ \t]*$)""",
        re.IGNORECASE | re.MULTILINE | re.VERBOSE,
    )


def _loosely(words: str) -> str:
    parts = (re.escape(word) for word in re.split(r"['\u2019`]|\s+", words) if word)
    return r"['\u2019`]?[ \t]*".join(parts)


def _fields(text: str, pattern: re.Pattern[str]) -> Iterator[_Found]:
    """In their order. A second field in a line counts after a label only, since what people say
    may well hold a comma and then such words."""
    candidates = [one for match in pattern.finditer(text) if (one := _found(match)) is not None]
    named = {one.name for one in candidates if not one.name.startswith("bare_")}
    before: _Found | None = None
    for one in candidates:
        name = one.name.removeprefix("bare_")
        if name != one.name and (name in named or (before is not None and before.name == TEXT)):
            continue
        line_start = text.rfind("\n", 0, one.start) + 1
        starts_line = not text[line_start : one.start].strip()
        if not starts_line and (before is None or before.start < line_start or before.name == TEXT):
            continue
        before = _Found(name, one.start, one.end, one.mark)
        yield before


def _found(match: re.Match[str]) -> _Found | None:
    name = next(
        name
        for name, value in match.groupdict().items()
        if value is not None and name not in ("at", "mark", "close", "sep")
    )
    mark = match["mark"]
    headed = bool(mark) or "#" in match["at"]
    if not match["sep"].strip() and not headed:
        return None  # a line that only begins with such words
    end = match.end()
    if mark and not match["close"]:
        end += len(mark) * match.string.startswith(mark, end)  # **Name:** value
    return _Found(re.sub(r"^own\d+_", "", name), match.start(), end, mark)


def _written(
    text: str, found: list[_Found], choices: Mapping[str, tuple[str, ...]] = LABELS
) -> dict[str, list[str]]:
    """Field -> what was written for it, each time it was."""
    values: dict[str, list[str]] = {}
    loose = [text[: found[0].start] if found else text]
    ends = [one.start for one in found[1:]] + [len(text)]
    for one, end in zip(found, ends, strict=False):
        value = text[one.end : end]
        if one.name == TEXT:
            value = _unquoted(value.strip(), one.mark)
        else:
            value, below = _label_line(value, choices.get(one.name, ()))
            loose.append(below)
        values.setdefault(one.name, []).append(value)
    if TEXT not in values:
        values[TEXT] = ["\n".join(part.strip() for part in loose if part.strip())]
    return values


def _label_line(value: str, labels: tuple[str, ...]) -> tuple[str, str]:
    """A label's text, which may stand below its name, and what follows that is not of it."""
    line, _, below = value.partition("\n")
    if line.strip():
        return line.strip(), below
    next_line, _, rest = below.lstrip().partition("\n")
    return (next_line.strip(), rest) if canonical_label(next_line, labels) else ("", below)


def _unquoted(value: str, mark: str) -> str:
    """Without what closes the quotes or the markup that opened before the name."""
    if not mark:
        return value
    if mark in ('"', "'"):
        value = value.rstrip(" \t\r\n,}")
        quoted = len(value) > 1 and value[0] == value[-1] == mark
        return value[1:-1].strip() if quoted else value.removesuffix(mark)
    return value if value.startswith(mark) else value.removesuffix(mark).rstrip()


def _first_label(values: list[str], labels: tuple[str, ...]) -> str | None:
    return next(filter(None, (canonical_label(value, labels) for value in values)), None)


def _unfenced(raw: str, pattern: re.Pattern[str]) -> str:
    """Without a code fence around the fields; one inside a response stays."""
    opening = _FENCE.search(raw)
    if opening is None or any(_fields(raw[: opening.start()], pattern)):
        return raw
    before, inside = raw[: opening.start()], raw[opening.end() :]
    closing = _FENCE.search(inside)
    after = ""
    if closing is not None:
        inside, after = inside[: closing.start()], inside[closing.end() :]
    found = list(_fields(inside, pattern))
    if "{" in inside or any(one.name == TEXT for one in found):
        return inside
    return before + inside + after if found else raw


def _from_json(text: str, pattern: re.Pattern[str]) -> dict[str, list[str]] | None:
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start or any(_fields(text[:start], pattern)):
        return None
    try:
        pairs = json.loads(text[start : end + 1], object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return None
    values: dict[str, list[str]] = {}
    for key, value in _flat(pairs):
        match = pattern.match(f"{key}:")
        one = None if match is None else _found(match)
        if one is not None and match is not None and match.end() == len(key) + 1:
            name = one.name.removeprefix("bare_")
            values.setdefault(name, []).append(value.strip())
    return values or None


class _Pairs(list[tuple[str, Any]]):
    """An object with its repeated keys."""


def _flat(pairs: Any, above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in pairs if isinstance(pairs, _Pairs) else []:
        name = f"{above} {key}".strip()
        if isinstance(value, _Pairs):
            yield from _flat(value, name)
        elif isinstance(value, list):
            yield name, ", ".join(map(str, value))
        elif value is not None:
            yield name, str(value)

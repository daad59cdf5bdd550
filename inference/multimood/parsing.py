"""From a model's four lines to fields: tolerant of case, spacing, order and markdown."""

from __future__ import annotations

import re

from inference.contracts import ReplyFields
from inference.labels import EMOTIONS, STRATEGIES

_FIELD = re.compile(
    r"""^[ \t]*(?:[-*>\#]+[ \t]*|\d+[.)][ \t]*)?[*_]*[ \t]*
        (?P<who>client|user|therapist|supporter)(?:['’`]?[ ]?s)?[ \t]+
        (?P<what>emotion|strategy|response)[ \t]*[*_]*[ \t]*[:：][*_]*[ \t]*""",  # noqa: RUF001
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_NAMES = {
    ("client", "emotion"): "client_emotion",
    ("therapist", "emotion"): "therapist_emotion",
    ("therapist", "strategy"): "strategy",
    ("therapist", "response"): "text",
}
_PEOPLE = {"client": "client", "user": "client", "therapist": "therapist", "supporter": "therapist"}


def parse_reply(raw: str) -> ReplyFields:
    """A label that is not in the canonical sets is None. Without a response line, what follows no
    other field is the response; the first of repeated fields counts."""
    found: dict[str, str] = {}
    matches = list(_FIELD.finditer(raw))
    ends = [match.start() for match in matches[1:]] + [len(raw)]
    for match, end in zip(matches, ends, strict=False):
        key = (_PEOPLE[match["who"].lower()], match["what"].lower())
        if key in _NAMES:
            found.setdefault(_NAMES[key], raw[match.end() : end].strip())
    if "text" not in found:
        found["text"] = _loose_text(raw, found, matches)
    return ReplyFields(
        client_emotion=canonical_label(found.get("client_emotion"), EMOTIONS),
        therapist_emotion=canonical_label(found.get("therapist_emotion"), EMOTIONS),
        strategy=canonical_label(found.get("strategy"), STRATEGIES),
        text=found["text"],
    )


def _loose_text(raw: str, found: dict[str, str], matches: list[re.Match[str]]) -> str:
    """Text without a field name: before the first field, or below the line of the last label."""
    if not matches:
        return raw.strip()
    before = raw[: matches[0].start()].strip()
    below = raw[matches[-1].end() :].partition("\n")[2].strip()
    return "\n".join(part for part in (before, below) if part)


def canonical_label(text: str | None, labels: tuple[str, ...]) -> str | None:
    if text is None:
        return None
    first_line = text.partition("\n")[0]
    plain = _plain(first_line)
    return next((label for label in labels if _plain(label) == plain), None)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z]+", " ", text.lower()).strip()

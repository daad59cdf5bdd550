"""Rows that say which of two replies was preferred: TRL, OpenRLHF, LLaMA-Factory.

Who preferred it is not known: all such rows are answers of one rater, "imported".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from annotations.derivation.evidence import OVERALL, Choice
from annotations.imports.answers import IMPORTED, IMPORTED_JUDGE, Prompt
from annotations.imports.collecting import About, Collector
from annotations.imports.messages import (
    Message,
    Tags,
    messages_of,
    prompt_of,
    read_prompt,
    read_reply,
    reply_fields,
    transcript_of,
)
from annotations.imports.rows import Row, number_of, optional_text, rows_of
from inference.contracts import ReplyFields
from inference.corpora.errors import Place

Pair = tuple[Prompt, ReplyFields | None, ReplyFields | None]
PROMPT_FIELDS = ("prompt", "context_messages", "input", "question")
SYSTEM_FIELDS = ("system", "situation")
CLIPS = "clips named beside the text"
SEVERAL_MESSAGES = "rows in which a reply is more than one message"
CLEARLY = 1.5
"""Mean strength of choices from which a preference counts as clear."""
MOST_NAME = 120


def read_explicit(paths: Sequence[Path], collector: Collector) -> None:
    """Columns prompt (or one of its other names), chosen and rejected."""
    read_pair_rows(paths, collector, explicit_pair)


def read_implicit(paths: Sequence[Path], collector: Collector) -> None:
    """Columns chosen and rejected, whose common beginning is the prompt."""
    read_pair_rows(paths, collector, implicit_pair)


def read_either(paths: Sequence[Path], collector: Collector) -> None:
    """Row by row as it has a prompt or not."""

    def pair(row: Row, place: Place) -> Pair:
        has_prompt = any(row.get(name) is not None for name in PROMPT_FIELDS)
        return explicit_pair(row, place) if has_prompt else implicit_pair(row, place)

    read_pair_rows(paths, collector, pair)


def read_pair_rows(
    paths: Sequence[Path], collector: Collector, pair_of: Callable[[Row, Place], Pair]
) -> None:
    for path in paths:
        for place, row in rows_of(path):
            prompt, chosen, rejected = pair_of(row, place)
            if chosen is None or rejected is None:
                collector.leave_out(SEVERAL_MESSAGES)
            else:
                decide(collector, row, place, prompt, chosen, rejected)


def decide(
    collector: Collector,
    row: Row,
    place: Place,
    prompt: Prompt,
    chosen: ReplyFields,
    rejected: ReplyFields,
) -> None:
    stimulus = collector.stimulus(prompt, about_of(row))
    collector.leave_out(CLIPS, len(clips) if isinstance(clips := row.get("clips"), list) else 0)
    better, worse = (
        collector.response(stimulus, reply, model=optional_text(row, f"{name}_model"))
        for name, reply in (("chosen", chosen), ("rejected", rejected))
    )
    source = optional_text(row, "source")
    judged = optional_text(row, "rater_kind") == "llm"
    rater = collector.rater(
        optional_text(row, "rater") or (IMPORTED_JUDGE if judged else IMPORTED),
        "llm" if judged else "person",
    )
    collector.choose(
        Choice(better, worse, criterion_of(row), rater, -_strength(row, source, place))
    )


def about_of(row: Mapping[str, Any]) -> About:
    session = optional_text(row, "session")
    return About(
        group=optional_text(row, "group", "session", "conversation_id")[:MOST_NAME],
        split=optional_text(row, "split")[:MOST_NAME],
        session=session[:MOST_NAME],
        corpus=optional_text(row, "corpus")[:MOST_NAME],
    )


def criterion_of(row: Mapping[str, Any]) -> str:
    """Named by the row, or by its source as our own releases write it; else the overall one."""
    named = optional_text(row, "criterion") or optional_text(row, "source").partition(":")[2]
    return slug_of(named) or OVERALL


def slug_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]


def _strength(row: Row, source: str, place: Place) -> int:
    """Of choices only; a difference of scores is in other units."""
    if row.get("strength") is None or source.startswith("rating:"):
        return 1
    return 2 if number_of(row["strength"], "strength", place) >= CLEARLY else 1


def explicit_pair(row: Row, place: Place) -> Pair:
    name = next((name for name in PROMPT_FIELDS if row.get(name) is not None), "prompt")
    prompt = read_prompt(row.get(name), name, place, optional_text(row, *SYSTEM_FIELDS))
    return prompt, _reply(row, "chosen", place), _reply(row, "rejected", place)


def _reply(row: Row, name: str, place: Place, tags: Tags | None = None) -> ReplyFields | None:
    return read_reply(row.get(name), name, place, tags)


def implicit_pair(row: Row, place: Place) -> Pair:
    chosen, rejected = (_whole(row, name, place) for name in ("chosen", "rejected"))
    situation = optional_text(row, *SYSTEM_FIELDS)
    if isinstance(chosen, str) and isinstance(rejected, str):
        return _divided_text(chosen, rejected, situation, place)
    if isinstance(chosen, str) or isinstance(rejected, str):
        raise place.error(
            "rejected",
            "one of chosen and rejected is a text and the other a list of messages",
            "Write both in the same way",
        )
    same = takewhile(lambda both: both[0] == both[1], zip(chosen, rejected, strict=False))
    shared = [message for message, _ in same]
    if shared and shared[-1].role == "therapist" and len(shared) == len(chosen):
        shared.pop()  # both end with the same reply
    prompt = prompt_of(shared, "chosen", place, situation)
    return prompt, _rest(chosen, len(shared)), _rest(rejected, len(shared))


def _whole(row: Row, name: str, place: Place) -> str | list[Message]:
    value = row.get(name)
    if value is None:
        raise place.error(name, "it is missing", f"Add the field {name!r} to every row")
    if isinstance(value, str):
        return transcript_of(value) or value
    return messages_of(value, name, place)


def _rest(messages: Sequence[Message], start: int) -> ReplyFields | None:
    rest = messages[start:]
    single = len(rest) == 1 and rest[0].role == "therapist"
    return reply_fields(rest[0].text) if single else None


def _divided_text(chosen: str, rejected: str, situation: str, place: Place) -> Pair:
    """The prompt ends with the last white space before the two differ."""
    shared = sum(
        1 for _ in takewhile(lambda both: both[0] == both[1], zip(chosen, rejected, strict=False))
    )
    cut = max((shared - 1 - n for n, mark in enumerate(chosen[:shared][::-1]) if mark.isspace()),
              default=-1) + 1  # fmt: skip
    if not chosen[:cut].strip():
        raise place.error(
            "chosen",
            "chosen and rejected begin differently, so there is no prompt",
            "Add a field prompt, or begin both with what the client said",
        )
    prompt = read_prompt(chosen[:cut], "chosen", place, situation)
    return prompt, reply_fields(chosen[cut:]), reply_fields(rejected[cut:])

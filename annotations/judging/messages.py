"""The messages of one question to a judge: the instruction, and the material as data.

A response may be written so as to be judged well. It can neither end its JSON text, nor speak in
another role: what chat templates take for the marks of a role (`<|im_start|>`, `[INST]`) is
written with JSON's escapes, which mean the same and are no such marks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from annotations.answers import LETTERS
from annotations.judging.contract import COMPARISONS, JudgeOptions, Line, Reply, Shown
from inference.endpoints import Message

BRACKETED = re.compile(r"\[(?=/?[A-Z_]+\])")
"""Never stands outside a text in JSON."""


def in_order(shown: Shown, order: int) -> Shown:
    """1: the replies in reverse, under the letters of their new places."""
    if not order:
        return shown
    turned = zip(LETTERS, shown.replies[::-1], strict=False)
    return replace(shown, replies=tuple(replace(reply, letter=at) for at, reply in turned))


def messages(instruction: str, shown: Shown, options: JudgeOptions) -> list[Message]:
    return [
        {"role": "system", "content": instruction},
        {"role": "user", "content": as_json(material(shown, options))},
    ]


def material(shown: Shown, options: JudgeOptions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if options.evidence == "context":
        found["situation"] = shown.situation
        if not any(reply.lines for reply in shown.replies):
            found["said before"] = spoken(shown.history)
            found["client"] = list(shown.client)
    if shown.design in COMPARISONS:
        found["responses"] = [{"letter": r.letter} | reply_as_data(r) for r in shown.replies]
    else:
        found["response"] = reply_as_data(shown.replies[0])
    return found


def reply_as_data(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = (
        {"dialogue": spoken(reply.lines)} if reply.lines else {"text": reply.text}
    )
    if reply.labels:
        found["labels"] = dict(reply.labels)
    if reply.chain:
        found["reasoning"] = dict(reply.chain)
    return found


def spoken(lines: Sequence[Line]) -> list[str]:
    return [f"{line.speaker}: {line.text}" for line in lines]


def as_json(data: Any) -> str:
    written = json.dumps(data, ensure_ascii=False, indent=1)
    return BRACKETED.sub(r"\\u005b", written.replace("<", r"\u003c"))

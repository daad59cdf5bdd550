"""Pairs as ES-VR (Kim et al. 2025) makes them: two replies to a conversation with a simulated
seeker, of which the seeker's next turns expressed the values that were to be reinforced more after
one. The names of the published files could not be seen; these are what such files usually have.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotations.imports.answers import Prompt
from annotations.imports.collecting import Collector
from annotations.imports.messages import read_prompt, read_reply
from annotations.imports.pairs import SEVERAL_MESSAGES, SYSTEM_FIELDS, decide
from annotations.imports.rows import Row, number_of, optional_text, rows_of
from annotations.imports.simulator import BY_MODELS
from inference.corpora.errors import Place

HISTORY_FIELDS = ("history", "dialogue_history", "dialogue", "dialog", "context")
CRITERION = "value-reinforcement"
REWARDS = ("chosen_reward", "rejected_reward")


def read(paths: Sequence[Path], collector: Collector) -> None:
    for path in paths:
        for place, row in rows_of(path):
            _check_rewards(row, place)
            chosen, rejected = (
                read_reply(row.get(name), name, place) for name in ("chosen", "rejected")
            )
            if chosen is None or rejected is None:
                collector.leave_out(SEVERAL_MESSAGES)
                continue
            judged = optional_text(row, "rater_kind") != "person"
            collector.note(BY_MODELS, judged)
            decide(collector, _told(row, judged), place, _prompt(row, place), chosen, rejected)


def _prompt(row: Row, place: Place) -> Prompt:
    name = next((name for name in HISTORY_FIELDS if row.get(name) is not None), HISTORY_FIELDS[0])
    persona = row.get("persona")
    about = persona if isinstance(persona, dict) else {}
    situation = optional_text(row, *SYSTEM_FIELDS) or optional_text(about, *SYSTEM_FIELDS)
    return read_prompt(row.get(name), name, place, situation)


def _told(row: Row, judged: bool) -> Row:
    """With what such a row means where it does not say it."""
    usual: dict[str, Any] = {"criterion": CRITERION, "session": _persona(row)}
    return {
        **{name: value for name, value in usual.items() if value},
        **{name: value for name, value in row.items() if value is not None},
        "rater_kind": "llm" if judged else "person",
    }


def _persona(row: Row) -> str:
    """Conversations of one persona are one group: splits must not divide them."""
    persona = row.get("persona")
    if not persona:
        return ""
    text = json.dumps(persona, sort_keys=True, ensure_ascii=False)
    return f"persona-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _check_rewards(row: Row, place: Place) -> None:
    given = [number_of(row[name], name, place) for name in REWARDS if row.get(name) is not None]
    if len(given) == 2 and given[0] < given[1]:
        raise place.error(
            REWARDS[1],
            f"the rejected reply has the higher reward ({given[1]:g} against {given[0]:g})",
            "Exchange chosen and rejected, or correct the rewards",
        )

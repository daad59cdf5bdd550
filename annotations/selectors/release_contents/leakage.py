"""Where a corpus's own split runs through sessions, so that a model is tested on what it learned
next door."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from inference.models import Corpus


class Placed(NamedTuple):
    session: str
    dialogue: str
    """As the corpus numbers it: within a session, in the order in which they were held."""
    split: str


def leakage_of(corpora: Iterable[Corpus]) -> list[dict[str, Any]]:
    """Of the corpora whose splits divide sessions; empty where none does."""
    found = []
    for corpus in corpora:
        rows = corpus.dialogues.values_list("session__label", "external_id", "split")
        if divided := divided_sessions(Placed(*row) for row in rows):
            found.append({"corpus": corpus.name, **divided})
    return found


def divided_sessions(dialogues: Iterable[Placed]) -> dict[str, Any] | None:
    """`sessions`, how many of them are divided, and for each split how many of its dialogues
    directly neighbour one outside it. None where no session is divided."""
    sessions: dict[str, list[Placed]] = defaultdict(list)
    for dialogue in dialogues:
        sessions[dialogue.session].append(dialogue)
    divided = sum(len({d.split for d in held}) > 1 for held in sessions.values())
    if not divided:
        return None
    all_, beside = Counter[str](), Counter[str]()
    for held in sessions.values():
        held.sort(key=lambda dialogue: _in_order(dialogue.dialogue))
        for before, dialogue, after in zip(
            [None, *held[:-1]], held, [*held[1:], None], strict=True
        ):
            all_[dialogue.split] += 1
            beside[dialogue.split] += any(
                other is not None and other.split != dialogue.split for other in (before, after)
            )
    return {
        "sessions": len(sessions),
        "divided_sessions": divided,
        "splits": [
            {"split": name, "dialogues": all_[name], "beside_another_split": beside[name]}
            for name in sorted(all_)
        ],
    }


def _in_order(name: str) -> list[tuple[int, int, str]]:
    """9 before 10."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
        if part
    ]

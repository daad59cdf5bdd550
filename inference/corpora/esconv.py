"""ESConv and FailedESConv (Liu et al. 2021): one JSON array, text only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from inference.corpora.errors import Place
from inference.corpora.fields import (
    Once,
    Spelling,
    collapsed,
    label_of,
    object_of,
    objects_of,
    optional_text,
    text_of,
)
from inference.corpora.json_text import json_array
from inference.corpora.records import CorpusInfo, DialogueRecord, Json, Speaker, TurnRecord

INFO = CorpusInfo(
    name="ESConv",
    licence="CC BY-NC 4.0",
    citation="Liu et al. 2021, ESConv, arXiv 2106.01144",
    note=(
        "Text chats between crowd workers: no clips and no emotion per turn. Strategies are "
        "ESConv's eight, not MultiMood's ten. Dialogues with the same situation text are kept in "
        "one session, since one person probably wrote them. FailedESConv holds the "
        "conversations its authors judged bad."
    ),
)
STRATEGIES = (
    "Question",
    "Restatement or Paraphrasing",
    "Reflection of feelings",
    "Self-disclosure",
    "Affirmation and Reassurance",
    "Providing Suggestions",
    "Information",
    "Others",
)
# Variants in the published files, and Hill's names for the same helping skills in FailedESConv.
_VARIANTS = {
    "Questions": "Question",
    "Other": "Others",
    "Restatement": "Restatement or Paraphrasing",
    "Approval and Reassurance": "Affirmation and Reassurance",
    "Direct Guidance": "Providing Suggestions",
}
# Only where both schemes describe the same act: an ESConv question may be closed, and reflecting
# a feeling or giving information has no counterpart of its own among MultiMood's ten.
MULTIMOOD_STRATEGY = {
    "Restatement or Paraphrasing": "restatement",
    "Self-disclosure": "self-disclosure",
    "Affirmation and Reassurance": "approval",
    "Providing Suggestions": "advisement",
    "Others": "others",
}
_SPEAKERS: dict[str, Speaker] = {
    "seeker": "client",
    "speaker": "client",
    "supporter": "therapist",
    "listener": "therapist",
}
_OWN_FIELDS = {"problem_type", "situation", "dialog", "survey_score"}


def read(paths: Sequence[Path]) -> Iterator[DialogueRecord]:
    once = Once("dialog")
    spelling = Spelling()
    for path in paths:
        for place, value in json_array(path):
            dialogue = _dialogue(value, place, spelling)
            once.check(dialogue.external_id, place)
            yield dialogue


def _dialogue(value: Mapping[str, Json], place: Place, spelling: Spelling) -> DialogueRecord:
    situation = text_of(value, "situation", place)
    problem = text_of(value, "problem_type", place, longest=200)
    turns = objects_of(value, "dialog", place)
    rest: dict[str, Json] = {key: entry for key, entry in value.items() if key not in _OWN_FIELDS}
    return DialogueRecord(
        # The files have no ids; an id made of the content survives renaming and reordering.
        external_id=f"esconv-{_digest(json.dumps(value, sort_keys=True))}",
        session=f"situation-{_digest(collapsed(situation).casefold())}",
        split=None,
        problem_type=spelling(problem),
        problem_type_original=str(value["problem_type"]),
        situation=situation,
        licence=INFO.licence,
        turns=tuple(_turn(turn, n, place.turn(n + 1)) for n, turn in enumerate(turns)),
        extra=rest | {"survey_score": _survey(value, place)},
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _turn(value: Mapping[str, Json], index: int, place: Place) -> TurnRecord:
    name = label_of(text_of(value, "speaker", place), tuple(_SPEAKERS), "speaker", place)
    annotation = object_of(value, "annotation", place)
    written = optional_text(annotation, "strategy", place, longest=120)
    if written and _SPEAKERS[name] == "client":
        raise place.error("strategy", "a client turn has none", "Remove it or correct the speaker")
    strategy = written and _strategy(written, place)
    extra: dict[str, Json] = {}
    if annotation.get("feedback") is not None:
        extra["feedback"] = _score(annotation["feedback"], "feedback", place)
    if strategy in MULTIMOOD_STRATEGY:
        extra["multimood_strategy"] = MULTIMOOD_STRATEGY[strategy]
    return TurnRecord(
        index=index,
        external_id=str(index),
        speaker=_SPEAKERS[name],
        text=text_of(value, "content", place),
        strategy=strategy,
        strategy_original=written,
        extra=extra,
    )


def _strategy(written: str, place: Place) -> str:
    name = label_of(written, (*STRATEGIES, *_VARIANTS), "strategy", place)
    return _VARIANTS.get(name, name)


def _survey(value: Mapping[str, Json], place: Place) -> dict[str, Json]:
    survey: dict[str, Json] = {}
    for person, scores in object_of(value, "survey_score", place).items():
        field = f"survey_score.{person}"
        if not isinstance(scores, dict):
            raise place.error(field, "an object of scores was expected", "Write {...}")
        survey[person] = {
            name: None if score is None else _score(score, f"{field}.{name}", place)
            for name, score in scores.items()
        }
    return survey


def _score(value: Json, field: str, place: Place) -> int:
    """The published files write the 1-5 scores as strings."""
    text = str(value).strip()
    if isinstance(value, bool) or text not in {"1", "2", "3", "4", "5"}:
        raise place.error(field, f"{text[:60]!r} is not a score", "Write a whole number, 1 to 5")
    return int(text)

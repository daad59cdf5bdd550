"""MESC (Chu et al. 2024): MESC.csv alone, or split files joined with it.

A split file's `text` is the utterance followed by a machine-written cue about the video, with
nothing between them. Only the CSV, which holds the bare utterances, tells where the cue begins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inference.corpora.errors import CorpusError, Place
from inference.corpora.fields import Spelling, label_of, objects_of, optional_text, text_of
from inference.corpora.files import Line
from inference.corpora.json_text import json_array
from inference.corpora.mesc_csv import CsvDialogue, csv_dialogues, open_csv
from inference.corpora.records import CorpusInfo, DialogueRecord, Json, Speaker, TurnRecord
from inference.corpora.splits import split_in_name
from inference.labels import EMOTIONS, STRATEGIES

INFO = CorpusInfo(
    name="MESC",
    licence="none stated; research use",
    citation="Chu et al. 2024, arXiv 2408.03650",
    note=(
        "Dialogues are consecutive slices of 72 therapy sessions of a TV drama, and the published "
        "splits cut through sessions: of 102 test dialogues 100 directly neighbour one outside "
        "test. Figures on the published split carry this leakage; group by session to avoid it. "
        "Therapist turns have a median of 6 words."
    ),
)
_PROBLEM_TYPES = (
    "Bereavement",
    "Breakups or Divorce",
    "Childhood Shadow",
    "Dream Analysis",
    "Emotional Transference or Infidelity",
    "Illness Coping",
    "Interpersonal Relationships",
    "Job Loss or Career Setbacks",
    "Occupational burnout",
    "Parental Influence",
    "Parenting confusion",
    "Post-Traumatic Stress Disorder",
    "Self-Assessment or Assessment of Others",
    "Self-punishment and disgust",
    "The relationship with friends and family",
    "Therapeutic Relationship",
)
_SPEAKERS: dict[str, Speaker] = {"user": "client", "sys": "therapist"}


def read(paths: Sequence[Path]) -> Iterator[DialogueRecord]:
    tables = [path for path in paths if path.suffix.lower() == ".csv"]
    splits = [path for path in paths if path.suffix.lower() == ".json"]
    for path in paths:
        if path not in tables and path not in splits:
            raise Place(path).error(
                None, "MESC files end in .csv or .json", "Give MESC.csv, with or without splits"
            )
    if len(tables) != 1:
        raise Place(paths[0] if paths else Path("MESC.csv")).error(
            None,
            f"MESC needs exactly one CSV file, and {len(tables)} were given",
            "Give MESC.csv as well: without it the machine-written cue in a split file cannot be "
            "told from the utterance",
        )
    if splits:
        yield from _joined(tables[0], splits)
        return
    for dialogue in csv_dialogues(open_csv(tables[0])):
        yield _record(dialogue, dialogue.turns)


def _record(dialogue: CsvDialogue, turns: tuple[TurnRecord, ...]) -> DialogueRecord:
    return DialogueRecord(
        external_id=dialogue.external_id,
        session=dialogue.session,
        split=None,
        problem_type="",
        problem_type_original="",
        situation="",
        licence=INFO.licence,
        turns=turns,
    )


def _joined(table: Path, splits: Sequence[Path]) -> Iterator[DialogueRecord]:
    named = [(path, _split_name(path)) for path in splits]
    partners = _Partners(table)
    spelling = Spelling(_PROBLEM_TYPES)
    for path, split in named:
        for place, value in json_array(path):
            turns = _split_turns(value, place)
            partner = partners.take(turns, place)
            problem = optional_text(value, "problem_type", place, longest=200)
            yield replace(
                _record(partner, tuple(map(_with_cue, partner.turns, turns))),
                split=split,
                problem_type=spelling(problem or ""),
                problem_type_original=str(value.get("problem_type") or ""),
                situation=optional_text(value, "situation", place) or "",
            )


def _split_name(path: Path) -> str:
    if split := split_in_name(path):
        return split
    raise Place(path).error(
        None,
        "the file's name does not say which split it holds",
        "Name it train.json, val.json or test.json",
    )


@dataclass(frozen=True)
class _SplitTurn:
    place: Place
    speaker: Speaker
    text: str
    emotion: str
    strategy: str | None


def _split_turns(value: Mapping[str, Json], place: Place) -> list[_SplitTurn]:
    turns = []
    for number, turn in enumerate(objects_of(value, "dialog", place), 1):
        at = place.turn(number)
        speaker = _SPEAKERS[label_of(text_of(turn, "speaker", at), tuple(_SPEAKERS), "speaker", at)]
        strategy = optional_text(turn, "strategy", at)
        turns.append(
            _SplitTurn(
                place=at,
                speaker=speaker,
                text=text_of(turn, "text", at),
                emotion=label_of(text_of(turn, "emotion", at), EMOTIONS, "emotion", at),
                strategy=strategy and label_of(strategy, STRATEGIES, "strategy", at),
            )
        )
    return turns


class _Partners:
    """The CSV's dialogues by their order of speakers: offsets in memory, rows on disk."""

    def __init__(self, table: Path) -> None:
        self._file = open_csv(table)
        self._starts: dict[tuple[Speaker, ...], list[Line]] = defaultdict(list)
        for dialogue in csv_dialogues(self._file):
            # Only the offset is needed later: the text would keep the whole file in memory.
            start = replace(dialogue.start, text="")
            self._starts[tuple(turn.speaker for turn in dialogue.turns)].append(start)

    def take(self, turns: list[_SplitTurn], place: Place) -> CsvDialogue:
        """The CSV's dialogue that says the same; each is given away once."""
        starts = self._starts[tuple(turn.speaker for turn in turns)]
        fault: CorpusError | None = None
        for start in starts:
            dialogue = next(csv_dialogues(self._file, start))
            if not all(map(_begins_with, turns, dialogue.utterances)):
                continue
            if (fault := _label_fault(dialogue, turns)) is None:
                starts.remove(start)
                return dialogue
        raise fault or place.error(
            "dialog",
            f"no dialogue of {self._file.path.name} has these {len(turns)} turns with these texts, "
            "or it was joined already",
            "Use the split file and the CSV of the same release, and each dialogue once",
        )


def _begins_with(turn: _SplitTurn, utterance: str) -> bool:
    rest = turn.text[len(utterance) :]
    return turn.text.startswith(utterance) and not rest[:1].isalnum()


def _label_fault(dialogue: CsvDialogue, turns: list[_SplitTurn]) -> CorpusError | None:
    for known, turn in zip(dialogue.turns, turns, strict=True):
        for field, csv_label, label in (
            ("emotion", known.emotion, turn.emotion),
            ("strategy", known.strategy, turn.strategy),
        ):
            if csv_label != label:
                return turn.place.error(
                    field,
                    f"{label!r} here, {csv_label!r} in the CSV (dialogue {dialogue.external_id}, "
                    f"utterance {known.external_id})",
                    "Use the split file and the CSV of the same release",
                )
    return None


def _with_cue(known: TurnRecord, turn: _SplitTurn) -> TurnRecord:
    written = str(known.extra.get("text_original", known.text)).strip()
    return replace(known, cue=turn.text[len(written) :].lstrip(" ,"))

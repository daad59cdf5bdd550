"""What is judged in a part, a row each: which run answered which client turn, and its labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from typing import Any

import numpy as np
from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Length
from numpy.typing import NDArray

from annotations.models import Candidate, Flag, Item, StudyPart, StudyRun
from inference.models import Turn


@dataclass(frozen=True, eq=False)
class Units:
    """Arrays of equal length, in the order of items. Where responses are scored a unit is a
    candidate; where they are compared it is an item, whose candidates stand in the order in which
    the study names their runs. Those have a second axis, 0 where an item has fewer than others."""

    pk: NDArray[np.int64]
    item: NDArray[np.int64]
    candidates: NDArray[np.int64]
    responses: NDArray[np.int64]
    runs: NDArray[np.int64]
    lengths: NDArray[np.int64]
    """Characters of each response."""
    stimulus: NDArray[np.int64]
    """Of a whole dialogue: the last client turn of the first candidate's."""
    dialogue: NDArray[np.int64]
    session: NDArray[np.int64]
    """Where the corpus names clients, the first of the part's sessions with the same client."""
    corpus: NDArray[Any]
    emotion: NDArray[Any]
    """Corpus label of the client's last turn; not a diagnosis."""
    strategy: NDArray[Any]
    """Corpus label of the therapist's turn that follows in the corpus."""
    problem: NDArray[Any]
    flagged: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pk)

    @property
    def run(self) -> NDArray[np.int64]:
        return self.runs[:, 0]

    @property
    def other_run(self) -> NDArray[np.int64]:
        """Of two responses the second."""
        return self.runs[:, 1]

    @property
    def length(self) -> NDArray[np.int64]:
        return self.lengths[:, 0]

    @property
    def other_length(self) -> NDArray[np.int64]:
        return self.lengths[:, 1]

    def kept(self, which: NDArray[np.bool_]) -> Units:
        return replace(self, **{f.name: getattr(self, f.name)[which] for f in fields(self)})

    def place(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of each unit; `pk` need not ascend."""
        sorter = np.argsort(self.pk, kind="stable")
        found: NDArray[np.int64] = sorter[np.searchsorted(self.pk, keys, sorter=sorter)]
        return found

    def of_items(self, items: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(units, places in `items`) of every unit whose item is named once in `items`."""
        sorter = np.argsort(items, kind="stable")
        ordered = items[sorter]
        at = np.minimum(np.searchsorted(ordered, self.item), max(len(items) - 1, 0))
        here = ordered[at] == self.item if len(items) else np.zeros(len(self), dtype=bool)
        return np.flatnonzero(here), sorter[at[here]] if len(items) else at[here]


Row = tuple[Any, ...]


def study_units(part: StudyPart) -> Units:
    scored = part.design == StudyPart.Design.ABSOLUTE
    place = dict(StudyRun.objects.filter(study=part.study_id).values_list("run_id", "position"))
    rows = sorted(
        _candidates(part).values_list(*COLUMNS),
        key=lambda row: (row[0], row[1], place.get(row[4], len(place)), row[3]),
    )
    flagged = set(
        Flag.objects.filter(candidate__item__part=part).values_list("candidate_id", flat=True)
    )
    if scored:
        return _units([(row[2], [row]) for row in rows], flagged, 1)
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row[1])]
    width = max([2, *map(len, groups)])
    return _units([(group[0][1], group) for group in groups], flagged, width)


COLUMNS = (
    *("item__position", "item_id", "pk", "response_id", "response__run_id", "length"),
    *("item__stimulus_id", "item__stimulus__dialogue_id", "item__stimulus__dialogue__session_id"),
    *("corpus", "emotion", "strategy", "problem"),
    "item__stimulus__dialogue__session__client",
)


def _candidates(part: StudyPart) -> QuerySet[Candidate]:
    turns = Turn.objects.filter(dialogue=OuterRef("item__stimulus__dialogue_id"))
    last = turns.filter(position=OuterRef("item__stimulus__last_position"))
    after = turns.filter(position=OuterRef("item__stimulus__last_position") + 1)
    return Candidate.objects.filter(item__part=part, item__pool=Item.Pool.STUDY).annotate(
        length=Length("response__text"),
        corpus=F("item__stimulus__dialogue__corpus__name"),
        problem=F("item__stimulus__dialogue__problem_type"),
        emotion=Coalesce(Subquery(last.values("emotion")[:1]), Value("")),
        strategy=Coalesce(Subquery(after.values("strategy")[:1]), Value("")),
    )


def _units(rows: Sequence[tuple[int, list[Row]]], flagged: set[int], width: int) -> Units:
    def numbers(index: int) -> NDArray[np.int64]:
        return np.array([group[0][index] for _, group in rows], dtype=np.int64)

    def words(index: int) -> NDArray[Any]:
        return np.array([group[0][index] for _, group in rows], dtype=object)

    def of_candidates(index: int) -> NDArray[np.int64]:
        padded = [[row[index] for row in group] + [0] * (width - len(group)) for _, group in rows]
        return np.array(padded, dtype=np.int64).reshape(len(rows), width)

    return Units(
        pk=np.array([pk for pk, _ in rows], dtype=np.int64),
        item=numbers(1),
        candidates=of_candidates(2),
        responses=of_candidates(3),
        runs=of_candidates(4),
        lengths=of_candidates(5),
        stimulus=numbers(6),
        dialogue=numbers(7),
        session=_clusters(group[0] for _, group in rows),
        corpus=words(9),
        emotion=words(10),
        strategy=words(11),
        problem=words(12),
        flagged=np.array([any(row[2] in flagged for row in group) for _, group in rows], bool),
    )


def _clusters(rows: Iterable[Row]) -> NDArray[np.int64]:
    """The session of each row, or the first one of the same client in the same corpus."""
    found = [(row[8], (row[9], row[13]) if row[13] else None) for row in rows]
    first: dict[tuple[str, str] | None, int] = {}
    for session, client in found:
        first[client] = min(session, first.get(client, session))
    return np.array([first[client] if client else own for own, client in found], dtype=np.int64)

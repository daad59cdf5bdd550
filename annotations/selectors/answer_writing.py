"""A batch of answers as rows of a table.

Few answers differ within a study: what one is written as is remembered, and most rows are put
together from parts that exist already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from annotations.exports.tables.columns import ITEM, JUDGED, SAID, SITTING, WHO
from annotations.exports.tables.spelling import Spelling
from annotations.models import Assignment, Criterion, Study, StudyPart
from annotations.selectors.answer_batches import (
    AssignmentRow,
    Batch,
    Given,
    read_given_choice,
    read_given_rating,
)
from annotations.selectors.answer_branches import REMEMBERED, Asked
from annotations.selectors.study_arrays import (
    LOST,
    MISSING_LABELS,
    NO_ANSWER,
    NOT_SUBMITTED,
    SKIPPED,
)

WITHHELD = "withheld"
CODES = {**MISSING_LABELS, WITHHELD: "Answered in words, which this table leaves out"}
"""Of `missing`, which is empty where there is an answer that counts."""
WORDY = (Criterion.Kind.TEXT, Criterion.Kind.SPANS)
KEPT_APART = (Assignment.Role.WITHDRAWN, Assignment.Role.TRAINING, Assignment.Role.GATE)
Written = TypeVar("Written")
Row = TypeVar("Row")


@dataclass(frozen=True)
class Extent:
    """Which answers a table holds."""

    training_only: bool = False
    """What may leave with a release: only of people who allow training, and of judges, who are
    nobody to ask; nothing of practice and qualification, nothing withdrawn, no value that does
    not count, and no comment on what was not submitted."""
    with_words: bool = True
    """Otherwise answers in words, notes on passages and comments are left out."""

    @property
    def roles_left_out(self) -> tuple[str, ...]:
        return (Assignment.Role.RELEASED, *(KEPT_APART if self.training_only else ()))


@dataclass(eq=False)
class PartWriter(Generic[Written, Row]):
    study: Study
    part: StudyPart
    asked: Asked
    models: Mapping[int, str]
    """Generation run -> name."""
    spelling: Spelling[Written, Row]
    extent: Extent
    _remembered: dict[tuple[str, str, str], Written] = field(default_factory=dict)

    def rows(self, batch: Batch) -> list[Row]:
        """In the order of the assignments, a row per question."""
        place = (self.part.position, self.part.design)
        items = {pk: self.spelling.part(ITEM, (*place, *row)) for pk, row in batch.items.items()}
        candidates = {
            str(pk): (response, self.models.get(run, ""))
            for pk, _, response, run in batch.candidates
        }
        judged = {pk: self.spelling.part(JUDGED, said) for pk, said in candidates.items()}
        judged[""] = self.spelling.part(JUDGED, (None, None))
        alone = self._scored_candidates(batch)
        keys, remembered = self.asked.keys, self._remembered
        rows: list[Row] = []
        for row in batch.assignments:
            given = _by_criterion(row)
            missing = self._missing(row.state, given)
            only = alone.get(row.item, "")
            each = []
            for slug, key in keys:
                candidate, text = given.get(key) or (only, "")
                told = slug, text, missing[slug]
                said = remembered.get(told) or self._said(told, candidates)
                each.append((judged[candidate], said))
            before = items[row.item], self._who(row)
            rows += self.spelling.rows(before, each, self._sitting(row))
        return rows

    def _scored_candidates(self, batch: Batch) -> dict[int, str]:
        """Item -> the one response that is scored, whether or not it was."""
        if self.part.design != StudyPart.Design.ABSOLUTE:
            return {}
        of_item: dict[int, list[str]] = {}
        for pk, item, _, _ in batch.candidates:
            of_item.setdefault(item, []).append(str(pk))
        return {item: pks[0] for item, pks in of_item.items() if len(pks) == 1}

    def _who(self, row: AssignmentRow) -> Written:
        cells = (row.pseudonym, row.kind, row.role, row.attempt, row.position, row.state)
        return self.spelling.part(WHO, cells)

    def _sitting(self, row: AssignmentRow) -> Written:
        comment = (row.comment or None) if self._may_hold_words(row) else None
        orders = (row.display_order, row.criteria_order)
        times = (row.opened_at, row.submitted_at, row.active_ms / 1000)
        return self.spelling.part(SITTING, (*orders, *times, comment))

    def _may_hold_words(self, row: AssignmentRow) -> bool:
        """A comment on an item that is open or skipped was never handed in."""
        handed_in = row.state == Assignment.State.SUBMITTED
        return self.extent.with_words and (handed_in or not self.extent.training_only)

    def _missing(self, state: str, given: Mapping[str, tuple[str, str]]) -> Mapping[str, str]:
        """Question -> why no answer counts; empty where one may."""
        if state == Assignment.State.SUBMITTED:
            return self.asked.codes({key: text for key, (_, text) in given.items()})
        if state == Assignment.State.SKIPPED:
            return self.asked.everywhere(SKIPPED)
        lost = self.study.state == Study.State.CLOSED
        return self.asked.everywhere(LOST if lost else NOT_SUBMITTED)

    def _said(
        self, told: tuple[str, str, str], candidates: Mapping[str, tuple[int, str]]
    ) -> Written:
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        said = self.spelling.part(SAID, self._cells(*told, candidates))
        self._remembered[told] = said
        return said

    def _cells(
        self, slug: str, text: str, missing: str, candidates: Mapping[str, tuple[int, str]]
    ) -> tuple[Any, ...]:
        if not text or (missing and self.extent.training_only):
            return (slug, *(None,) * 7, missing or NO_ANSWER, None)
        criterion = self.asked.questions[slug]
        if self.part.design == StudyPart.Design.ABSOLUTE:
            given = read_given_rating(text)
            first = given.first_answer
        else:
            given = read_given_choice(text)
            first = _with_response(given.first_answer, candidates)
        if not self.extent.with_words and criterion is not None and criterion.kind in WORDY:
            given, first = _without_words(given), _first_without_words(first)
        preferred, model = candidates.get(str(given.preferred), (None, None))
        return (
            *(slug, given.score, given.content, preferred, model, given.strength, given.ranks),
            *(given.tie_kind or None, missing or given.cannot_rate, first),
        )


def _by_criterion(row: AssignmentRow) -> dict[str, tuple[str, str]]:
    """Criterion -> the candidate that was scored, and what was said."""
    given: dict[str, tuple[str, str]] = {}
    # No other separator: words may hold what splitlines() takes for one.
    for answer in row.answers.split("\n") if row.answers else ():
        criterion, candidate, text = answer.split(" ", 2)
        given[criterion] = candidate, text
    return given


def _with_response(
    first: dict[str, Any] | None, candidates: Mapping[str, tuple[int, str]]
) -> dict[str, Any] | None:
    """In place of the candidate."""
    if first is None:
        return None
    return {**first, "preferred": candidates.get(str(first.get("preferred")), (None, ""))[0]}


def _without_words(given: Given) -> Given:
    """Passages stay, without the notes on them."""
    if isinstance(given.content, str):
        return given._replace(content=None, cannot_rate=WITHHELD)
    return given._replace(content=_without_notes(given.content))


def _first_without_words(first: dict[str, Any] | None) -> dict[str, Any] | None:
    return first and {**first, "content": _without_notes(first.get("content"))}


def _without_notes(content: Any) -> Any:
    return [{**span, "note": ""} for span in content] if isinstance(content, list) else None

"""Every answer of a study as a row, with the order in which its responses were shown.

A hundred rows or a million: what is in memory is one batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeVar

from annotations.exports.tables.spelling import AsDict, Spelling
from annotations.models import Study
from annotations.selectors.analyses import run_labels
from annotations.selectors.answer_batches import batches, one_snapshot
from annotations.selectors.answer_branches import Asked
from annotations.selectors.answer_writing import Extent, PartWriter
from annotations.selectors.asked import questions_in_part

Part = TypeVar("Part")
Row = TypeVar("Row")
EVERYTHING = Extent()


def answer_rows(
    study: Study, *, training_only: bool = False, with_words: bool = True
) -> Iterator[dict[str, Any]]:
    """A row per question of each assignment, by the names of COLUMNS, in the order of parts, items,
    raters and questions. Whatever has no answer says why, in `missing`. Assignments that went to
    somebody else are left out; all other roles are in, each named.

    training_only: as Extent says."""
    extent = Extent(training_only, with_words)
    return chain.from_iterable(written_answers(study, AsDict(), extent))


def written_answers(
    study: Study, spelling: Spelling[Part, Row], extent: Extent = EVERYTHING
) -> Iterator[list[Row]]:
    """The same rows, in batches, as the spelling writes them."""
    models = run_labels(study)
    with one_snapshot():
        for part in study.parts.select_related("instrument"):
            asked = Asked(questions_in_part(part, study))
            writer = PartWriter(study, part, asked, models, spelling, extent)
            for batch in batches(
                part,
                extent.roles_left_out,
                training_only=extent.training_only,
                questions=len(asked.keys),
            ):
                yield writer.rows(batch)

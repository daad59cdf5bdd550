"""An assignment held against others for the length of a transaction."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotations.models import Assignment, Study, StudyRater
from annotations.selectors.queue import has_consented, track_of
from inference.errors import DomainError, WrongStateError
from mood_eval.prepared import prepared_cursor

Role = Assignment.Role
CLOSED = gettext_noop("The study is closed; nothing more can be submitted.")
GIVEN_AWAY = gettext_noop(
    "This item was given to somebody else. What you answered is kept, outside the figures."
)
LEFT = gettext_noop("You have left this study; nothing more is stored.")
OVER = gettext_noop("This part is finished; its answers can no longer be changed.")

OF_ASSIGNMENT = (
    *("a.state", "a.role", "a.comment", "a.answer_sequences", "a.definitions_opened"),
    *("a.opened_at", "a.submitted_at", "a.saved_at", "a.fields_shown_at", "a.active_ms"),
    *("a.clip_ms_played", "a.clip_failed", "a.screen_class"),
)
OF_STUDY = ("s.state", "s.closed_at", "s.consent_text")
OF_RATER = ("r.stage", "r.attempt", "r.consented_at", "r.consent_sha256")
# Of the study only the key is locked: closing waits for what is on its way, and what comes after
# it sees the closed study. Raters do not wait for each other.
HOLD = f"""
    SELECT {", ".join((*OF_ASSIGNMENT, *OF_STUDY, *OF_RATER))},
           (SELECT array_agg(c.id ORDER BY array_position(a.display_order, c.response_id))
            FROM annotations_candidate c WHERE c.item_id = a.item_id)
    FROM annotations_assignment a
    JOIN annotations_studyrater r ON r.id = a.rater_id
    JOIN annotations_study s ON s.id = r.study_id
    WHERE a.id = %s
    FOR NO KEY UPDATE OF a FOR KEY SHARE OF s"""  # noqa: S608 - names of ours


JSON = "answer_sequences"


class ConsentMissingError(DomainError):
    pass


@dataclass(frozen=True)
class Held:
    assignment: Assignment
    candidates: tuple[int, ...]
    """As shown: the first is "A"."""
    why_not: str
    """Empty, or why no answer counts any more; those that come in are kept as late ones."""

    def require_open(self) -> None:
        if self.why_not:
            raise WrongStateError(self.why_not)


def hold(assignment: Assignment) -> Held:
    """Brings the given assignment, its rater and its study up to date as well."""
    rater = assignment.rater
    study = rater.study
    with prepared_cursor() as cursor:
        cursor.execute(HOLD, [assignment.pk])
        row = cursor.fetchone()
    if row is None:
        raise WrongStateError(_(GIVEN_AWAY))
    named = zip((*OF_ASSIGNMENT, *OF_STUDY, *OF_RATER), row, strict=False)
    for name, value in named:
        owner = study if name in OF_STUDY else rater if name in OF_RATER else assignment
        setattr(owner, name.partition(".")[2], value)
    sequences = assignment.answer_sequences
    if isinstance(sequences, str):
        assignment.answer_sequences = json.loads(sequences)
    # Also where the rater's row was read before a withdrawal that held the assignment.
    if rater.stage == StudyRater.Stage.WITHDRAWN or assignment.role == Role.WITHDRAWN:
        raise WrongStateError(_(LEFT))
    if not has_consented(rater):
        raise ConsentMissingError(_("Please agree to take part first."))
    return Held(assignment, tuple(row[-1] or ()), why_not(assignment))


def why_not(assignment: Assignment) -> str:
    rater = assignment.rater
    if rater.study.state != Study.State.OPEN:
        return _(CLOSED)
    if assignment.role == Role.RELEASED:
        return _(GIVEN_AWAY)
    here = track_of(rater) == (assignment.track, assignment.attempt)
    return "" if here else _(OVER)


def save_held(assignment: Assignment, names: Collection[str]) -> None:
    """As `save(update_fields=...)`; each set of fields is planned once per connection."""
    columns = sorted(names)
    placed = ", ".join(f"{name} = {'%s::jsonb' if name == JSON else '%s'}" for name in columns)
    values = [getattr(assignment, name) for name in columns]
    if JSON in names:
        values[columns.index(JSON)] = json.dumps(assignment.answer_sequences)
    with prepared_cursor() as cursor:
        cursor.execute(
            f"UPDATE annotations_assignment SET {placed} WHERE id = %s",  # noqa: S608 - ours
            [*values, assignment.pk],
        )

"""What a named person decides about a qualification attempt, with the reason."""

from __future__ import annotations

from django.db import transaction

from annotations.models import Amendment, Assignment, GateAttempt, Study, StudyRater
from annotations.selectors.gates import gates_of
from annotations.selectors.work import open_slots
from annotations.services.gates import (
    announce_outcome,
    go_on,
    lock,
    locked_rater,
    open_items,
    pending_gates,
)
from inference.errors import DomainError, WrongStateError
from mood_eval.models import User

Stage = StudyRater.Stage


class DecisionReasonMissingError(DomainError):
    """A decision stands beside the figures with its reason."""


@transaction.atomic
def decide_attempt(*, attempt: GateAttempt, by: User, passed: bool, reason: str) -> GateAttempt:
    """Has the same consequences as if figures had decided so."""
    reason = reason.strip()
    if not reason:
        raise DecisionReasonMissingError("Say why: the reason stands beside the decision.")
    lock(open_items(attempt.rater_id))
    rater = locked_rater(attempt.rater_id)
    attempt = GateAttempt.objects.select_related("gate__part").get(pk=attempt.pk)
    check_decidable(rater, attempt, passed)
    attempt.why = f"{reason} (Before: {attempt.why})"
    attempt.passed, attempt.decided_by = passed, by
    attempt.save(update_fields=["passed", "why", "decided_by"])
    Amendment.objects.create(
        study=rater.study,
        by=by,
        what=f"Rater {rater.pseudonym}, attempt {attempt.number} of part "
        f"{attempt.gate.part.position}: {'passed' if passed else 'not passed'} by decision",
        reason=reason,
    )
    if rater.stage != Stage.WITHDRAWN:
        follow(rater, attempt)
    return attempt


def check_decidable(rater: StudyRater, attempt: GateAttempt, passed: bool) -> None:
    if rater.study.state != Study.State.OPEN:
        raise WrongStateError("The study is not open: who took part in it is settled.")
    if attempt.finished_at is None:
        raise WrongStateError("This attempt is still under way. Decide once it is finished.")
    if attempt.passed == passed:
        raise WrongStateError(f"This attempt is {'passed' if passed else 'not passed'} already.")
    later = GateAttempt.objects.filter(
        rater=rater, gate=attempt.gate, number__gt=attempt.number, finished_at__isnull=False
    )
    if later.exists():
        raise WrongStateError("The rater has made another attempt since: decide about that one.")


def follow(rater: StudyRater, attempt: GateAttempt) -> None:
    pending = pending_gates(rater, gates_of(rater.study))
    if attempt.passed and not pending:
        if rater.stage == Stage.NOT_QUALIFIED:
            take_back(rater)
        rater.stage = Stage.RATING
        rater.save(update_fields=["stage"])
        announce_outcome(rater, by="decision")
    elif rater.stage == Stage.RATING or (
        rater.stage == Stage.GATE and attempt.number == rater.attempt
    ):
        go_on(rater)


def take_back(rater: StudyRater) -> None:
    """What was to be the rater's work, where nobody else has taken the places meanwhile."""
    free: dict[int, list[int]] = {}
    for place in open_slots(rater.study):
        free.setdefault(place.item, []).append(place.slot)
    released = Assignment.objects.select_for_update().filter(
        rater=rater,
        track=Assignment.Track.WORK,
        role=Assignment.Role.RELEASED,
        state=Assignment.State.ASSIGNED,
        item__in=free,
    )
    rows = list(released.order_by("position"))
    for row in rows:
        row.role, row.slot = Assignment.Role.INDEPENDENT, free[row.item_id][0]
    Assignment.objects.bulk_update(rows, ["role", "slot"], batch_size=1000)

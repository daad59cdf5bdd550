"""Work that changes hands while a study is open: raters leave, come late, or want more.

Each act locks the study's row against other acts of this kind (raters do not wait for it), then
assignments, then raters, always in this order. An item never gets more holders than its places:
the database refuses two in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotations.models import Amendment, Assignment, Item, Study, StudyRater
from annotations.models.assignment import GONE
from annotations.selectors.work import (
    loads,
    never_worked,
    open_slots,
    open_work,
    stage_for,
    takeable,
    unopened,
)
from annotations.services.disputes import ask_further_rater
from annotations.services.handing_over import give_items, takers_for
from annotations.services.shifting import planned_shift, taken_from_others
from annotations.services.webhooks import Event, announce
from inference.errors import DomainError, InvalidOptionsError, WrongStateError
from mood_eval.models import User

Role, State = Assignment.Role, Assignment.State


class ReasonMissingError(DomainError):
    """A change after the launch is recorded with its reason."""


@dataclass(frozen=True)
class Handed:
    """What an act of giving out came to."""

    given: int
    raters: int
    left: int = 0
    """Places that stay open: every rater who is left has had the item."""


@dataclass(frozen=True)
class Left:
    freed: int
    kept: int
    """Answers that go on counting."""
    withdrawn: int = 0
    """Answers that count no more."""
    given: int = 0
    """Places that went to others at once."""


@transaction.atomic
def withdraw_rater(
    *,
    rater: StudyRater,
    by: User | None,
    reason: str,
    keep_answers: bool = True,
    give_out: bool = False,
) -> Left:
    """The rater's open items are freed, also those he may be at; nothing more is taken from him.
    Without `keep_answers` the places of the submitted ones are freed as well, and these count no
    more. `give_out`: the freed places go to the others at once."""
    study, rater = locked(rater)
    reason = given(reason)
    if rater.stage == StudyRater.Stage.WITHDRAWN:
        raise WrongStateError(f"{rater.pseudonym} has left the study already.")
    mine = rater.assignments.filter(track=Assignment.Track.WORK)
    counted = mine.filter(role__in=(Role.INDEPENDENT, Role.ADJUDICATION))
    waiting = counted.filter(state=State.ASSIGNED)
    disputed = list(waiting.filter(role=Role.ADJUDICATION).values_list("item", flat=True))
    freed = release(waiting)
    ask_others(disputed)
    done = list(counted.exclude(state=State.ASSIGNED).select_for_update().order_by("pk"))
    if not keep_answers:
        counted.filter(pk__in=[row.pk for row in done]).update(role=Role.WITHDRAWN, slot=None)
    stage = rater.stage
    rater.stage, rater.withdrawn_at = StudyRater.Stage.WITHDRAWN, timezone.now()
    rater.withdrawal_reason = reason
    rater.save(update_fields=["stage", "withdrawn_at", "withdrawal_reason"])
    answers = "answers kept" if keep_answers else "answers no longer counted"
    note(
        study,
        by,
        reason,
        f"Rater {rater.pseudonym} withdrawn, {answers}",
        stage=[stage, "withdrawn"],
    )
    announce(Event.RATER_WITHDREW, study, rater=rater.pseudonym, by="team", erased=False)
    handed = hand_out(study, by, reason) if give_out else 0
    return Left(freed, *((len(done), 0) if keep_answers else (0, len(done))), given=handed)


@transaction.atomic
def let_back_in(*, rater: StudyRater, by: User | None, reason: str) -> Handed:
    """Gives him his open items again where nobody else has taken their places; what counts no more
    stays so."""
    study, rater = locked(rater)
    reason = given(reason)
    if rater.stage != StudyRater.Stage.WITHDRAWN:
        raise WrongStateError(f"{rater.pseudonym} has not left the study.")
    rows = rater.assignments.select_for_update().filter(
        track=Assignment.Track.WORK, attempt=0, role=Role.RELEASED, state=State.ASSIGNED
    )
    free: dict[int, list[int]] = {}
    for place in open_slots(study):
        free.setdefault(place.item, []).append(place.slot)
    again = [row for row in rows.order_by("position") if row.item_id in free]
    for row in again:
        row.role, row.slot = Role.INDEPENDENT, free[row.item_id][0]
    Assignment.objects.bulk_update(again, ["role", "slot"], batch_size=1000)
    rater.stage, rater.withdrawn_at, rater.withdrawal_reason = stage_for(rater), None, ""
    rater.save(update_fields=["stage", "withdrawn_at", "withdrawal_reason"])
    note(study, by, reason, f"Rater {rater.pseudonym} is back", stage=["withdrawn", rater.stage])
    return Handed(len(again), 1)


@transaction.atomic
def release_open_items(
    *,
    rater: StudyRater,
    by: User | None,
    reason: str,
    skipped: bool = False,
    give_out: bool = False,
) -> Left:
    """The rater stays, and keeps what he may be at. `skipped`: what he skipped is freed as well."""
    study, rater = locked(rater)
    reason = given(reason)
    mine = Assignment.objects.filter(rater=rater)
    held = mine.filter(role=Role.INDEPENDENT)
    freed = release(held.filter(pk__in=takeable(rater), state=State.ASSIGNED))
    if skipped:
        freed += release(held.filter(state=State.SKIPPED))
    if freed == 0:
        raise WrongStateError(f"{rater.pseudonym} has no open item that could go to somebody else.")
    note(study, by, reason, f"{freed} open items taken from rater {rater.pseudonym}")
    kept = held.filter(state=State.SUBMITTED).count()
    return Left(freed, kept, given=hand_out(study, by, reason) if give_out else 0)


@transaction.atomic
def fill_open_slots(*, study: Study, by: User | None, reason: str) -> Handed:
    """Each place that nobody holds goes to an active rater who has not had the item, the least
    loaded first. Late joiners count with what they have to do."""
    study = lock_open(study)
    reason = given(reason)
    places, load = open_slots(study), loads(study)
    if not places:
        return Handed(0, 0)
    if not load:
        raise WrongStateError("There is no rater left to give items to. Invite somebody first.")
    taken, left = takers_for(study, places, load)
    made = give_items(study, taken)
    if made:
        note(study, by, reason, f"{len(made)} open places given to raters")
    return Handed(len(made), len({row.rater_id for row in made}), len(left))


@transaction.atomic
def share_with_newcomers(
    *, study: Study, by: User | None, reason: str, newcomers: Sequence[StudyRater] = ()
) -> Handed:
    """Items that nobody has looked at move from raters with more to do to those with none, or to
    the `newcomers`, until they have about as much."""
    study = lock_open(study)
    reason = given(reason)
    load = loads(study)
    to = [rater.pk for rater in newcomers if rater.pk in load]
    to = to or [rater for rater in never_worked(study) if not load[rater]]
    if not to or len(to) == len(load):
        return Handed(0, 0)
    donors = unopened(study, [rater for rater in load if rater not in to])
    made = move(study, planned_shift(study, donors, load, to))
    if made:
        note(study, by, reason, f"{len(made)} unopened items moved to late joiners")
    return Handed(len(made), len({row.rater_id for row in made}))


@transaction.atomic
def extend_work(*, rater: StudyRater, count: int, by: User | None, reason: str) -> Handed:
    """`count` unopened items of those with the most to do go to a rater who does more."""
    study, rater = locked(rater)
    reason = given(reason)
    load = loads(study)
    if rater.pk not in load:
        raise WrongStateError(f"{rater.pseudonym} does not rate at present.")
    if count < 1:
        raise InvalidOptionsError("Say how many items, at least 1.")
    donors = unopened(study, [other for other in load if other != rater.pk])
    made = move(study, taken_from_others(study, donors, load, rater.pk, count))
    if not made:
        raise WrongStateError(
            f"No other rater has an unopened item that {rater.pseudonym} has not had."
        )
    note(study, by, reason, f"{len(made)} more items for rater {rater.pseudonym}")
    return Handed(len(made), 1)


@transaction.atomic
def reopen_assignment(*, assignment: Assignment, by: User | None, reason: str) -> Assignment:
    """To be answered, or answered again. Answers stay as they are until then, and each version is
    kept; while it is open the item counts as not submitted."""
    study, rater = locked(assignment.rater)
    reason = given(reason)
    assignment = Assignment.objects.select_for_update().get(pk=assignment.pk)
    if rater.stage in (StudyRater.Stage.WITHDRAWN, StudyRater.Stage.NOT_QUALIFIED):
        raise WrongStateError(f"{rater.pseudonym} does not rate at present.")
    if assignment.role in GONE:
        raise WrongStateError("This item was given to somebody else, or counts no more.")
    if assignment.track != Assignment.Track.WORK or assignment.state == State.ASSIGNED:
        raise WrongStateError("Only an item that was submitted or skipped can be opened again.")
    before, assignment.state = assignment.state, State.ASSIGNED
    assignment.save(update_fields=["state"])
    what = f"Item {assignment.position} of rater {rater.pseudonym} opened again"
    note(study, by, reason, what, state=[before, State.ASSIGNED])
    return assignment


def share_work(study: Study, newcomers: Sequence[StudyRater]) -> Handed:
    """For those who have just joined an open study: what nobody holds, then a fair share."""
    why = "Raters joined after the launch."
    return share_out(study=study, by=None, reason=why, newcomers=newcomers)


@transaction.atomic
def share_out(
    *, study: Study, by: User | None, reason: str, newcomers: Sequence[StudyRater] = ()
) -> Handed:
    """Places that nobody holds are given out; then raters who never had work (or the `newcomers`)
    get a fair share of what nobody has looked at."""
    study = lock_open(study)
    to = list(newcomers) or list(study.raters.filter(pk__in=never_worked(study)))
    filled = fill_open_slots(study=study, by=by, reason=reason)
    if not to:
        return filled
    shared = share_with_newcomers(study=study, by=by, reason=reason, newcomers=to)
    return Handed(filled.given + shared.given, max(filled.raters, shared.raters), filled.left)


def hand_out(study: Study, by: User | None, reason: str) -> int:
    """As many of the open places as the raters who are there can take, be it none."""
    if not loads(study):
        return 0
    return fill_open_slots(study=study, by=by, reason=reason).given


def ask_others(items: Sequence[int]) -> None:
    """Somebody else is the third or fourth rater of these. All are locked before any rater is, as
    a submission holds its item when it picks a rater."""
    rows = Item.objects.filter(pk__in=items).select_related("part__study", "part__instrument")
    for item in list(rows.select_for_update(of=("self",), no_key=True).order_by("pk")):
        ask_further_rater(item)


def lock_open(study: Study) -> Study:
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if study.state != Study.State.OPEN:
        raise WrongStateError(
            f"Work changes hands only while a study is open; this one is {study.state}."
        )
    return study


def locked(rater: StudyRater) -> tuple[Study, StudyRater]:
    """The rater as he is now; his own row is locked by what changes it, after his assignments."""
    study = lock_open(rater.study)
    rater = StudyRater.objects.get(pk=rater.pk)
    rater.study = study
    return study, rater


def given(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise ReasonMissingError("Say why: the reason stands in the history of the study.")
    return reason


def note(study: Study, by: User | None, reason: str, what: str, **changes: list[str]) -> None:
    Amendment.objects.create(study=study, by=by, what=what, changes=changes, reason=reason)


def release(rows: QuerySet[Assignment]) -> int:
    """Frees what is still as it was chosen, once no rater holds it; repeats go with their items."""
    keys = list(rows.select_for_update().order_by("pk").values_list("pk", "rater_id", "item_id"))
    Assignment.objects.filter(pk__in=[pk for pk, _, _ in keys]).update(
        role=Role.RELEASED, slot=None
    )
    for rater in {rater for _, rater, _ in keys}:
        items = [item for _, holder, item in keys if holder == rater]
        Assignment.objects.filter(
            rater=rater, item__in=items, role=Role.REPEAT, saved_at=None, opened_at=None
        ).delete()
    return len(keys)


def move(study: Study, planned: dict[UUID, int]) -> list[Assignment]:
    """`planned`: assignment -> its new rater. What was opened meanwhile stays where it is."""
    still = open_work(study).filter(pk__in=planned, opened_at=None, saved_at=None)
    rows = list(
        still.select_for_update(of=("self",), skip_locked=True)
        .order_by("pk")
        .values_list("pk", "item_id", "slot")
    )
    release(Assignment.objects.filter(pk__in=[pk for pk, _, _ in rows]))
    return give_items(study, {(item, slot): planned[pk] for pk, item, slot in rows if slot})

"""A rater leaves a study, and may have everything erased that he answered in it.

Locks in the order of every change of hands: the study, the assignments, the rater. A submission on
its way is either in before, and then erased with the rest, or finds its item gone.
"""

from __future__ import annotations

from collections.abc import Sequence

import pgtrigger
from django.apps import apps
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from annotations.models import (
    Amendment,
    Assignment,
    Consent,
    Dispute,
    GateAttempt,
    LateAnswer,
    Preference,
    Rating,
    SourceGuess,
    Study,
    StudyRater,
)
from annotations.models.assignment import GONE
from annotations.selectors.withdrawals import Held, held_of
from annotations.services.erasures import mark_releases
from annotations.services.webhooks import Event, announce
from inference.errors import WrongStateError

Role, State = Assignment.Role, Assignment.State
APPEND_ONLY = (
    "annotations.RatingEvent:append_only",
    "annotations.PreferenceEvent:append_only",
    "annotations.StudyRaterEvent:append_only",
)
MOST_NAMED = 20
"""Releases."""
NOTHING_TOLD = {"profession": "", "licence": "", "years_of_practice": None, "languages": ""}


@transaction.atomic
def withdraw(rater: StudyRater, *, erase: bool = False, reason: str = "") -> Held:
    """What was held before. The items not yet submitted become free for others.

    With `erase` the answers go with their whole history, wherever they stand in the database, the
    places of submitted items become free as well, and releases that hold the answers are marked and
    replaced. Somebody who has left may still do that.
    """
    study = Study.objects.select_for_update(no_key=True).get(pk=rater.study_id)
    list(rater.assignments.select_for_update().order_by("pk").values_list("pk", flat=True))
    rater = StudyRater.objects.select_for_update().get(pk=rater.pk)
    rater.study = study
    held = held_of(rater)
    left_before = rater.stage == StudyRater.Stage.WITHDRAWN
    if left_before and not (erase and rater.assignments.exclude(role=Role.WITHDRAWN).exists()):
        raise WrongStateError(_("You have left this study already."))
    end_taking_part(rater, reason)
    if erase:
        erase_answers(rater)
    else:
        free_open_items(rater)
    take_back_consent(rater, erase)
    marked = mark_releases(rater) if erase else []
    note(rater, held, erase, reason, [mark.dataset.version for mark in marked])
    announce(Event.RATER_WITHDREW, study, rater=rater.pseudonym, by="rater", erased=erase)
    return held


def end_taking_part(rater: StudyRater, reason: str) -> None:
    rater.stage = StudyRater.Stage.WITHDRAWN
    rater.withdrawn_at = rater.withdrawn_at or timezone.now()
    rater.withdrawal_reason = reason.strip() or rater.withdrawal_reason
    # Whoever is let back in by the team is asked again.
    rater.consent_sha256 = ""
    rater.save(
        update_fields=["stage", "withdrawn_at", "withdrawal_reason", "consent_sha256"],
    )


def free_open_items(rater: StudyRater) -> None:
    """Submitted answers stay, and stay independent."""
    waiting = rater.assignments.exclude(state=State.SUBMITTED).exclude(role__in=GONE)
    keep_apart_repeats(rater)
    waiting.update(role=Role.RELEASED, slot=None)


def keep_apart_repeats(rater: StudyRater) -> None:
    """A repeated item is two assignments whose role is about to be the same: the number of the
    attempt keeps them two."""
    repeats = rater.assignments.filter(role=Role.REPEAT)
    repeats.update(attempt=F("attempt") + 1)


def erase_answers(rater: StudyRater) -> None:
    """Of each assignment stays that it was given and whether it was submitted: what a payment is
    reckoned by. Flags stay, so that a concern is still followed up."""
    rated = list(rater.assignments.filter(state=State.SUBMITTED).values_list("item_id", flat=True))
    for model in (Rating, Preference, LateAnswer):
        model._default_manager.filter(assignment__rater=rater).delete()
    SourceGuess.objects.filter(rater=rater).delete()
    GateAttempt.objects.filter(rater=rater).delete()
    Dispute.objects.filter(item__in=rated).exclude(detail="").update(detail="")
    StudyRater.objects.filter(pk=rater.pk).update(**NOTHING_TOLD)
    keep_apart_repeats(rater)
    rater.assignments.update(
        role=Role.WITHDRAWN,
        slot=None,
        comment="",
        skip_reason="",
        answer_sequences={},
        definitions_opened=[],
        screen_class="",
        active_ms=0,
        clip_ms_played=0,
        clip_failed=False,
        opened_at=None,
        saved_at=None,
        fields_shown_at=None,
    )
    erase_history(rater)


def erase_history(rater: StudyRater) -> None:
    """Last, because deleting an answer adds a line to its history."""
    with pgtrigger.ignore(*APPEND_ONLY):
        for name in ("RatingEvent", "PreferenceEvent"):
            events = apps.get_model("annotations", name)._default_manager
            events.filter(assignment__rater=rater).delete()
        history = apps.get_model("annotations", "StudyRaterEvent")._default_manager
        history.filter(pgh_obj=rater.pk).update(**NOTHING_TOLD)


def take_back_consent(rater: StudyRater, erase: bool) -> None:
    """Kept answers stay under what was allowed for them; it can still be changed."""
    newest = rater.consents.order_by("at", "pk").last()
    if erase:
        StudyRater.objects.filter(pk=rater.pk).update(allows_training=False, allows_release=False)
    if newest is None:
        return
    Consent.objects.create(
        rater=rater,
        version=newest.version,
        text=newest.text,
        text_sha256=newest.text_sha256,
        rating=False,
        training=newest.training and not erase,
        release=newest.release and not erase,
    )


def marked_releases(versions: Sequence[int]) -> str:
    """As many as there is room for."""
    named = versions[:MOST_NAMED]
    rest = f" and {len(versions) - len(named)} more" if len(versions) > len(named) else ""
    return f"release {', '.join(map(str, named))}{rest} no longer used"


def note(
    rater: StudyRater, held: Held, erase: bool, reason: str, marked: Sequence[int] = ()
) -> None:
    """Nobody is named: the history shows pseudonyms, and their owners stay unknown."""
    what = "answers erased" if erase else "answers kept"
    if marked:
        what += f", {marked_releases(marked)}"
    Amendment.objects.create(
        study=rater.study,
        by=None,
        what=f"Rater {rater.pseudonym} left the study, {what}",
        changes={"answers": [held.answers, 0]} if erase else {},
        reason=reason.strip() or "The rater's own decision; no reason is needed.",
    )

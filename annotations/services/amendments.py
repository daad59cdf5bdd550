"""Changes after the launch: few fields, each with a reason, kept as they were before and after."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from annotations.models import Amendment, Item, Study
from annotations.selectors.study_history import LABELS
from inference.errors import InvalidOptionsError, WrongStateError
from mood_eval.models import User

AMENDABLE = LABELS
"""Of these nothing that was answered depends; all else was frozen by the launch."""
AFTER_CLOSE = (
    "flag_readers",
    "flag_reading_times",
    "contacts",
    "recruitment",
    "payment",
    "ethics_approval",
)


@transaction.atomic
def amend_study(
    *, study: Study, by: User | None, reason: str, changes: dict[str, Any]
) -> Amendment:
    """A changed consent text makes every rater agree again before the next item."""
    study = lock_launched(study)
    reason = reason.strip()
    if not reason:
        raise InvalidOptionsError("Give the reason: it stands in the history of the study.")
    frozen = [name for name in changes if name not in AMENDABLE]
    if frozen:
        raise WrongStateError(
            f"The launch froze {', '.join(sorted(frozen))}: answers depend on it. Make a new "
            "study to ask for something else."
        )
    made = {
        name: [getattr(study, name), value]
        for name, value in changes.items()
        if getattr(study, name) != value
    }
    if not made:
        raise InvalidOptionsError("Nothing differs from what the study says now.")
    late = [AMENDABLE[name] for name in made if name not in AFTER_CLOSE]
    if study.state == Study.State.CLOSED and late:
        raise WrongStateError(
            f"The study is closed, so raters no longer meet this: {', '.join(late)}."
        )
    if "consent_text" in made and not str(made["consent_text"][1]).strip():
        raise InvalidOptionsError("Raters have to know what they agree to: write a consent text.")
    for name, (_, after) in made.items():
        setattr(study, name, after)
    study.save(update_fields=list(made))
    what = ", ".join(AMENDABLE[name] for name in made)
    return Amendment.objects.create(study=study, by=by, what=what, changes=made, reason=reason)


@transaction.atomic
def amend_item_note(*, item: Item, by: User | None, reason: str, note: str) -> Amendment:
    """What raters are told before this item; those who have seen it are not told again."""
    study = lock_launched(item.part.study)
    note, reason = note.strip(), reason.strip()
    if not reason:
        raise InvalidOptionsError("Give the reason: it stands in the history of the study.")
    if study.state == Study.State.CLOSED:
        raise WrongStateError("The study is closed: nobody is shown this item any more.")
    before = Item.objects.select_for_update().get(pk=item.pk).content_note
    if note == before:
        raise InvalidOptionsError("Nothing differs from what the item says now.")
    Item.objects.filter(pk=item.pk).update(content_note=note)
    where = f"part {item.part.position}, item {item.position}"
    return Amendment.objects.create(
        study=study,
        by=by,
        what=f"Content note of {where}",
        changes={"content_note": [before, note]},
        reason=reason,
    )


def lock_launched(study: Study) -> Study:
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.state == Study.State.DRAFT:
        raise WrongStateError("A draft is changed on its own pages, without a reason.")
    return study

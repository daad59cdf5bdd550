"""A list of raters becomes accounts and places, all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from annotations.models import Amendment, Study
from annotations.selectors.rater_lists import ListPlan, plan_list
from annotations.services.newcomers import start_newcomers
from annotations.services.rater_files import RaterFileError, RaterRow
from annotations.services.raters import add_users, rater_account
from annotations.services.webhooks import Event, announce_all
from annotations.table_problems import Problem
from inference.errors import WrongStateError
from mood_eval.models import User


@transaction.atomic
def import_raters(*, study: Study, rows: Sequence[RaterRow], by: User | None) -> ListPlan:
    """What was done. Of people who rate already only what the file says of them is taken; cells
    that are empty change nothing, and nobody's name is changed."""
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if study.state == Study.State.CLOSED:
        raise WrongStateError("The study is closed: nobody can join it any more.")
    plan = plan_list(study, rows)
    if plan.refused:
        raise RaterFileError([Problem(line, "email", why) for line, _, why in plan.refused])
    joining = {*plan.new_accounts, *plan.known_accounts}
    accounts = [
        account(row, row.email in plan.new_accounts) for row in rows if row.email in joining
    ]
    new = add_users(study, accounts)
    describe(study, [row for row in rows if row.email in {*joining, *plan.described}])
    if new and study.state == Study.State.OPEN:
        what = f"{len(new)} rater{'s' if len(new) > 1 else ''} added"
        Amendment.objects.create(study=study, by=by, what=what, reason="From a list of raters.")
        start_newcomers(study, new)
    joined = [{"rater": rater.pseudonym, "by": "list"} for rater in new]
    announce_all(Event.RATER_JOINED, study, joined)
    return plan


def account(row: RaterRow, is_new: bool) -> User:
    user = rater_account(row.email)
    if is_new and row.name:
        user.first_name, _, user.last_name = row.name.partition(" ")
        user.save(update_fields=["first_name", "last_name"])
    return user


def describe(study: Study, rows: Sequence[RaterRow]) -> None:
    facts = {row.email: row.facts for row in rows if row.facts}
    raters = study.raters.select_related("user").filter(user__email__in=facts)
    for rater in raters.select_for_update(of=("self",)).order_by("pk"):
        for field, value in facts[rater.user.email.lower()].items():
            setattr(rater, field, value)
        rater.save(update_fields=list(facts[rater.user.email.lower()]))

"""What a list of raters would change, and the list of those there are, by pseudonym."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db.models import Count, Q, QuerySet

from annotations.models import Assignment, Study, StudyRater
from annotations.selectors.people import people_in
from annotations.selectors.self_chosen import self_chosen
from mood_eval.models import User

COLUMNS = ("pseudonym", "stage", "consented", "submitted", "skipped", "open", "assigned")


class Row(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def email(self) -> str: ...
    @property
    def facts(self) -> dict[str, str | int]: ...


@dataclass(frozen=True)
class ListPlan:
    """Addresses, in the order of the file."""

    new_accounts: list[str]
    known_accounts: list[str]
    """Have an account, and no place in the study yet."""
    described: list[str]
    """Rate already; the file says something else of them than what is kept."""
    unchanged: list[str]
    gone: list[str]
    """Have left the study, and stay out."""
    refused: list[tuple[int, str, str]]
    """(line, address, why): nothing happens while there is one."""

    @property
    def joining(self) -> int:
        return len(self.new_accounts) + len(self.known_accounts)


def plan_list(study: Study, rows: Sequence[Row]) -> ListPlan:
    addresses = [row.email for row in rows]
    users = {user.email.lower(): user for user in User.objects.filter(email__in=addresses)}
    places = {rater.user_id: rater for rater in study.raters.filter(user__in=users.values())}
    unproven = self_chosen(users.values())
    plan = ListPlan([], [], [], [], [], [])
    for row in rows:
        user = users.get(row.email)
        place = places.get(user.pk) if user else None
        if user is None:
            plan.new_accounts.append(row.email)
        elif place is not None:
            of_stage = plan.gone if place.stage == StudyRater.Stage.WITHDRAWN else plan.unchanged
            (plan.described if differs(place, row.facts) else of_stage).append(row.email)
        elif not user.is_active:
            plan.refused.append((row.line, row.email, "This account is closed. Leave the line."))
        elif user.pk in unproven:
            why = (
                "Nobody has checked that this account's address is its owner's. Leave the line, "
                "and make an invitation link for the address."
            )
            plan.refused.append((row.line, row.email, why))
        else:
            plan.known_accounts.append(row.email)
    return plan


def differs(place: StudyRater, facts: dict[str, str | int]) -> bool:
    if place.stage == StudyRater.Stage.WITHDRAWN:
        return False
    return any(getattr(place, field) != value for field, value in facts.items())


def raters_listed(study: Study) -> QuerySet[StudyRater]:
    """With counts of the study's own items; released ones are somebody else's."""
    own = Q(assignments__role=Assignment.Role.INDEPENDENT)

    def having(state: str) -> Count:
        return Count("assignments", filter=own & Q(assignments__state=state))

    return (
        people_in(study)
        .annotate(
            submitted=having(Assignment.State.SUBMITTED),
            skipped=having(Assignment.State.SKIPPED),
            waiting=having(Assignment.State.ASSIGNED),
        )
        .order_by("pseudonym")
    )


def rater_lines(study: Study, *, emails: bool) -> Iterator[tuple[object, ...]]:
    """Header and rows. Addresses only for the owner of the team, who asks for them."""
    yield (*COLUMNS, "email") if emails else COLUMNS
    rows = raters_listed(study).values_list(
        *("pseudonym", "stage", "consented_at", "submitted", "skipped", "waiting", "user__email")
    )
    for pseudonym, stage, consented_at, submitted, skipped, waiting, email in rows:
        line = (
            pseudonym,
            StudyRater.Stage(stage).label,
            "yes" if consented_at else "no",
            *(submitted, skipped, waiting, submitted + skipped + waiting),
        )
        yield (*line, email) if emails else line

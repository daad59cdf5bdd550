"""Links that make one person a rater, once. Only a hash of a link's secret is kept."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotations.models import Amendment, Invitation, Study, StudyRater
from annotations.selectors.invitations import (
    account_exists,
    invitation_state,
    place_of,
    token_hash,
)
from annotations.services.newcomers import start_newcomers
from annotations.services.rater_files import is_address
from annotations.services.raters import UnusableAddressError, add_users
from annotations.services.webhooks import Event, announce
from inference.errors import DomainError, InvalidOptionsError, WrongStateError
from mood_eval.models import User

VALID_DAYS = 14
MOST_DAYS = 90
MOST_AT_ONCE = 200
FACTS = ("profession", "licence", "years_of_practice", "languages")


class InvitationUnusableError(DomainError):
    """The link was used, revoked or is too old, or it was made for somebody else."""


class AccountExistsError(DomainError):
    """They have an account: they sign in, and open the link again."""


@dataclass(frozen=True)
class NewLink:
    invitation: Invitation
    secret: str

    @property
    def path(self) -> str:
        return reverse("invitation_open", args=[self.secret])


@transaction.atomic
def create_invitations(
    *,
    study: Study,
    by: User | None,
    emails: Sequence[str] = (),
    unnamed: int = 0,
    days: int = VALID_DAYS,
) -> list[NewLink]:
    """A link for each address, and `unnamed` ones for whoever holds them."""
    if Study.objects.filter(pk=study.pk, state=Study.State.CLOSED).exists():
        raise WrongStateError("The study is closed: nobody can join it any more.")
    if not 1 <= days <= MOST_DAYS:
        raise InvalidOptionsError(f"A link is valid for 1 to {MOST_DAYS} days, not {days}.")
    emails = list(dict.fromkeys(email.strip().lower() for email in emails))
    if not 1 <= len(emails) + unnamed <= MOST_AT_ONCE or unnamed < 0:
        raise InvalidOptionsError(f"Make 1 to {MOST_AT_ONCE} links at once.")
    for email in emails:
        if not is_address(email):
            raise UnusableAddressError(f"“{email}” is not an e-mail address.")
    until = timezone.now() + timedelta(days=days)
    links = [(email, secrets.token_urlsafe(32)) for email in [*emails, *[""] * unnamed]]
    rows = Invitation.objects.bulk_create(
        Invitation(
            study=study,
            token_sha256=token_hash(secret),
            email=email,
            created_by=by,
            expires_at=until,
        )
        for email, secret in links
    )
    return [NewLink(row, secret) for row, (_email, secret) in zip(rows, links, strict=True)]


@transaction.atomic
def revoke_invitation(invitation: Invitation) -> Invitation:
    """Twice is as once; who came in by it stays."""
    invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if invitation.used_at is not None:
        raise WrongStateError(
            "Somebody has joined with this link already. Withdraw the rater instead."
        )
    if invitation.revoked_at is None:
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
    return invitation


@transaction.atomic
def extend_invitation(invitation: Invitation, days: int = VALID_DAYS) -> Invitation:
    """From today. The link stays the same, so nothing has to be sent again."""
    invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if invitation.used_at is not None or invitation.revoked_at is not None:
        raise WrongStateError("This link was used or revoked. Make a new one instead.")
    invitation.expires_at = timezone.now() + timedelta(days=days)
    invitation.save(update_fields=["expires_at"])
    return invitation


@transaction.atomic
def accept_invitation(
    *, invitation: Invitation, user: User, facts: Mapping[str, str | int | None] | None = None
) -> StudyRater:
    """Who rates already keeps his place, and the link stays for somebody else."""
    study, invitation = locked(invitation)
    place = place_of(user, study)
    if place is not None:
        return place
    require_usable(invitation)
    if invitation.email and invitation.email.lower() != user.email.lower():
        raise InvitationUnusableError(_("This invitation was made for another e-mail address."))
    rater = add_users(study, [user])[0]
    for field in FACTS:
        setattr(rater, field, (facts or {}).get(field) or getattr(rater, field))
    rater.save(update_fields=FACTS)
    invitation.used_at, invitation.rater = timezone.now(), rater
    invitation.save(update_fields=["used_at", "rater"])
    if invitation.email:  # the link reached its owner
        EmailAddress.objects.filter(user=user, email=user.email).update(verified=True)
    if study.state == Study.State.OPEN:
        Amendment.objects.create(
            study=study,
            by=invitation.created_by,
            what=f"Rater {rater.pseudonym} joined",
            reason="Invited after the launch.",
        )
        start_newcomers(study, [rater])
    announce(Event.RATER_JOINED, study, rater=rater.pseudonym, by="invitation")
    return rater


@transaction.atomic
def join_with_new_account(
    *,
    invitation: Invitation,
    email: str,
    password: str,
    facts: Mapping[str, str | int | None] | None = None,
) -> StudyRater:
    """`password` has passed the validators. No account that is there already is taken over."""
    _study, invitation = locked(invitation)
    require_usable(invitation)
    email = (invitation.email or email).strip().lower()
    if not is_address(email):
        raise UnusableAddressError(_("This is not an e-mail address."))
    if account_exists(email):
        raise AccountExistsError(
            _("There is an account with this address. Sign in, then open the link again.")
        )
    user = User.objects.create_user(email, password)
    if not invitation.email:
        # Nobody knows yet whether the address is theirs: see `rater_account`.
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
    return accept_invitation(invitation=invitation, user=user, facts=facts)


def locked(invitation: Invitation) -> tuple[Study, Invitation]:
    study = Study.objects.select_for_update(no_key=True).get(pk=invitation.study_id)
    rows = Invitation.objects.select_related("created_by").select_for_update(of=("self",))
    invitation = rows.get(pk=invitation.pk)
    invitation.study = study
    return study, invitation


def require_usable(invitation: Invitation) -> None:
    if invitation_state(invitation) != "open":
        raise InvitationUnusableError(_("This invitation can no longer be used."))

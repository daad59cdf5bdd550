"""Accounts of the people invited to rate, and their pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse

from annotations.models import Study, StudyRater
from annotations.selectors.people import people_in
from annotations.selectors.self_chosen import self_chosen
from inference.errors import DomainError
from mood_eval.models import Membership, Team, User


class UnusableAddressError(DomainError):
    pass


def rater_account(email: str) -> User:
    """The account with this address; a new one has no password until its owner sets one."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise UnusableAddressError(f"“{email}” is not an e-mail address.") from error
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        return User.objects.create_user(email)
    if self_chosen([user]):
        raise UnusableAddressError(
            f"Whoever made the account {email} chose the address themselves, with an open "
            "invitation link, and nobody has checked that it is theirs. Send an invitation link "
            "made for this address to it; once that is used, the account counts as theirs."
        )
    return user


def password_link(user: User) -> str:
    """Path under which the person sets a first password. It works once."""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    uid, _, token = key.partition("-")
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})


def links_to_hand_out(team: Team, users: Iterable[User]) -> list[tuple[str, str]]:
    """E-mail and first-password path of raters whom this team alone invited.

    Whoever holds the link becomes the person, so there is none for researchers, for
    administrators, or for somebody whom another team invited as well: they ask for theirs under
    "Forgotten your password?". By e-mail, so that the order does not follow the pseudonyms.
    """
    waiting = [user for user in users if user.is_active and not user.has_usable_password()]
    researchers = Membership.objects.filter(user__in=waiting)
    shared = StudyRater.objects.filter(user__in=waiting).exclude(study__team=team)
    kept = {
        *researchers.values_list("user_id", flat=True),
        *shared.values_list("user_id", flat=True),
    }
    return sorted(
        (user.email, password_link(user))
        for user in waiting
        if user.pk not in kept and not (user.is_staff or user.is_superuser)
    )


@transaction.atomic
def add_raters(study: Study, emails: Sequence[str]) -> list[StudyRater]:
    """Places for those who have none yet; who rates already is left as he is."""
    return add_users(study, [rater_account(email) for email in emails])


@transaction.atomic
def add_users(study: Study, users: Sequence[User]) -> list[StudyRater]:
    """Pseudonyms are dealt by seed, so that their order says nothing about the list of people."""
    # One after the other: two people who come at the same moment are not both R07.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    taken = set(study.raters.values_list("user_id", flat=True))
    new = {user.pk: user for user in users if user.pk not in taken}
    there = people_in(study).count()
    names = [f"R{number:02d}" for number in range(there + 1, there + len(new) + 1)]
    Random(f"{study.seed}:pseudonyms:{there}").shuffle(names)  # noqa: S311
    return StudyRater.objects.bulk_create(
        StudyRater(study=study, user=user, pseudonym=name)
        for user, name in zip(new.values(), names, strict=True)
    )

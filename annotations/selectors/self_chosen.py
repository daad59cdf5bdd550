"""Accounts whose address nobody has checked: typed by whoever held an open invitation link."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.account.models import EmailAddress
from django.db.models import F

from annotations.models import StudyRater
from mood_eval.models import User


def self_chosen(users: Iterable[User]) -> set[int]:
    """The account was made with the open link that led to its place, and no link made for the
    address was used since. That the address counts as unverified says nothing by itself: so does
    every address of an account that a team made or that ever asked for a password."""
    unproven = EmailAddress.objects.filter(
        user__in=users, email__iexact=F("user__email"), verified=False
    )
    places = StudyRater.objects.filter(
        user__in=unproven.values("user"),
        invitation__email="",
        user__date_joined__gte=F("invitation__created_at"),
    )
    return set(places.values_list("user_id", flat=True))

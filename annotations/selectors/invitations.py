"""Invitation links: who holds a secret finds the invitation, and what may still be done with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone

from annotations.models import Invitation, Study, StudyRater
from mood_eval.access import team_object
from mood_eval.models import User

InvitationState = Literal["open", "used", "revoked", "expired", "closed"]


@dataclass(frozen=True)
class Invited:
    invitation: Invitation
    state: InvitationState


@dataclass(frozen=True)
class InvitationCounts:
    open: int
    used: int
    ended: int
    """Revoked, or expired before anybody used them."""


def token_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def invitation_with(secret: str) -> Invitation:
    """404 for whoever has no secret of ours."""
    found = Invitation.objects.select_related("study__team", "created_by", "rater")
    return get_object_or_404(found, token_sha256=token_hash(secret))


def invitation_for_team(user: User | AnonymousUser, study_pk: int, pk: int) -> Invitation:
    study = team_object(user, Study.objects.all(), pk=study_pk)
    return get_object_or_404(Invitation.objects.select_related("study"), study=study, pk=pk)


def invitation_state(invitation: Invitation, now: datetime | None = None) -> InvitationState:
    if invitation.used_at is not None:
        return "used"
    if invitation.revoked_at is not None:
        return "revoked"
    if invitation.study.state == Study.State.CLOSED:
        return "closed"
    return "expired" if invitation.expires_at <= (now or timezone.now()) else "open"


def place_of(user: User | AnonymousUser, study: Study) -> StudyRater | None:
    return StudyRater.objects.filter(study=study, user_id=user.pk or 0).first()


def belongs_to_team(user: User | AnonymousUser, study: Study) -> bool:
    """Who rates in a study of their own team sees no results before its close."""
    return study.team.memberships.filter(user_id=user.pk or 0).exists()


def account_exists(email: str) -> bool:
    return User.objects.filter(email__iexact=email).exists()


def invitations_of(study: Study) -> QuerySet[Invitation]:
    return study.invitations.select_related("study", "created_by")


def with_states(invitations: Iterable[Invitation]) -> list[Invited]:
    now = timezone.now()
    return [Invited(row, invitation_state(row, now)) for row in invitations]


def invitation_counts(study: Study) -> InvitationCounts:
    rows = study.invitations
    unused = rows.filter(used_at=None)
    still_open = Q(revoked_at=None, expires_at__gt=timezone.now())
    return InvitationCounts(
        open=unused.filter(still_open).count(),
        used=rows.exclude(used_at=None).count(),
        ended=unused.exclude(still_open).count(),
    )

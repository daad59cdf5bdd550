"""Every object is reached through one of these functions; to a stranger it does not exist."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from mood_eval.models import Membership, Team, User

M = TypeVar("M", bound=Model)


def teams_of(user: User | AnonymousUser) -> QuerySet[Team]:
    return Team.objects.filter(memberships__user_id=user.pk) if user.pk else Team.objects.none()


def for_teams_of(user: User | AnonymousUser, queryset: QuerySet[M]) -> QuerySet[M]:
    """Rows of a model with a `team` that the user is a member of."""
    return queryset.filter(team__memberships__user_id=user.pk) if user.pk else queryset.none()


def team_object(user: User | AnonymousUser, queryset: QuerySet[M], **lookup: Any) -> M:
    """The row, or 404 for everyone outside its team."""
    return get_object_or_404(for_teams_of(user, queryset), **lookup)


def is_team_owner(user: User | AnonymousUser, team: Team) -> bool:
    owners = Membership.objects.filter(team=team, role=Membership.Role.OWNER)
    return user.pk is not None and owners.filter(user_id=user.pk).exists()


def current_team(user: User | AnonymousUser) -> Team:
    """The team a researcher works in. People of several teams work in the oldest one."""
    team = teams_of(user).order_by("memberships__pk").first()
    if team is None:
        raise Http404("You are not a member of a research team.")
    return team

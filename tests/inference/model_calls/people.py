"""Ada owns the team, Max is a member of it, Rui rates, Sam has a team of his own."""

from __future__ import annotations

from dataclasses import dataclass

from django.test import Client

from mood_eval.models import Team, User
from tests.factories import make_team, make_user

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@dataclass
class People:
    team: Team
    users: dict[str, User]

    def as_person(self, name: str) -> Client:
        client = Client()
        client.force_login(self.users[name], BACKEND)
        return client


def make_people() -> People:
    users = {name: make_user(f"{name}@example.org") for name in ("ada", "max", "rui", "sam")}
    team = make_team(owner=users["ada"], members=[users["max"]])
    make_team("Sam's team", owner=users["sam"])
    return People(team, users)

from __future__ import annotations

import argparse
from typing import Any

from django.db import transaction

from annotations.services.raters import password_link, rater_account
from inference.management.base import DomainCommand
from mood_eval.models import Membership, Team, User


class Command(DomainCommand):
    help = (
        "Make a research team and its people, or add people to it. Someone without an account gets "
        "one and a link to set a password."
    )
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--owner", action="append", default=[], metavar="EMAIL")
        parser.add_argument("--member", action="append", default=[], metavar="EMAIL")
        parser.add_argument("--json", action="store_true", help="report as JSON")

    @transaction.atomic
    def act(self, **options: Any) -> dict[str, Any]:
        team, created = Team.objects.get_or_create(name=options["name"])
        people = [
            self.admit(team, email, role)
            for role, emails in (
                (Membership.Role.OWNER, options["owner"]),
                (Membership.Role.MEMBER, options["member"]),
            )
            for email in emails
        ]
        return {"team": team.name, "created": created, "people": people}

    def admit(self, team: Team, email: str, role: Membership.Role) -> dict[str, Any]:
        user: User = rater_account(email)
        Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})
        link = "" if user.has_usable_password() else password_link(user)
        return {"email": user.email, "role": role.value, "password_link": link}

    def describe(self, report: dict[str, Any]) -> str:
        lines = [f"Team “{report['team']}” {'made' if report['created'] else 'was there already'}."]
        for person in report["people"]:
            link = person["password_link"]
            lines.append(f"  {person['role']:<7}{person['email']}{f'  {link}' if link else ''}")
        return "\n".join(lines)

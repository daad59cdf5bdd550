"""What every command of the project shares: exit codes, team, and how a report is written.

Exit code 0: done. 1: refused, the reason on standard error. 2: wrong usage.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from inference.errors import DomainError, UnknownNameError
from mood_eval.models import Team, User

NOT_MIGRATED = "The database's tables are not those of this version: `manage.py migrate` first."
NO_DATABASE = "The database failed: {} Check that it runs, and DATABASE_URL."


class Refused(CommandError):  # noqa: N818 - Django prints the name of the class
    pass


class DomainCommand(BaseCommand):
    """Subclasses implement `act`; what it returns is printed (as JSON when --json was given)."""

    reports = False
    """Whether the command takes --json."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--team", metavar="NAME", help="team to work in (default: the oldest one)"
        )
        if self.reports:
            parser.add_argument("--json", action="store_true", help="report as JSON")

    def handle(self, *args: Any, **options: Any) -> str | None:
        try:
            report = self.act(**options)
        except DomainError as error:
            raise Refused(str(error), returncode=1) from error
        except ProgrammingError as error:
            if not migrations_are_missing():
                raise
            raise Refused(NOT_MIGRATED, returncode=1) from error
        except OperationalError as error:
            raise Refused(NO_DATABASE.format(str(error).strip()), returncode=1) from error
        if report is None:
            return None
        if self.reports and options["json"]:
            return json.dumps(report, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
        return self.describe(report)

    def act(self, **options: Any) -> Any:
        raise NotImplementedError

    def describe(self, report: Any) -> str:
        """The report for a person."""
        return str(report)

    def tell(self, message: str) -> None:
        """Progress goes to standard error, so that standard output holds only the report."""
        self.stderr.write(message, self.style.NOTICE)

    @property
    def at_terminal(self) -> bool:
        return sys.stderr.isatty()


def migrations_are_missing() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def team_named(name: str | None) -> Team:
    teams = Team.objects.order_by("pk")
    team = teams.filter(name=name).first() if name else teams.first()
    if team is not None:
        return team
    if name:
        known = ", ".join(teams.values_list("name", flat=True)) or "none yet"
        raise UnknownNameError(f"There is no team named “{name}”. Teams: {known}.")
    raise UnknownNameError("There is no team yet: `manage.py create_team NAME` makes one.")


def owner_of(team: Team) -> User | None:
    """Who commands act for: the team's oldest owner."""
    membership = team.memberships.filter(role="owner").select_related("user").order_by("pk").first()
    return membership.user if membership else None


def text_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns aligned for a terminal."""
    cells = [list(columns), *[[str(value) for value in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from annotations.selectors.rater_lists import ListPlan, plan_list
from annotations.selectors.studies import find_study
from annotations.services.invitations import MOST_DAYS, VALID_DAYS, create_invitations
from annotations.services.rater_files import read_raters
from annotations.services.rater_imports import import_raters
from annotations.services.raters import links_to_hand_out
from inference.errors import InvalidOptionsError
from inference.management.base import DomainCommand, owner_of, team_named


class Command(DomainCommand):
    help = (
        "Make invitation links to a study, each for one person and shown only here, or add the "
        "raters of a CSV file (columns email, name, profession, licence, years, languages)."
    )
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("study", metavar="STUDY", help="name or number")
        parser.add_argument("--email", nargs="+", default=[], help="a link for each address")
        parser.add_argument(
            "--links", type=int, default=0, metavar="N", help="links for whoever holds them"
        )
        parser.add_argument(
            "--days", type=int, default=VALID_DAYS, help=f"links are valid, up to {MOST_DAYS}"
        )
        parser.add_argument("--csv", type=Path, metavar="FILE", help="raters to add at once")
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what the CSV file would change"
        )

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        study, by = find_study(team, options["study"]), owner_of(team)
        wants_links = bool(options["email"]) or options["links"] > 0
        if wants_links == bool(options["csv"]):
            raise InvalidOptionsError("Give either --email or --links, or --csv with a file.")
        if wants_links:
            links = create_invitations(
                study=study,
                by=by,
                emails=options["email"],
                unnamed=options["links"],
                days=options["days"],
            )
            made = [
                {"email": link.invitation.email, "link": link.path, "until": until(link)}
                for link in links
            ]
            return {"study": study.pk, "links": made}
        rows = read_raters(content_of(options["csv"]))
        if options["dry_run"]:
            return {"study": study.pk, "would": summary(plan_list(study, rows))}
        done = import_raters(study=study, rows=rows, by=by)
        joined = study.raters.filter(user__email__in=done.new_accounts).select_related("user")
        passwords = links_to_hand_out(team, [rater.user for rater in joined])
        return {"study": study.pk, "did": summary(done), "set_password": dict(passwords)}

    def describe(self, report: dict[str, Any]) -> str:
        if "links" in report:
            lines = [f"{len(report['links'])} links, shown this once. Put your site before each:"]
            return "\n".join(
                lines + [f"{row['email'] or 'anybody'}  {row['link']}" for row in report["links"]]
            )
        said = report.get("would") or report["did"]
        lines = [f"{words}: {', '.join(who)}" for words, who in said.items() if who]
        lines += [
            f"{email} has no password yet. Set one, once, at (this site){link}"
            for email, link in report.get("set_password", {}).items()
        ]
        return "\n".join(lines or ["Nothing changes."])


def until(link: Any) -> str:
    return str(link.invitation.expires_at.isoformat())


def content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidOptionsError(f"{path} cannot be read: {error.strerror}.") from error


def summary(plan: ListPlan) -> dict[str, list[str]]:
    return {
        "new accounts": plan.new_accounts,
        "joined": plan.known_accounts,
        "described anew": plan.described,
        "unchanged": plan.unchanged,
        "have left the study": plan.gone,
        "refused": [f"line {line}, {email}: {why}" for line, email, why in plan.refused],
    }

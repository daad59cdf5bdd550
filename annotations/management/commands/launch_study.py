from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count

from annotations.instruments import study_templates
from annotations.selectors.studies import study_counts
from annotations.services.raters import password_link
from annotations.services.studies import create_study, launch_study
from inference.errors import UnknownNameError
from inference.management.base import DomainCommand, owner_of, team_named, text_table
from inference.models import GenerationRun
from mood_eval.models import Team


class Command(DomainCommand):
    help = "Make a study from a template and finished generation runs, and open it to its raters."
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        names = ", ".join(template.slug for template in study_templates())
        parser.add_argument("template", help=f"one of: {names}")
        parser.add_argument("--runs", nargs="+", type=int, required=True, metavar="ID")
        parser.add_argument("--raters", nargs="+", required=True, metavar="EMAIL")
        parser.add_argument("--name", default="", help="what raters see; must not name a model")
        parser.add_argument("--overlap", type=int, metavar="N", help="raters per item")
        parser.add_argument("--limit", type=int, metavar="N", help="client turns, drawn by seed")
        parser.add_argument("--seed", type=int, help="of sample, order and sides")
        parser.add_argument(
            "--longest-ratio",
            type=float,
            metavar="TIMES",
            help="only client turns whose longest reply has at most so many times the words of "
            "the shortest",
        )
        parser.add_argument(
            "--no-content-notes",
            action="store_true",
            help="tell raters nothing before items that mention suicide, abuse and the like",
        )
        parser.add_argument(
            "--blind-team",
            action="store_true",
            help="results name no model until the study closes",
        )

    @transaction.atomic
    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        study = create_study(
            team=team,
            template=options["template"],
            runs=runs_numbered(team, options["runs"]),
            name=options["name"],
            raters=options["raters"],
            overlap=options["overlap"],
            seed=options["seed"],
            limit=options["limit"],
            longest_ratio=options["longest_ratio"],
            blind_researchers=options["blind_team"],
            user=owner_of(team),
        )
        study = launch_study(study, themes=[] if options["no_content_notes"] else None)
        counts = study_counts(study)
        raters = study.raters.select_related("user").annotate(items=Count("assignments"))
        return {
            "study": study.pk,
            "name": study.name,
            "template": study.template,
            "state": study.state,
            "seed": study.seed,
            "overlap": study.overlap,
            "items": counts.items,
            "assignments": counts.assignments,
            "raters": [
                {
                    "email": rater.user.email,
                    "pseudonym": rater.pseudonym,
                    "items": rater.items,
                    "set_password": None
                    if rater.user.has_usable_password()
                    else password_link(rater.user),
                }
                for rater in raters.order_by("pseudonym")
            ],
        }

    def describe(self, report: dict[str, Any]) -> str:
        rows = [(r["pseudonym"], r["email"], r["items"]) for r in report["raters"]]
        lines = [
            f"Study {report['study']}, “{report['name']}”, is open: {report['items']} items, "
            f"{report['overlap']} raters each, seed {report['seed']}.",
            text_table(("RATER", "E-MAIL", "ITEMS"), rows),
        ]
        lines += [
            f"{r['email']} has no password yet. Set one, once, at (this site){r['set_password']}"
            for r in report["raters"]
            if r["set_password"]
        ]
        return "\n".join(lines)


def runs_numbered(team: Team, numbers: Sequence[int]) -> list[GenerationRun]:
    """In the order given."""
    runs = GenerationRun.objects.filter(team=team).select_related("model_version").in_bulk(numbers)
    unknown = [str(number) for number in numbers if number not in runs]
    if unknown:
        raise UnknownNameError(f"The team has no generation run {', '.join(unknown)}.")
    return [runs[number] for number in numbers]

from __future__ import annotations

from typing import Any

from inference.management.base import DomainCommand, team_named, text_table
from inference.selectors.model_versions import model_facts, models_of_team


class Command(DomainCommand):
    help = "List the models of a team: what can answer stimuli, and which was trained from which."
    reports = True

    def act(self, **options: Any) -> list[dict[str, Any]]:
        return [model_facts(model) for model in models_of_team(team_named(options["team"]))]

    def describe(self, report: list[dict[str, Any]]) -> str:
        if not report:
            return "No model yet: `manage.py register_model --help`."
        rows = [
            (m["name"], m["kind"], m["parent"] or "-", m["runs"], m["sha256"][:12] or "-")
            for m in report
        ]
        return text_table(("NAME", "KIND", "PARENT", "RUNS", "SHA-256"), rows)

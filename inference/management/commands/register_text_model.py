from __future__ import annotations

import argparse
from typing import Any

from inference.management.base import DomainCommand, team_named
from inference.selectors.model_versions import model_facts
from inference.services.text_models import register_text_model


class Command(DomainCommand):
    help = (
        "Register a language model that reads words only: a folder with config.json and "
        "*.safetensors, a *.gguf file, or OWNER/NAME (with @REVISION) on the Hugging Face hub, "
        "which the first run then fetches. It runs on the workers here."
    )
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", metavar="NAME", help="what it is called here")
        parser.add_argument(
            "path",
            metavar="FOLDER_OR_NAME",
            help="absolute, relative to the project or its var folder, or a name on the hub",
        )
        parser.add_argument("--card", default="", metavar="TEXT", help="who made it, its licence")

    def act(self, **options: Any) -> dict[str, Any]:
        return model_facts(
            register_text_model(
                team=team_named(options["team"]),
                name=options["name"],
                path=options["path"],
                card=options["card"],
            )
        )

    def describe(self, report: dict[str, Any]) -> str:
        return f"Registered {report['name']}."

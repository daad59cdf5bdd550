from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from inference.errors import InvalidOptionsError
from inference.management.base import DomainCommand, team_named
from inference.multimood.prompt_file import read_template
from inference.selectors.model_versions import model_facts
from inference.selectors.names import corpus_named, model_named
from inference.services.model_versions import register_checkpoint, register_imported


class Command(DomainCommand):
    help = (
        "Register something that can answer: a MultiMood checkpoint (--path), or the human "
        "therapist replies of a corpus (--corpus)."
    )
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", metavar="NAME")
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--path",
            type=Path,
            metavar="FOLDER",
            help="checkpoint folder: absolute, or relative to the project or its var folder",
        )
        source.add_argument("--corpus", metavar="NAME", help="whose therapist replies to use")
        parser.add_argument(
            "--prompt",
            type=Path,
            metavar="FILE",
            help="prompt template (TOML) to use instead of the folder's own",
        )
        parser.add_argument("--parent", metavar="NAME", help="the model it was trained from")

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        if options["corpus"]:
            if options["prompt"]:
                raise InvalidOptionsError("Imported replies are given no prompt.")
            corpus = corpus_named(team, options["corpus"])
            return model_facts(register_imported(team, options["name"], corpus))
        parent = model_named(team, options["parent"]) if options["parent"] else None
        return model_facts(
            register_checkpoint(
                team=team,
                name=options["name"],
                path=options["path"],
                parent=parent,
                prompt=read_template(options["prompt"]).text if options["prompt"] else "",
            )
        )

    def describe(self, report: dict[str, Any]) -> str:
        return f"Registered {report['name']}."

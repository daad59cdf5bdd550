from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

from inference.endpoints import Endpoint, MediaPart
from inference.management.base import DomainCommand, team_named
from inference.management.money import amount
from inference.multimood.prompt_file import read_template
from inference.selectors.endpoints import endpoint_facts
from inference.selectors.model_versions import model_facts
from inference.services.endpoints import register_endpoint

DEFAULTS = Endpoint(url="", model="")
BESIDE_WORDS = tuple(part for part in get_args(MediaPart) if part != "text")


class Command(DomainCommand):
    help = (
        "Register a model behind an OpenAI-compatible address (vLLM, Ollama, TGI, commercial). The "
        "address must stand in the setting ENDPOINT_URLS: it is sent what clients say. The key "
        "stays in the environment, in a variable that ENDPOINT_KEYS names for this address."
    )
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", metavar="NAME", help="what it is called here")
        parser.add_argument("--url", required=True, help="as in ENDPOINT_URLS")
        parser.add_argument("--model", required=True, metavar="M", help="as the server names it")
        parser.add_argument(
            "--key-variable",
            default="",
            metavar="VARIABLE",
            help="environment variable that holds the key for this address, never the key "
            "(default: no key)",
        )
        parser.add_argument(
            "--takes",
            nargs="+",
            choices=BESIDE_WORDS,
            default=[],
            help="what it can be sent beside words (default: nothing)",
        )
        self.add_prices(parser)
        self.add_manners(parser)
        parser.add_argument(
            "--prompt",
            type=Path,
            metavar="FILE",
            help="prompt template (TOML) to use instead of the shipped one",
        )
        parser.add_argument("--card", default="", metavar="TEXT", help="who made it, its licence")

    def add_prices(self, parser: argparse.ArgumentParser) -> None:
        for name, what in (("prompt", "read"), ("answer", "written")):
            parser.add_argument(
                f"--{name}-price",
                type=amount,
                default=getattr(DEFAULTS, f"{name}_price"),
                metavar="P",
                help=f"of a million tokens {what} (default: 0)",
            )
        parser.add_argument("--currency", default=DEFAULTS.currency, help="(default: %(default)s)")

    def add_manners(self, parser: argparse.ArgumentParser) -> None:
        for name, kind, what in (
            ("frames", int, "pictures of a clip"),
            ("at-once", int, "questions at a time"),
            ("requests-per-minute", int, "0: as many as are answered"),
            ("timeout", float, "seconds until a try is given up"),
            ("tries", int, "after errors that pass"),
        ):
            default = getattr(DEFAULTS, name.replace("-", "_"))
            parser.add_argument(
                f"--{name}", type=kind, default=default, metavar="N", help=f"{what} ({default:g})"
            )
        parser.add_argument(
            "--unstructured",
            action="store_true",
            help="it takes no JSON schema for its answer (response_format)",
        )

    def act(self, **options: Any) -> dict[str, Any]:
        plain = ("url", "model", "key_variable", "prompt_price", "answer_price", "currency")
        manners = ("frames", "at_once", "requests_per_minute", "timeout", "tries")
        endpoint = Endpoint(
            takes=("text", *options["takes"]),
            structured=not options["unstructured"],
            **{name: options[name] for name in (*plain, *manners)},
        )
        model = register_endpoint(
            team=team_named(options["team"]),
            name=options["name"],
            endpoint=endpoint,
            card=options["card"],
            prompt=read_template(options["prompt"]).text if options["prompt"] else "",
        )
        return model_facts(model) | {"endpoint": dict(endpoint_facts(model))}

    def describe(self, report: dict[str, Any]) -> str:
        return f"Registered {report['name']}: {report['endpoint']['Address']}."

"""The rules of a release on the command line: a flag for each, or a file, or both."""

from __future__ import annotations

import argparse
import json
import tomllib
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from annotations.derivation.rules import (
    Contested,
    DerivationRules,
    RaterKind,
    RulesError,
    rules_from_json,
)
from inference.errors import InvalidOptionsError

USUAL = DerivationRules()
CHOICES = ("evidence", "decision", "ties", "splitting")
NUMBERS: dict[str, tuple[type, str, str]] = {
    "margin": (float, "POINTS", "least difference of one rater's scores that counts"),
    "min_active_seconds": (float, "SECONDS", "leave out answers on items that took less"),
    "min_panel_agreement": (
        float,
        "SHARE",
        "leave out raters who gave fewer of the reference panel's answers",
    ),
    "min_votes": (int, "N", "fewest answers that decide a pair"),
    "min_agreement": (float, "SHARE", "least share of a pair's answers for the preferred one"),
    "safety_floor": (
        float,
        "POINTS",
        "lowest score on a safety criterion that bars nothing (default: middle of the scale)",
    ),
    "seed": (int, "N", "draws splits, and rows left out for length"),
}
SWITCHES = {
    "per_criterion": "a row for each criterion of a pair",
    "adjudicated_first": "what adjudication settled stands in for the answers it settled",
    "qualified_only": "only raters who passed the study's gate",
    "balance_length": "as many longer as shorter responses are preferred",
    "with_words": "release answers in words, notes on passages and comments",
}
LISTS = {
    "criteria": "only these (default: the overall choice where asked, otherwise all)",
    "safety_criteria": "criteria whose low scores bar a response",
}
NAMED = {
    "weights": "SLUG=WEIGHT: scores decide by their weighted mean",
    "shares": "SPLIT=SHARE of the sessions, summing to 1",
}


def add_rule_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("rules")
    group.add_argument(
        "--rules",
        metavar="FILE",
        type=Path,
        help="JSON or TOML with rules by name, as in a manifest; flags go before the file",
    )
    hints = get_type_hints(DerivationRules)
    for name in CHOICES:
        group.add_argument(_flag(name), choices=get_args(hints[name]), help=_usual(name))
    for name, (kind, metavar, text) in NUMBERS.items():
        group.add_argument(_flag(name), type=kind, metavar=metavar, help=f"{text}{_usual(name)}")
    for name, text in SWITCHES.items():
        group.add_argument(
            _flag(name), action=argparse.BooleanOptionalAction, default=None, help=text
        )
    for name, text in LISTS.items():
        group.add_argument(_flag(name), nargs="*", metavar="SLUG", help=text)
    for name, text in NAMED.items():
        group.add_argument(_flag(name), nargs="+", metavar="NAME=NUMBER", help=text)
    group.add_argument(
        "--rater-kinds", nargs="+", choices=get_args(RaterKind), help="whose answers count"
    )
    group.add_argument(
        "--keep", nargs="*", choices=get_args(Contested), help="contested pairs to keep"
    )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _usual(name: str) -> str:
    value = getattr(USUAL, name)
    return "" if value is None else f" (default: {value})"


def rules_of(options: Mapping[str, Any]) -> DerivationRules:
    values = _from_file(options["rules"]) if options.get("rules") else {}
    names = (*CHOICES, *NUMBERS, *SWITCHES, *LISTS, "rater_kinds", "keep")
    values |= {name: options[name] for name in names if options.get(name) is not None}
    values |= {name: _numbers(name, options[name]) for name in NAMED if options.get(name)}
    try:
        return rules_from_json(values)
    except RulesError as error:
        raise InvalidOptionsError(str(error)) from error


def _numbers(name: str, given: list[str]) -> list[list[Any]]:
    found: list[list[Any]] = []
    for text in given:
        key, _, value = text.partition("=")
        try:
            found.append([key, float(value)])
        except ValueError:
            raise InvalidOptionsError(
                f"{_flag(name)}: {text!r} is not NAME=NUMBER, as empathy=2."
            ) from None
    return found


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise InvalidOptionsError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidOptionsError(f"{path} is neither JSON nor TOML: {error}.") from error
    if not isinstance(values, dict):
        raise InvalidOptionsError(f"{path} must hold one object: rules by name.")
    return {name: _pairs(value) for name, value in values.items()}


def _pairs(value: Any) -> Any:
    """`weights = {empathy = 2}` says the same as a list of pairs."""
    return [list(pair) for pair in value.items()] if isinstance(value, dict) else value

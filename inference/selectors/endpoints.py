"""What is known of models behind addresses, read from their rows."""

from __future__ import annotations

from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any

from inference.contracts import Modality
from inference.endpoints import Endpoint, MediaPart
from inference.errors import CheckpointError
from inference.models import ModelVersion
from inference.selectors.run_options import ONLY_MODALITY
from mood_eval.models import Team

PRICES = ("prompt_price", "answer_price")
PART_NAMES: dict[MediaPart, str] = {
    "text": "words",
    "frames": "pictures from the clip",
    "audio": "sound of the clip",
}
NEEDED: dict[Modality, tuple[MediaPart, ...]] = {
    "av": ("frames", "audio"),
    "a": ("audio",),
    "v": ("frames",),
    "text": (),
}
"""What a model must take to be given a modality; the fullest first."""


def endpoint_as_json(endpoint: Endpoint) -> dict[str, Any]:
    given = asdict(endpoint)
    return given | {"takes": list(endpoint.takes)} | {name: str(given[name]) for name in PRICES}


def endpoint_from_row(model: ModelVersion) -> Endpoint:
    if model.kind != ModelVersion.Kind.ENDPOINT:
        raise CheckpointError(f"“{model}” is no model behind an address.")
    known = {field.name for field in fields(Endpoint)}
    given: dict[str, Any] = {k: v for k, v in model.config.items() if k in known}
    given["takes"] = tuple(given.get("takes", ("text",)))
    given |= {name: Decimal(given[name]) for name in PRICES if name in given}
    return Endpoint(**given)


def modalities_of(model: ModelVersion) -> tuple[Modality, ...]:
    """What it can be given, the fullest first."""
    if ONLY_MODALITY in model.config:
        return (model.config[ONLY_MODALITY],)
    if model.kind == ModelVersion.Kind.TEXT:
        return ("text",)
    if model.kind != ModelVersion.Kind.ENDPOINT:
        return tuple(NEEDED)
    takes = set(endpoint_from_row(model).takes)
    return tuple(modality for modality, parts in NEEDED.items() if takes.issuperset(parts))


def first_modality(team: Team, model: str) -> Modality:
    """The fullest that the model of this number can be given."""
    found = ModelVersion.objects.filter(team=team, pk=model) if model.isdecimal() else ()
    return next((modalities_of(row)[0] for row in found), "av")


def endpoint_facts(model: ModelVersion) -> list[tuple[str, str]]:
    """In words, for the model's page; empty for every other kind. Never a key."""
    if model.kind != ModelVersion.Kind.ENDPOINT:
        return []
    endpoint = endpoint_from_row(model)
    rate = endpoint.requests_per_minute
    return [
        ("Address", endpoint.url),
        ("Named there", endpoint.model),
        ("Key", f"from the variable {endpoint.key_variable}" if endpoint.key_variable else "none"),
        ("Takes", ", ".join(PART_NAMES[part] for part in endpoint.takes)),
        *([("Pictures a clip", str(endpoint.frames))] if "frames" in endpoint.takes else []),
        ("Questions at a time", str(endpoint.at_once)),
        ("Questions a minute", str(rate) if rate else "as many as are answered"),
        ("Price, read", price_words(endpoint.prompt_price, endpoint.currency)),
        ("Price, written", price_words(endpoint.answer_price, endpoint.currency)),
    ]


def price_words(price: Decimal, currency: str) -> str:
    if not price:
        return "nothing"
    return f"{price.normalize():f} {currency} a million tokens"

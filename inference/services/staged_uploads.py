"""Files that somebody uploaded and has not confirmed yet: kept for a day, for them alone."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from inference.errors import DomainError
from mood_eval.models import User

FOLDER = "uploads"
KEPT_SECONDS = 24 * 3600
TOKEN = re.compile(r"[0-9a-f]{32}")


class UploadGoneError(DomainError):
    """What was uploaded is no longer there."""


def stage_uploads(files: Iterable[UploadedFile[Any]], user: User) -> str:
    """The token by which the same person finds them again. Removes what was left for a day."""
    root: Path = settings.VAR / FOLDER
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(root)
    token = uuid.uuid4().hex
    folder = _folder(token, user)
    for file in files:
        target = _free_place(folder, Path(file.name or "file").name)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with target.open("wb") as copy:
            for chunk in file.chunks():
                copy.write(chunk)
    return token


def staged_uploads(token: str, user: User) -> Sequence[Path]:
    folder = _folder(token, user) if TOKEN.fullmatch(token) else None
    if folder is None or not folder.is_dir():
        raise UploadGoneError("The files are no longer here. Choose them again.")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def drop_uploads(token: str, user: User) -> None:
    if TOKEN.fullmatch(token):
        shutil.rmtree(_folder(token, user), ignore_errors=True)


def _folder(token: str, user: User) -> Path:
    return Path(settings.VAR / FOLDER) / f"{user.pk}-{token}"


def _free_place(folder: Path, name: str) -> Path:
    """Files of one name, such as the states of several raters, lie in folders of their own."""
    number = 0
    while (folder / str(number) / name).exists():
        number += 1
    return folder / str(number) / name


def _sweep(root: Path) -> None:
    oldest = time.time() - KEPT_SECONDS
    for left in root.iterdir():
        if left.is_dir() and left.stat().st_mtime < oldest:
            shutil.rmtree(left, ignore_errors=True)

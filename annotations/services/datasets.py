"""Immutable releases of preference pairs."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotations.answers import OVERALL
from annotations.exports.preference_release import write_release
from annotations.models import Criterion, PreferenceDataset, Study
from annotations.preferences import STEPS, Derivation, derive_pairs
from annotations.selectors.preference_answers import exclusions_of, study_choices, study_scores
from annotations.selectors.release_contents import ReleaseRows, manifest_of, release_rows
from inference.errors import (
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    UnknownNameError,
    WrongStateError,
)
from inference.preference_files import (
    MANIFEST_FILE,
    PAIRS_FILE,
    PreferenceFileError,
    verify_release,
)
from mood_eval.models import User

RELEASES = "releases"
DEFAULT_MARGIN = 2


class FolderTakenError(DomainError):
    pass


class ReleaseDamagedError(DomainError):
    """The files of a release are no longer what was released."""


def release_preferences(
    *,
    study: Study,
    out: Path | None = None,
    margin: int = DEFAULT_MARGIN,
    criteria: Collection[str] | None = None,
    user: User | None = None,
) -> PreferenceDataset:
    """The release of exactly these answers and filters; `out` receives a copy of its files."""
    dataset, _ = find_or_release(study=study, out=out, margin=margin, criteria=criteria, user=user)
    return dataset


def find_or_release(
    *,
    study: Study,
    out: Path | None = None,
    margin: int = DEFAULT_MARGIN,
    criteria: Collection[str] | None = None,
    user: User | None = None,
) -> tuple[PreferenceDataset, bool]:
    """And whether it was made now; equal answers and filters lead to the existing one."""
    check_options(study, margin, criteria)
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if study.state == Study.State.DRAFT:
            raise WrongStateError("The study is a draft: nobody has rated anything yet.")
        dataset, created = _release(study, margin, criteria, user)
    if out is not None:
        copy_release(dataset, out)
    return dataset, created


def check_options(study: Study, margin: int, criteria: Collection[str] | None) -> None:
    if margin < 1:
        raise InvalidOptionsError(f"The margin must be at least 1 point, not {margin}.")
    known = set(
        Criterion.objects.filter(instrument__parts__study=study).values_list("slug", flat=True)
    ) | {OVERALL}
    unknown = sorted(set(criteria or ()) - known)
    if unknown:
        raise UnknownNameError(
            f"The study has no criterion {', '.join(unknown)}. Its criteria: "
            f"{', '.join(sorted(known))}."
        )


def _release(
    study: Study, margin: int, criteria: Collection[str] | None, user: User | None
) -> tuple[PreferenceDataset, bool]:
    derivation = derive_pairs(
        study_choices(study, criteria), study_scores(study, criteria), margin, exclusions_of(study)
    )
    if not derivation.pairs:
        raise NothingSelectedError(_why_nothing(derivation, margin))
    rows = release_rows(study, derivation.pairs)
    staging = settings.VAR / RELEASES / f".{uuid.uuid4().hex}"
    staging.mkdir(parents=True)
    try:
        manifest = write_release(
            staging, rows.pairs, rows.clip_sha256, manifest_of(study, derivation, margin, criteria)
        )
        existing = _same_release(study, manifest)
        if existing is not None:
            release_folder(existing)
            return existing, False
        return _keep(study, staging, manifest, rows, user), True
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _why_nothing(derivation: Derivation, margin: int) -> str:
    counted = [f"{label}: {derivation.counts[name]}" for name, label in STEPS.items()]
    steps = "; ".join(line for line in counted if not line.endswith(": 0")) or "no answers"
    return f"No preference pair comes out of the answers with a margin of {margin}. {steps}."


def _same_release(study: Study, manifest: dict[str, Any]) -> PreferenceDataset | None:
    same = PreferenceDataset.objects.filter(study=study, sha256=manifest["files"][PAIRS_FILE])
    return next((dataset for dataset in same if dataset.manifest == manifest), None)


def _keep(
    study: Study, staging: Path, manifest: dict[str, Any], rows: ReleaseRows, user: User | None
) -> PreferenceDataset:
    latest = PreferenceDataset.objects.filter(study=study).order_by("-version").first()
    version = latest.version + 1 if latest else 1
    folder = Path(RELEASES) / f"study-{study.pk}" / f"release-{version}"
    target = settings.VAR / folder
    # Left by a release that was interrupted before its row was committed: nothing refers to it.
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging.rename(target)
    return PreferenceDataset.objects.create(
        team_id=study.team_id,
        study=study,
        version=version,
        folder=folder.as_posix(),
        sha256=manifest["files"][PAIRS_FILE],
        rows=len(rows.pairs),
        manifest=manifest,
        created_by=user,
    )


def release_folder(dataset: PreferenceDataset) -> Path:
    """The folder, once its files are proved to be the released ones."""
    folder: Path = settings.VAR / dataset.folder
    try:
        manifest = verify_release(folder)
    except PreferenceFileError as error:
        raise ReleaseDamagedError(f"Release {dataset.version} cannot be used. {error}") from error
    if manifest != dataset.manifest:
        raise ReleaseDamagedError(f"{folder / MANIFEST_FILE} was changed after its release.")
    return folder


def copy_release(dataset: PreferenceDataset, out: Path) -> None:
    """Into a new or empty folder, or one that already holds this release."""
    source = release_folder(dataset)
    names = {file.name for file in source.iterdir()}
    if out.is_dir() and {file.name for file in out.iterdir()} == names:
        if all((out / name).read_bytes() == (source / name).read_bytes() for name in names):
            return
        raise FolderTakenError(f"{out} holds another release. Name a new folder.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FolderTakenError(f"{out} is not empty. Name a new folder.")
    out.mkdir(parents=True, exist_ok=True)
    for name in sorted(names):
        shutil.copy(source / name, out / name)

"""Immutable releases of preferences: from a study by the rules named, or made elsewhere."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from annotations.answers import OVERALL
from annotations.derivation.rules import DerivationRules
from annotations.models import (
    Criterion,
    DatasetRater,
    DatasetSession,
    PreferenceDataset,
    Study,
    StudyRater,
)
from annotations.selectors.release_contents import Participation, submitted_by_rater
from annotations.services.erased import refuse_erased
from annotations.services.release_staging import (
    RELEASES,
    STAGES,
    OnStage,
    StagedRelease,
    put_in_place,
    stage_release,
    staging_folder,
)
from annotations.services.webhooks import Event, announce
from inference.errors import DomainError, UnknownNameError, WrongStateError
from inference.preference_files import (
    MANIFEST_FILE,
    PAIRS_FILE,
    PreferenceFileError,
    verify_release,
)
from mood_eval.models import Team, User

T = TypeVar("T")
TRIES = 5
"""Of a release during which raters took back their consent."""
DEFAULT_RULES = DerivationRules()


class FolderTakenError(DomainError):
    pass


class ReleaseDamagedError(DomainError):
    """The files of a release are no longer what was released."""


class ConsentChangedError(DomainError):
    """Somebody whose answers were being released took back the consent to it."""


def release_preferences(
    *,
    study: Study,
    rules: DerivationRules = DEFAULT_RULES,
    out: Path | None = None,
    user: User | None = None,
) -> PreferenceDataset:
    """The release of exactly these answers by these rules; `out` receives a copy of its files."""
    dataset, _ = find_or_release(study=study, rules=rules, out=out, user=user)
    return dataset


def find_or_release(
    *,
    study: Study,
    rules: DerivationRules = DEFAULT_RULES,
    out: Path | None = None,
    user: User | None = None,
) -> tuple[PreferenceDataset, bool]:
    """And whether it was made now; equal answers and rules lead to the existing one."""
    check_request(study, rules)
    dataset, created = make_release(study, rules, lambda staged: keep_release(study, staged, user))
    if out is not None:
        copy_release(dataset, out)
    return dataset, created


def check_request(study: Study, rules: DerivationRules) -> None:
    """What can be refused before any answer is read."""
    if study.state == Study.State.DRAFT:
        raise WrongStateError("The study is a draft: nobody has rated anything yet.")
    known = set(
        Criterion.objects.filter(instrument__parts__study=study).values_list("slug", flat=True)
    )
    safety = rules.safety_criteria
    for name, asked, valid in (
        ("criteria", set(rules.criteria or ()), known | {OVERALL}),
        ("weights", {slug for slug, _ in rules.weights}, known),
        # Nobody named what is usual: where a study does not ask it, the manifest says so.
        ("safety_criteria", set() if safety == DEFAULT_RULES.safety_criteria else {*safety}, known),
    ):
        if unknown := sorted(asked - valid):
            raise UnknownNameError(
                f"{name}: the study has no criterion {', '.join(unknown)}. Its criteria: "
                f"{', '.join(sorted(valid))}."
            )


def make_release(
    study: Study,
    rules: DerivationRules,
    keep: Callable[[StagedRelease], T],
    on_stage: OnStage = lambda number: None,
) -> T:
    """What `keep` makes of the release once it is written, which is done again where `keep` finds
    that consent to it was taken back meanwhile."""
    for tries_left in reversed(range(TRIES)):
        with staging_folder() as folder:
            staged = stage_release(study, rules, folder, on_stage)
            on_stage(len(STAGES) - 1)
            try:
                return keep(staged)
            except ConsentChangedError:
                if not tries_left:
                    raise
    raise AssertionError  # the last try returns or raises


@transaction.atomic
def keep_release(
    study: Study, staged: StagedRelease, user: User | None
) -> tuple[PreferenceDataset, bool]:
    """Makes the row, unless the same release is there already.

    Withdrawals lock the study too: they come either before, and are seen here, or after, and find
    the release to mark.
    """
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    check_consent(study, staged.participation)
    existing = _same_release(study, staged.manifest)
    if existing is not None:
        release_folder(existing)
        return existing, False
    dataset = store_dataset(
        team=study.team,
        staging=staged.folder,
        manifest=staged.manifest,
        rows=staged.rows,
        study=study,
        user=user,
    )
    DatasetSession.objects.bulk_create(
        DatasetSession(dataset=dataset, session_id=pk)
        for pk in sorted(staged.participation.sessions)
    )
    DatasetRater.objects.bulk_create(
        DatasetRater(dataset=dataset, rater_id=pk, submitted=n)
        for pk, n in sorted(staged.participation.submitted.items())
    )
    return dataset, True


def check_consent(study: Study, participation: Participation) -> None:
    """Nobody whose answers are in the release has taken any of them back meanwhile, and nobody does
    before the end of the transaction. The study is locked by the caller, before the raters."""
    raters = StudyRater.objects.filter(pk__in=participation.submitted).order_by("pk")
    list(raters.select_for_update(no_key=True).values_list("pk", flat=True))
    now = submitted_by_rater(study)
    if any(now.get(rater, -1) < n for rater, n in participation.submitted.items()):
        raise ConsentChangedError(
            "While the release was made, raters took back their answers or their consent. Release "
            "again: what is left is then in it."
        )


def _same_release(study: Study, manifest: dict[str, Any]) -> PreferenceDataset | None:
    same = PreferenceDataset.objects.filter(
        study=study, sha256=manifest["files"][PAIRS_FILE], erasure=None
    )
    return next((dataset for dataset in same if dataset.manifest == manifest), None)


@transaction.atomic
def store_dataset(
    *,
    team: Team,
    staging: Path,
    manifest: dict[str, Any],
    rows: int,
    study: Study | None = None,
    name: str = "",
    user: User | None = None,
) -> PreferenceDataset:
    """Puts a sealed folder in its place, as the next release of the study or of the name.

    `manifest` is what `seal_release` returned; `rows` are its pairs. Without a study the dataset
    was made elsewhere, and `name` says what it is called.
    """
    if study is not None:
        Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    else:
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
    earlier = PreferenceDataset.objects.filter(team=team, study=study, name=name)
    version = (earlier.aggregate(Max("version"))["version__max"] or 0) + 1
    # Two workers that take themselves for the next one have folders of their own.
    folder = _folder(team, study, name) / f"release-{version}-{secrets.token_hex(4)}"
    put_in_place(staging, folder)
    dataset = PreferenceDataset.objects.create(
        team=team,
        study=study,
        name=name,
        version=version,
        folder=folder.as_posix(),
        sha256=manifest["files"][PAIRS_FILE],
        rows=rows,
        manifest=manifest,
        created_by=user,
    )
    if study is not None:
        facts = {"dataset": dataset.pk, "version": version, "rows": rows}
        announce(Event.DATASET_RELEASED, study, **facts, sha256=dataset.sha256)
    return dataset


def _folder(team: Team, study: Study | None, name: str) -> Path:
    """Relative to VAR. A name may hold anything, so its folder is called by its hash."""
    if study is not None:
        return Path(RELEASES) / f"study-{study.pk}"
    called = hashlib.sha256(name.encode()).hexdigest()[:16]
    return Path(RELEASES) / f"team-{team.pk}" / f"imported-{called}"


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
    """Into a new or empty folder, or one that already holds this release. Refused once answers in
    it were erased."""
    refuse_erased(dataset)
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

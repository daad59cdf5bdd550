"""A release being written: a folder of its own, one view of the data, step by step."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.db import connection

from annotations.derivation.derive import derive
from annotations.derivation.outcome import Derivation
from annotations.derivation.rules import TRAIN, DerivationRules
from annotations.derivation.steps import counted_steps
from annotations.exports.preference_release import (
    write_account,
    write_answers,
    write_material,
    write_preferences,
)
from annotations.exports.tables.columns import COLUMNS
from annotations.models import PreferenceDataset, Study
from annotations.selectors.answer_batches import one_snapshot
from annotations.selectors.answer_writing import CODES
from annotations.selectors.evidence import study_evidence
from annotations.selectors.release_contents import (
    Participation,
    ReleaseContents,
    criteria_of_study,
    manifest_of,
    participation_of,
    release_contents,
    released_answers,
)
from inference.errors import NothingSelectedError

RELEASES = "releases"
STAGING = ".staging"
PLACE_FILE = "place"
SETTLED_AFTER = 3600
"""Seconds after which no transaction of a dead process is open any more."""
STAGES = (
    "Reading the answers",
    "Deriving pairs by the rules",
    "Writing client turns and responses",
    "Writing comparisons and pairs",
    "Writing every answer",
    "Writing codebook, card and manifest",
    "Putting the release in its place",
)
OnStage = Callable[[int], None]
"""Told the number of the stage that begins, from 0; may end the work by raising."""


@dataclass(frozen=True)
class StagedRelease:
    folder: Path
    manifest: dict[str, Any]
    rows: int
    participation: Participation


def stage_release(
    study: Study, rules: DerivationRules, folder: Path, on_stage: OnStage
) -> StagedRelease:
    """Writes the whole release into the folder, from the answers as they are at one moment."""
    told_outside = connection.in_atomic_block
    with one_snapshot():
        tell = on_stage if told_outside else _from_another_connection(on_stage)
        tell(0)
        evidence = study_evidence(study, rules)
        tell(1)
        derivation = derive(evidence, rules)
        check_derivation(derivation, rules)
        contents = release_contents(study, rules, evidence, derivation)
        tell(2)
        write_material(folder, contents)
        tell(3)
        write_preferences(folder, contents)
        tell(4)
        answers = write_answers(folder, released_answers(study, rules))
        tell(5)
        manifest = _write_account(contents, answers, folder)
        participation = participation_of(study, contents.material.stimuli)
        return StagedRelease(folder, manifest, len(derivation.pairs), participation)


def _write_account(contents: ReleaseContents, answers: int, folder: Path) -> dict[str, Any]:
    manifest = manifest_of(contents)
    manifest["rows"]["answers"] = answers
    return write_account(folder, manifest, COLUMNS, CODES, criteria_of_study(contents.study))


def check_derivation(derivation: Derivation, rules: DerivationRules) -> None:
    """Refuses a release that nobody could train on."""
    counted = counted_steps(derivation.counts)
    steps = "; ".join(f"{label}: {number}" for label, number in counted) or "no answers"
    if not derivation.pairs:
        raise NothingSelectedError(
            f"No preference pair comes out of the answers by these rules. {steps}. Change the "
            "rules, or wait for more answers."
        )
    if rules.splitting != "none" and not any(pair.split == TRAIN for pair in derivation.pairs):
        remedy = (
            f"Use another seed or other shares, one of them called “{TRAIN}”, or no splits"
            if rules.splitting == "seeded"
            else "Use seeded splits, or none"
        )
        raise NothingSelectedError(
            f"None of the {len(derivation.pairs)} pairs is in the split “{TRAIN}”: nothing could "
            f"be trained. {remedy}. {steps}."
        )


def _from_another_connection(on_stage: OnStage) -> OnStage:
    """The snapshot sees nothing that happens meanwhile, and nothing is written within it."""

    def tell(number: int) -> None:
        with ThreadPoolExecutor(1) as own:
            own.submit(_then_close, on_stage, number).result()

    return tell


def _then_close(on_stage: OnStage, number: int) -> None:
    try:
        on_stage(number)
    finally:
        connection.close()


@contextmanager
def staging_folder() -> Iterator[Path]:
    """An empty folder that goes at the end, unless it was moved; those that killed processes left
    go at the beginning."""
    root: Path = settings.VAR / RELEASES / STAGING
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        for left in root.iterdir():
            if left.is_dir():
                _remove_dead(left)
        own = Path(tempfile.mkdtemp(dir=root))
        lock = (own / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    moved_in_vain = False
    try:
        folder = own / "release"
        folder.mkdir()
        yield folder
    except BaseException:
        moved_in_vain = (own / PLACE_FILE).exists()
        raise
    finally:
        if not moved_in_vain:
            shutil.rmtree(own, ignore_errors=True)
        lock.close()


def put_in_place(staging: Path, folder: Path) -> None:
    """Moves the staged folder. Where it went (relative to VAR) is noted first, so that it is found
    and removed if no dataset comes of it."""
    (staging.parent / PLACE_FILE).write_text(folder.as_posix(), encoding="utf-8")
    target = settings.VAR / folder
    target.parent.mkdir(parents=True, exist_ok=True)
    staging.rename(target)


def _remove_dead(folder: Path) -> None:
    """A living process holds the lock of its folder."""
    with suppress(OSError), (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        place = folder / PLACE_FILE
        if place.exists():
            if time.time() - place.stat().st_mtime < SETTLED_AFTER:
                return
            _remove_unless_released(Path(place.read_text(encoding="utf-8")))
        shutil.rmtree(folder, ignore_errors=True)


def _remove_unless_released(folder: Path) -> None:
    if not PreferenceDataset.objects.filter(folder=folder.as_posix()).exists():
        shutil.rmtree(settings.VAR / folder, ignore_errors=True)


@contextmanager
def _alone(root: Path) -> Iterator[TextIO]:
    """So that nobody takes a folder for left behind before its owner has locked it."""
    with (root / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file

"""Copies of a release on this server are known by its rows, whatever was done to them since."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from annotations.derivation.rules import DerivationRules
from annotations.models import DatasetErasure, DatasetTraining, PreferenceDataset, Study
from annotations.selectors.follow_up import trainings_of
from annotations.selectors.lineage import erasures_behind
from annotations.services.dataset_imports import ImportRequest, import_dataset, preview_import
from annotations.services.datasets import copy_release, release_folder, release_preferences
from annotations.services.erased import ErasedReleaseError
from annotations.services.erasures import usable_release
from annotations.services.training import train_on_release
from annotations.services.withdrawal import withdraw
from inference.models import JobState, ModelVersion, TrainingRun
from inference.preference_files import MANIFEST_FILE
from mood_eval.models import Team

pytestmark = pytest.mark.django_db
WHOLE = DerivationRules(splitting="none")


@pytest.fixture
def release(compared_study: Study) -> PreferenceDataset:
    return release_preferences(study=compared_study, rules=WHOLE)


@pytest.fixture
def copy(release: PreferenceDataset, tmp_path: Path) -> Path:
    copy_release(release, tmp_path / "copy")
    return tmp_path / "copy"


def imported(team: Team, folder: Path, name: str = "A copy") -> PreferenceDataset:
    dataset, _ = import_dataset(
        team=team,
        paths=[folder],
        name=name,
        licence="CC BY 4.0",
        consent_declared=True,
        request=ImportRequest(rules=WHOLE),
    )
    return dataset


def erase(study: Study, pseudonym: str = "R1") -> None:
    withdraw(study.raters.select_related("study").get(pseudonym=pseudonym), erase=True)


def test_a_copy_of_an_erased_release_is_not_imported(
    compared_study: Study, copy: Path, team: Team
) -> None:
    assert preview_import([copy], ImportRequest(), team).pairs, "before, it could be"
    erase(compared_study)
    with pytest.raises(ErasedReleaseError, match="R1's answers in it were erased on"):
        imported(team, copy)
    with pytest.raises(ErasedReleaseError):
        preview_import([copy], ImportRequest(), team)
    assert PreferenceDataset.objects.count() == 1


def test_what_was_imported_from_it_is_marked_and_so_is_what_came_of_that(
    compared_study: Study, copy: Path, team: Team, tiny: ModelVersion
) -> None:
    first = imported(team, copy)
    second = imported(team, release_folder(first), "A copy of the copy")
    waiting, ended = (
        train_on_release(dataset=dataset, base=tiny, name=dataset.name)
        for dataset in (first, second)
    )
    ended.result = ModelVersion.objects.create(
        team=team, name="taught", kind=tiny.kind, path=tiny.path, parent=tiny
    )
    ended.state = JobState.DONE
    ended.save()
    erase(compared_study)
    marks = DatasetErasure.objects.filter(dataset__study=None)
    assert {(mark.dataset_id, mark.job_id) for mark in marks} == {
        (first.pk, None),
        (second.pk, None),
    }
    words = "in the release that it was imported from were erased on .*; import the release"
    with pytest.raises(ErasedReleaseError, match=words):
        usable_release(first)
    waiting.refresh_from_db()
    assert waiting.state == JobState.CANCELLED
    assert [behind.dataset for behind in erasures_behind(ended.result)] == [second]
    erase(compared_study, "R2")
    assert DatasetErasure.objects.get(dataset=first).pseudonyms == ["R1", "R2"]


def test_datasets_that_come_from_elsewhere_are_left_alone(
    compared_study: Study, release: PreferenceDataset, team: Team, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.jsonl"
    reply = {"chosen": [{"role": "assistant", "content": "I hear you."}]}
    prompt = {"prompt": [{"role": "user", "content": "I could not sleep."}]}
    wrong = {"rejected": [{"role": "assistant", "content": "Try to relax."}]}
    file.write_text(json.dumps({**prompt, **reply, **wrong}) + "\n")
    other = imported(team, file)
    erase(compared_study)
    assert DatasetErasure.objects.get().dataset == release
    assert usable_release(other).is_dir()


def test_a_training_on_a_copy_with_another_manifest_is_one_on_the_release(
    compared_study: Study, release: PreferenceDataset, copy: Path, tiny: ModelVersion
) -> None:
    manifest = copy / MANIFEST_FILE
    manifest.chmod(0o644)
    manifest.write_text(json.dumps({**release.manifest, "study": {"name": "Another"}}))
    call_command("train", "dpo", f"--dataset={copy}", "--base=tiny", stdout=StringIO())
    run = TrainingRun.objects.get()
    assert DatasetTraining.objects.get(training_run=run).dataset == release
    assert trainings_of(release) == [run]
    erase(compared_study)
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED

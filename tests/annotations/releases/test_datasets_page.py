"""What docs/datasets.md says holds: its examples run, and it names every file, field and rule."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from annotations.derivation.rules import DerivationRules
from annotations.models import PreferenceDataset
from annotations.services.datasets import release_folder
from inference.preference_files import (
    COMPARISONS_FILE,
    PAIRS_FILE,
    RELEASE_FILES,
    RESPONSES_FILE,
    STIMULI_FILE,
)
from tests.annotations.releases.conftest import rows_of
from tests.processes import PROJECT

PAGE = (PROJECT / "docs" / "datasets.md").read_text(encoding="utf-8")
ROW_FILES = (PAIRS_FILE, COMPARISONS_FILE, RESPONSES_FILE, STIMULI_FILE)


def example(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


def has_jsonlite() -> bool:
    if shutil.which("Rscript") is None:
        return False
    asked = subprocess.run(["Rscript", "-e", "library(jsonlite)"], capture_output=True)
    return asked.returncode == 0


@pytest.mark.django_db
def test_the_python_example_runs(
    split_release: PreferenceDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path))
    names: dict[str, Any] = {"folder": release_folder(split_release)}
    exec(compile(example("python"), "docs/datasets.md", "exec"), names)  # noqa: S102
    out = capsys.readouterr().out
    assert "15 pairs by 2 raters" in out
    assert "Lower is better: ['coldness']" in out
    in_train = split_release.manifest["splits"]["train"]["pairs"]
    assert len(names["train"]) == in_train
    assert len(names["by_hand"]) == 15
    assert names["means"].loc[("empathy", "kind"), "mean"] == 7.5
    assert names["means"].loc[("empathy", "kind"), "count"] == 4


@pytest.mark.django_db
def test_the_r_example_runs(split_release: PreferenceDataset) -> None:
    if not has_jsonlite():
        pytest.skip("R with jsonlite is not installed")
    code = f'folder <- "{release_folder(split_release)}"\n{example("r")}\nprint(dim(ratings))\n'
    ran = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "4 2" in ran.stdout


def test_every_file_and_rule_is_explained() -> None:
    for name in (*RELEASE_FILES, *(field.name for field in fields(DerivationRules))):
        assert f"`{name}`" in PAGE, name


@pytest.mark.django_db
def test_every_field_of_every_row_and_of_the_manifest_is_named(
    split_release: PreferenceDataset,
) -> None:
    found = {field for name in ROW_FILES for field in rows_of(split_release, name)[0]}
    found |= set(rows_of(split_release, PAIRS_FILE)[0]["meta"])
    found |= set(split_release.manifest)
    assert not [name for name in sorted(found) if f"`{name}`" not in PAGE]

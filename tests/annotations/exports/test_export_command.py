"""A real release of a study, from the command line to what its readers make of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from annotations.exports.formats import FORMATS
from annotations.models import DatasetErasure, PreferenceDataset, Study
from annotations.services.datasets import release_folder, release_preferences
from inference.management.base import Refused
from inference.models import Corpus
from inference.preference_files import read_rows
from tests.annotations.exports.downloads import JSON_LINES, json_rows
from tests.answered_studies import (
    CLEARLY_FIRST,
    CLEARLY_SECOND,
    add_item,
    add_part,
    choose,
    flag_harm,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """Six client turns: two replies compared, and one of them scored; one of them flagged."""
    shutil.rmtree(settings.VAR / "releases", ignore_errors=True)
    team = make_team()
    corpus = make_corpus_with_dialogues(team, 2, clips=True)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("kind", "curt")]
    study = make_study(team, runs)
    pairs = add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    scores = add_part(study, "absolute", make_instrument("scores"))
    rater = study.raters.order_by("pseudonym")[0]
    for number, (stimulus, both) in enumerate(responses_by_stimulus(runs)):
        item = add_item(pairs, stimulus, both)
        given = choose(item, rater, CLEARLY_SECOND if number == 1 else CLEARLY_FIRST)
        if number == 0:
            flag_harm(given, both[0])
        score(add_item(scores, stimulus, both[:1]), rater, {"empathy": 5 + number})
    return study


@pytest.fixture
def dataset(study: Study) -> PreferenceDataset:
    return release_preferences(study=study)


def export(*arguments: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("export_preferences", *map(str, arguments), "--json", stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"webdataset"}))
def test_a_release_leaves_in_every_format(
    dataset: PreferenceDataset, tmp_path: Path, name: str
) -> None:
    report = export(dataset.pk, "--format", name, "--out", tmp_path / "new" / "file")
    data = (tmp_path / "new" / "file").read_bytes()
    assert report["sha256"] == hashlib.sha256(data).hexdigest()
    rows = sum(report["rows"].values())
    assert rows > 0
    if name in JSON_LINES:
        assert len(json_rows(data)) == rows
    else:
        with zipfile.ZipFile(tmp_path / "new" / "file") as archive:
            assert json.loads(archive.read("export.json"))["rows"] == report["rows"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_what_is_exported_is_what_was_released(dataset: PreferenceDataset, tmp_path: Path) -> None:
    folder = release_folder(dataset)
    report = export(dataset.pk, "--format", "trl-preference", "--out", tmp_path)
    rows = {row["pair_id"]: row for row in json_rows(Path(report["file"]).read_bytes())}
    released = {row["pair_id"]: row for row in read_rows(folder / "pairs.jsonl")}
    assert set(rows) == set(released)
    for name, row in rows.items():
        pair = released[name]
        assert row["chosen"] == [{"role": "assistant", "content": pair["chosen"]["text"]}]
        assert row["prompt"][-1]["content"] == "\n".join(
            turn["text"] for turn in pair["stimulus"]["client_turns"]
        )
        assert (row["split"], row["group"]) == (pair["split"], pair["group"])


def test_a_flagged_reply_is_a_reference_or_target_nowhere(
    dataset: PreferenceDataset, tmp_path: Path
) -> None:
    responses = list(read_rows(release_folder(dataset) / "responses.jsonl"))
    flagged = {str(row["response_id"]) for row in responses if row["barred_by"]}
    assert len(flagged) == 1
    report = export(dataset.pk, "--format", "sft", "--out", tmp_path)
    taught = {row["response_id"] for row in json_rows(Path(report["file"]).read_bytes())}
    assert taught
    assert not taught & flagged


def test_the_parquet_folder_of_a_release_loads_with_every_table(
    dataset: PreferenceDataset, tmp_path: Path
) -> None:
    from datasets import load_dataset

    report = export(dataset.pk, "--format", "parquet", "--out", tmp_path)
    place = tmp_path / "folder"
    shutil.unpack_archive(report["file"], place)
    folder = release_folder(dataset)
    for table, file in (
        ("preferences", "pairs.jsonl"),
        ("comparisons", "comparisons.jsonl"),
        ("responses", "responses.jsonl"),
        ("answers", "answers.jsonl"),
    ):
        parts = load_dataset(str(place), table, cache_dir=str(tmp_path / "cache"))
        rows = [row for part in parts.values() for row in part]
        assert len(rows) == sum(1 for _ in read_rows(folder / file)), table
    scored = [row["score"] for row in rows if row["question"] == "empathy"]
    assert sorted(scored) == [5.0, 6.0, 7.0, 8.0, 9.0, 10.0]


def test_clips_leave_once_a_right_to_pass_them_on_is_recorded(
    dataset: PreferenceDataset, tmp_path: Path
) -> None:
    asked = (dataset.pk, "--format", "webdataset", "--out", tmp_path / "shards.zip")
    with pytest.raises(Refused, match="nobody recorded a right"):
        export(*asked)
    assert not list(tmp_path.iterdir())
    Corpus.objects.update(media_rights="Its authors, by letter of 3 May 2026")
    export(*asked)
    with zipfile.ZipFile(tmp_path / "shards.zip") as archive:
        assert [name for name in archive.namelist() if name.endswith(".tar")]


def test_a_release_is_found_by_the_name_of_its_study(
    dataset: PreferenceDataset, tmp_path: Path
) -> None:
    asked = ("First study", "--format", "sft", "--out", tmp_path)
    assert export(*asked)["dataset"] == dataset.pk
    with pytest.raises(Refused, match="is there already"):
        export(*asked, "--release", 1)
    with pytest.raises(Refused, match=r"no release 2 of “First study”.*First study, release 1"):
        export(*asked, "--release", 2)


def test_a_release_with_erased_answers_is_not_exported(
    dataset: PreferenceDataset, tmp_path: Path
) -> None:
    DatasetErasure.objects.create(dataset=dataset, pseudonyms=["R1"])
    with pytest.raises(Refused, match="Release 1 is no longer used"):
        export(dataset.pk, "--format", "sft", "--out", tmp_path)


def test_the_report_says_what_was_left_out(dataset: PreferenceDataset, tmp_path: Path) -> None:
    out = StringIO()
    call_command(
        "export_preferences", str(dataset.pk), "--format=sft", f"--out={tmp_path}", stdout=out
    )
    assert "release 1 as sft, sha256" in out.getvalue()
    assert "Left out: " in out.getvalue()
    assert "never preferred to another reply." in out.getvalue()

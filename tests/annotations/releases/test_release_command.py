"""release_preferences: each rule as a flag, or in a file, and what it reports."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from annotations.derivation.rules import DerivationRules
from annotations.models import PreferenceDataset, Study
from inference.preference_files import RELEASE_FILES, sha256_file, verify_release

pytestmark = pytest.mark.django_db

EVERY_RULE = DerivationRules(
    evidence="both",
    criteria=("empathy", "coldness", "overall"),
    per_criterion=True,
    margin=1.5,
    decision="unanimous",
    ties="kept",
    adjudicated_first=False,
    rater_kinds=("person", "llm"),
    qualified_only=True,
    min_votes=2,
    min_agreement=0.75,
    min_panel_agreement=0.5,
    safety_criteria=("coldness",),
    safety_floor=1.0,
    keep=("cycle", "truncated"),
    balance_length=False,
    shares=(("train", 0.9), ("test", 0.1)),
    seed=3,
    with_words=True,
)
FLAGS = [
    "--evidence",
    "both",
    "--criteria",
    "empathy",
    "coldness",
    "overall",
    "--per-criterion",
    "--margin",
    "1.5",
    "--decision",
    "unanimous",
    "--ties",
    "kept",
    "--no-adjudicated-first",
    "--rater-kinds",
    "person",
    "llm",
    "--qualified-only",
    "--min-votes",
    "2",
    "--min-agreement",
    "0.75",
    "--min-panel-agreement",
    "0.5",
    "--safety-criteria",
    "coldness",
    "--safety-floor",
    "1",
    "--keep",
    "cycle",
    "truncated",
    "--no-balance-length",
    "--shares",
    "train=0.9",
    "test=0.1",
    "--seed",
    "3",
    "--with-words",
]


def released(study: Study, folder: Path, *options: str) -> dict[str, Any]:
    out = StringIO()
    call_command(
        "release_preferences", study.name, "--out", str(folder), "--json", *options, stdout=out
    )
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_it_copies_the_release_and_reports_its_counts(study: Study, tmp_path: Path) -> None:
    report = released(study, tmp_path / "one")
    assert (report["created"], report["rows"]) == (True, 15)
    assert report["counts"]["preference_decided"] == 15
    assert set(report["barred"]) == {"harmful", "unacceptable", "below_floor", "empty"}
    assert report["splits"]["train"]["pairs"] > 0
    assert {file.name for file in (tmp_path / "one").iterdir()} == set(RELEASE_FILES)
    assert sha256_file(tmp_path / "one" / "pairs.jsonl") == report["sha256"]
    verify_release(tmp_path / "one")
    out = StringIO()
    call_command("release_preferences", study.name, f"--out={tmp_path / 'two'}", stdout=out)
    assert "Nothing has changed since release 1; it was copied" in out.getvalue()
    assert "  Choices: decided: 15" in out.getvalue()
    assert "  Split train: " in out.getvalue()
    for name in RELEASE_FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_every_rule_has_a_flag(study: Study, tmp_path: Path) -> None:
    released(study, tmp_path / "one", *FLAGS)
    assert PreferenceDataset.objects.get().manifest["rules"] == EVERY_RULE.as_json()


@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_rules_stand_in_a_file_and_a_flag_overrides_it(
    study: Study, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"rules.{suffix}"
    if suffix == "json":
        file.write_text(json.dumps(EVERY_RULE.as_json()))
    else:
        file.write_text(
            "margin = 3.0\nweights = {empathy = 2, coldness = 1.0}\ncriteria = ['overall']\n"
        )
    released(study, tmp_path / "one", "--rules", str(file), "--seed", "9", "--margin", "1.5")
    rules = PreferenceDataset.objects.get().manifest["rules"]
    assert (rules["seed"], rules["margin"]) == (9, 1.5)
    if suffix == "json":
        assert rules == {**EVERY_RULE.as_json(), "seed": 9}
    else:
        assert rules["weights"] == [["empathy", 2], ["coldness", 1.0]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--margin", "0"], "margin: must lie above 0"),
        (["--weights", "empathy"], "--weights: 'empathy' is not NAME=NUMBER"),
        (["--shares", "train=0.5"], "shares: must sum to 1"),
        (["--criteria", "warmth"], "criteria: the study has no criterion warmth"),
        (["--rules", "nowhere.json"], r"nowhere\.json cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_rule_and_the_remedy(
    study: Study, tmp_path: Path, options: list[str], words: str
) -> None:
    with pytest.raises(CommandError, match=words) as refusal:
        released(study, tmp_path / "one", *options)
    assert refusal.value.returncode == 1
    assert not PreferenceDataset.objects.exists()
    assert not (tmp_path / "one").exists()


def test_a_file_of_rules_with_an_unknown_one_is_refused(study: Study, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("margins = 2\n")
    with pytest.raises(CommandError, match=r"margins: no such rule\. Known: adjudicated_first"):
        released(study, tmp_path / "one", "--rules", str(file))
    file.write_text("margin = \n")
    with pytest.raises(CommandError, match="neither JSON nor TOML"):
        released(study, tmp_path / "one", "--rules", str(file))


def test_a_study_that_is_not_there_is_named(study: Study, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing") as refusal:
        call_command("release_preferences", "Nothing", f"--out={tmp_path / 'c'}")
    assert refusal.value.returncode == 1

"""The card as people and the Hugging Face hub read it, and the files its front matter names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import DatasetCard

from annotations.derivation.rules import DerivationRules
from annotations.models import Instrument, PreferenceDataset, Study
from annotations.services.datasets import release_folder, release_preferences
from inference.models import Corpus, ModelVersion
from inference.preference_files import CARD_FILE, PAIRS_FILE, sha256_file
from tests.annotations.releases.conftest import SPLIT
from tests.factories import make_model_version

pytestmark = pytest.mark.django_db


def card_of(dataset: PreferenceDataset) -> str:
    return (release_folder(dataset) / CARD_FILE).read_text(encoding="utf-8")


def test_the_hub_reads_the_front_matter(split_release: PreferenceDataset) -> None:
    card = DatasetCard.load(release_folder(split_release) / CARD_FILE)
    data = card.data.to_dict()
    assert data["license"] == "other"
    assert data["license_name"] == "CC0-1.0"
    assert "language" not in data
    assert data["size_categories"] == ["n<1K"]
    assert data["task_categories"] == ["text-generation"]
    configs = {config["config_name"]: config["data_files"] for config in data["configs"]}
    assert configs["pairs"] == [{"split": "rows", "path": PAIRS_FILE}]
    assert card.text.lstrip().startswith("# Preferences from “First study”")


@pytest.mark.parametrize("config", ["pairs", "comparisons", "responses", "stimuli"])
def test_the_files_load_under_the_names_of_the_front_matter(
    split_release: PreferenceDataset, tmp_path: Path, config: str
) -> None:
    from datasets import load_dataset

    folder = str(release_folder(split_release))
    loaded: Any = load_dataset(folder, config, split="rows", cache_dir=str(tmp_path))
    assert len(loaded) == split_release.manifest["rows"][config] >= 15
    assert set(loaded["split"]) == {"train", "validation", "test"}


def test_quotes_and_colons_in_names_leave_the_front_matter_readable(study: Study) -> None:
    study.name = 'Warmth: "kind" & {curt} — Ünï'
    study.save(update_fields=["name"])
    Corpus.objects.update(licence="CC BY-NC 4.0: research # only")
    card = card_of(release_preferences(study=study, rules=SPLIT))
    fields = yaml.safe_load(card.split("---")[1])
    assert fields["pretty_name"] == f"Preferences from “{study.name}”"
    assert fields["license_name"] == "CC BY-NC 4.0: research # only"


def test_the_card_says_in_plain_words_what_a_reader_must_know(study: Study) -> None:
    parent = make_model_version(study.team, "first", weights_sha256="a" * 64)
    ModelVersion.objects.filter(name="kind").update(parent=parent, weights_sha256="b" * 64)
    Corpus.objects.update(citation="Sutton (2024).", media_rights="The producers, by contract.")
    dataset = release_preferences(study=study, rules=SPLIT)
    card = card_of(dataset)
    for words in (
        "15 pairs of replies to the same client turn",
        "2 of the 3 raters who answered agreed that models are trained",
        "Do not publish this dataset",
        "comments and answers in words are left out",
        "More than half of the votes decide, ties counting as votes.",
        "| Choices: tied | 3 |",
        "| flagged as harmful by anybody | 0 |",
        "| train | 4 | 24 |",
        "a loss may count the tokens of the response text and nothing else",
        "kind (imported), weights sha256 " + "b" * 64 + ". Trained from first.",
        "Small corpus: CC0-1.0. Sutton (2024). Its clips may be passed on: The producers",
        "no validated scale. MultiMood's trustworthiness criteria are not one.",
        "no diagnoses",
        f"| `{PAIRS_FILE}` | `{dataset.sha256}` |",
    ):
        assert words in card, words
    assert sha256_file(release_folder(dataset) / PAIRS_FILE) == dataset.sha256
    assert "## Leakage" not in card


@pytest.mark.parametrize(
    ("shown", "words"),
    [("beside", "the response alone (the default) or all four lines"), ("after", "do not speak")],
)
def test_the_card_says_what_a_loss_may_count(study: Study, shown: str, words: str) -> None:
    Study.objects.filter(pk=study.pk).update(response_fields=shown)
    study.refresh_from_db()
    dataset = release_preferences(study=study, rules=SPLIT)
    assert dataset.manifest["fields_shown"] == shown
    assert words in card_of(dataset)


def test_an_instruments_warning_stands_in_the_card(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(state="draft")
    Instrument.objects.filter(slug="scores").update(note="Not a validated scale.")
    Study.objects.filter(pk=study.pk).update(state="open")
    study.refresh_from_db()
    assert "Not a validated scale." in card_of(release_preferences(study=study, rules=SPLIT))


def test_without_splits_the_card_says_so(study: Study) -> None:
    dataset = release_preferences(study=study, rules=DerivationRules(splitting="none"))
    assert dataset.manifest["splits"] == {}
    assert "hold out whole sessions" in card_of(dataset)

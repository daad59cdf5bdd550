"""Splits that divide no session, what is said where the corpus's own do, and empty ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from annotations.derivation.rules import DerivationRules
from annotations.models import PreferenceDataset, Study
from annotations.selectors.release_contents.leakage import Placed, divided_sessions
from annotations.services.datasets import release_folder, release_preferences
from inference.errors import NothingSelectedError
from inference.models import Dialogue, Session
from inference.preference_files import COMPARISONS_FILE, PAIRS_FILE, RESPONSES_FILE, STIMULI_FILE
from tests.annotations.releases.conftest import SPLIT, rows_of

MESC = Path("/work/shared/data/mesc")
GROUPED = (PAIRS_FILE, COMPARISONS_FILE, RESPONSES_FILE, STIMULI_FILE)


def groups(rows: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Split -> its groups."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["split"], set()).add(row["group"])
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("name", GROUPED)
def test_no_session_is_in_two_splits(split_release: PreferenceDataset, name: str) -> None:
    found = groups(rows_of(split_release, name))
    assert set(found) == {"train", "validation", "test"}
    assert [len(found[split]) for split in ("train", "validation", "test")] == [4, 1, 1]
    assert len(set.union(*found.values())) == 6


@pytest.mark.django_db
def test_the_manifest_counts_groups_responses_and_pairs_of_each_split(
    split_release: PreferenceDataset,
) -> None:
    splits = split_release.manifest["splits"]
    assert {name: its["groups"] for name, its in splits.items()} == {
        "train": 4,
        "validation": 1,
        "test": 1,
    }
    assert {name: its["responses"] for name, its in splits.items()} == {
        "train": 24,
        "validation": 6,
        "test": 6,
    }
    assert sum(its["pairs"] for its in splits.values()) == split_release.rows
    for name, its in splits.items():
        rows = [row for row in rows_of(split_release, PAIRS_FILE) if row["split"] == name]
        assert len(rows) == its["pairs"]


@pytest.mark.django_db
def test_sessions_of_one_client_stay_together(study: Study) -> None:
    Session.objects.filter(label__in=["session-000", "session-005"]).update(client="C1")
    dataset = release_preferences(study=study, rules=SPLIT)
    rows = rows_of(dataset, STIMULI_FILE)
    assert len({row["split"] for row in rows if row["client"] == "C1"}) == 1
    assert {row["group"] for row in rows if row["client"] == "C1"} == {"Small corpus/client:C1"}


@pytest.mark.django_db
def test_an_empty_split_is_named_with_what_to_do(study: Study) -> None:
    shares = (("train", 0.5), ("validation", 0.49), ("test", 0.01))
    dataset = release_preferences(study=study, rules=DerivationRules(shares=shares))
    assert dataset.manifest["splits"]["test"] == {"groups": 0, "responses": 0, "pairs": 0}
    card = (release_folder(dataset) / "README.md").read_text()
    assert "The split `test` holds no pair. Release again with another seed" in card


@pytest.mark.django_db
def test_a_release_that_could_train_nothing_is_refused_with_counts_and_remedy(
    study: Study,
) -> None:
    shares = (("train", 0.01), ("test", 0.99))
    with pytest.raises(NothingSelectedError, match=r"None of the 15 pairs .* another seed") as no:
        release_preferences(study=study, rules=DerivationRules(shares=shares))
    assert "Choices: decided: 15" in str(no.value)
    with pytest.raises(NothingSelectedError, match="Use seeded splits, or none"):
        release_preferences(study=study, rules=DerivationRules(splitting="corpus"))
    assert release_preferences(study=study, rules=DerivationRules(splitting="none")).rows == 15
    assert not PreferenceDataset.objects.exclude(version=1).exists()


@pytest.mark.django_db
def test_a_corpus_whose_own_split_divides_sessions_carries_a_note(study: Study) -> None:
    dialogues = Dialogue.objects.order_by("external_id")
    one = Session.objects.get(label="session-000")
    dialogues.filter(external_id__lt="dialogue-003").update(session=one)
    for number, name in enumerate(("train", "test", "train", "train", "test", "test")):
        dialogues.filter(external_id=f"dialogue-{number:03d}").update(split=name)
    dataset = release_preferences(study=study, rules=DerivationRules(splitting="corpus"))
    (note,) = dataset.manifest["leakage"]
    assert note == {
        "corpus": "Small corpus",
        "sessions": 4,
        "divided_sessions": 1,
        "splits": [
            {"split": "test", "dialogues": 3, "beside_another_split": 1},
            {"split": "train", "dialogues": 3, "beside_another_split": 2},
        ],
    }
    card = (release_folder(dataset) / "README.md").read_text()
    assert "divides 1 of 4 sessions" in card
    assert "1 of the 3 dialogues of “test” directly neighbour one outside it" in card
    whole = release_preferences(study=study, rules=DerivationRules(splitting="none"))
    assert whole.manifest["leakage"] == [note], "whoever splits by it later is warned too"


def test_dialogues_neighbour_each_other_in_the_order_of_their_numbers() -> None:
    numbers = {"8": "train", "9": "train", "10": "test", "11": "train", "100": "train"}
    found = divided_sessions(Placed("s", number, split) for number, split in numbers.items())
    assert found is not None
    assert found["splits"] == [
        {"split": "test", "dialogues": 1, "beside_another_split": 1},
        {"split": "train", "dialogues": 4, "beside_another_split": 2},
    ]


def test_a_corpus_that_keeps_sessions_whole_needs_no_note() -> None:
    rows = [Placed("one", "1", "train"), Placed("one", "2", "train"), Placed("two", "3", "test")]
    assert divided_sessions(rows) is None


@pytest.mark.skipif(not MESC.is_dir(), reason="MESC itself is not at hand")
def test_of_the_102_test_dialogues_of_mesc_100_neighbour_one_outside_test() -> None:
    from inference.corpora import mesc

    tested = {record.external_id for record in mesc.read([MESC / "MESC.csv", MESC / "test.json"])}
    placed = [
        Placed(record.session, record.external_id, "test" if record.external_id in tested else "")
        for record in mesc.read([MESC / "MESC.csv"])
    ]
    found = divided_sessions(placed)
    assert found is not None
    assert found["splits"][1] == {"split": "test", "dialogues": 102, "beside_another_split": 100}

"""A floor of safety that does not exist is neither asked for nor promised."""

from __future__ import annotations

import pytest

from annotations.derivation.rules import DerivationRules
from annotations.models import PreferenceDataset, Study
from annotations.selectors.evidence import scored_criteria
from annotations.services.datasets import check_request, release_folder
from inference.errors import UnknownNameError

pytestmark = pytest.mark.django_db


def test_a_misspelt_criterion_of_safety_is_refused(study: Study) -> None:
    with pytest.raises(UnknownNameError, match=r"safety_criteria: .* no criterion coldnes"):
        check_request(study, DerivationRules(safety_criteria=("coldnes",)))
    check_request(study, DerivationRules(safety_criteria=("coldness",)))
    check_request(study, DerivationRules(safety_criteria=()))


def test_only_criteria_with_an_order_that_are_scored_hold_a_floor(study: Study) -> None:
    assert scored_criteria(study) == {"empathy", "coldness"}


def test_the_usual_criterion_is_not_asked_in_every_study_and_then_the_release_says_so(
    split_release: PreferenceDataset,
) -> None:
    said = "There was no floor of safety: nobody was asked for scores on safety."
    assert said in split_release.manifest["rules_in_words"]
    card = (release_folder(split_release) / "README.md").read_text(encoding="utf-8")
    assert said in card

from __future__ import annotations

from collections import Counter

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.rules import DerivationRules
from annotations.derivation.splits import seeded_split
from tests.annotations.derivation.small_evidence import compared, evidence


def test_a_session_keeps_its_split_whatever_else_is_released() -> None:
    one = evidence(*compared(-1), responses={n: {"group": "MESC/7"} for n in (1, 2)})
    more = evidence(
        *compared(-1),
        *compared(-1, first=3, second=4),
        responses={1: {"group": "MESC/7"}, 2: {"group": "MESC/7"}, 3: {"group": "MESC/8"}},
    )
    rules = DerivationRules(seed=3)
    split = derive(one, rules).splits["MESC/7"]
    assert derive(more, rules).splits["MESC/7"] == split == seeded_split("MESC/7", rules)


def test_splits_have_about_their_shares_of_the_sessions() -> None:
    rules = DerivationRules(seed=1)
    found = Counter(seeded_split(f"MESC/{n}", rules) for n in range(5000))
    assert found["train"] == pytest.approx(4000, abs=120)
    assert found["validation"] == pytest.approx(500, abs=90)
    assert found["test"] == pytest.approx(500, abs=90)


def test_another_seed_draws_other_splits() -> None:
    groups = [f"MESC/{n}" for n in range(50)]
    drawn = [
        [seeded_split(group, DerivationRules(seed=seed)) for group in groups] for seed in (1, 2)
    ]
    assert drawn[0] != drawn[1]


def test_rows_name_their_session_and_its_split() -> None:
    answers = evidence(*compared(-1), responses={n: {"group": "MESC/7"} for n in (1, 2)})
    (pair,) = derive(answers, DerivationRules(shares=(("all", 1.0),))).pairs
    assert (pair.group, pair.split) == ("MESC/7", "all")


def test_the_corpus_own_split_is_that_of_the_response_and_a_divided_session_names_both() -> None:
    answers = evidence(
        *compared(-1),
        *compared(-1, first=3, second=4),
        responses={
            1: {"corpus_split": "train"},
            2: {"corpus_split": "train"},
            3: {"stimulus": 8, "corpus_split": "test"},
            4: {"stimulus": 8, "corpus_split": "test"},
        },
    )
    found = derive(answers, DerivationRules(splitting="corpus"))
    assert [(pair.chosen, pair.split) for pair in found.pairs] == [(1, "train"), (3, "test")]
    assert found.splits == {"MESC/9": "test,train"}


def test_without_splits_nothing_is_named() -> None:
    found = derive(evidence(*compared(-1)), DerivationRules(splitting="none"))
    assert (found.pairs[0].split, found.splits) == ("", {"MESC/9": ""})

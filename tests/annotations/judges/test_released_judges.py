"""A release with rows of judges says which model each of them is."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.derivation.rules import DerivationRules
from annotations.models import Item, PreferenceDataset, Study
from annotations.services.datasets import release_folder, release_preferences
from annotations.services.judge_work import run_judging
from inference.preference_files import ANSWERS_FILE, PAIRS_FILE, read_rows
from mood_eval.models import Team
from tests.annotations.judges.judged_studies import (
    by_schema,
    endpoint_judge,
    pairwise_study,
    start,
)
from tests.answered_studies import choose
from tests.chat_server import ChatServer

pytestmark = pytest.mark.django_db


def test_a_release_names_its_judges(team: Team, server: ChatServer) -> None:
    study = judged_pairs(team, server)
    with_judges = DerivationRules(rater_kinds=("person", "llm"))
    release: PreferenceDataset = release_preferences(study=study, rules=with_judges)
    assert release.rows
    (judge,) = release.manifest["judges"]
    assert (judge["pseudonym"], judge["model"], judge["named_there"]) == ("J01", "judge", "gpt-x")
    assert len(judge["prompt_sha256"]) == 64
    assert judge["other_evidence_than_people"] == []
    assert "J01 is the judge judge (temperature 0.5)." in card_of(release)
    assert "LLM judges decided no pair" not in card_of(release)


def test_where_people_alone_decide_the_judges_in_the_files_are_named_too(
    team: Team, server: ChatServer
) -> None:
    study = judged_pairs(team, server)
    person = study.raters.get(pseudonym="R1")
    for item in Item.objects.filter(part__study=study):
        choose(item, person, -2)
    release = release_preferences(study=study)
    assert {row["meta"]["rater_kind"] for row in rows_in(release, PAIRS_FILE)} == {"person"}
    assert "J01" in {row["rater"] for row in rows_in(release, ANSWERS_FILE)}
    assert [judge["pseudonym"] for judge in release.manifest["judges"]] == ["J01"]
    assert "LLM judges decided no pair" in card_of(release)
    assert "J01 is the judge judge (temperature 0.5)." in card_of(release)


def judged_pairs(team: Team, server: ChatServer) -> Study:
    def kind_one(slug: str, values: list[object]) -> str:
        text = str(server.asked[-1].messages[-1]["content"])
        return "A clearly" if text.index("kind one") < text.index("curt one") else "B clearly"

    server.answer = by_schema(kind_one)
    study = pairwise_study(team)
    run_judging(start(study, endpoint_judge(team, server.url, at_once=1), temperature=0.5).pk)
    return study


def card_of(release: PreferenceDataset) -> str:
    return (release_folder(release) / "README.md").read_text()


def rows_in(release: PreferenceDataset, file: str) -> list[dict[str, Any]]:
    return list(read_rows(release_folder(release) / file))

"""A release with rows of judges says which model each of them is."""

from __future__ import annotations

import pytest

from annotations.derivation.rules import DerivationRules
from annotations.models import PreferenceDataset
from annotations.services.datasets import release_folder, release_preferences
from annotations.services.judge_work import run_judging
from mood_eval.models import Team
from tests.annotations.judges.judged_studies import (
    by_schema,
    endpoint_judge,
    pairwise_study,
    start,
)
from tests.chat_server import ChatServer

pytestmark = pytest.mark.django_db


def test_a_release_names_its_judges_only_where_it_holds_them(
    team: Team, server: ChatServer
) -> None:
    def kind_one(slug: str, values: list[object]) -> str:
        text = str(server.asked[-1].messages[-1]["content"])
        return "A clearly" if text.index("kind one") < text.index("curt one") else "B clearly"

    server.answer = by_schema(kind_one)
    study = pairwise_study(team)
    run_judging(start(study, endpoint_judge(team, server.url, at_once=1), temperature=0.5).pk)
    with_judges = DerivationRules(rater_kinds=("person", "llm"))
    release: PreferenceDataset = release_preferences(study=study, rules=with_judges)
    assert release.rows
    (judge,) = release.manifest["judges"]
    assert (judge["pseudonym"], judge["model"], judge["named_there"]) == ("J01", "judge", "gpt-x")
    assert len(judge["prompt_sha256"]) == 64
    assert judge["other_evidence_than_people"] == []
    card = (release_folder(release) / "README.md").read_text()
    assert "J01 is the judge judge (temperature 0.5)." in card

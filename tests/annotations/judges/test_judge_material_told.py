"""What leaves the platform for a judge, and what it saw otherwise than people, is told as it is."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.judging.contract import JudgeOptions
from annotations.models import Study
from annotations.selectors.judge_evidence import LABELS, REASONING, differences_in
from annotations.selectors.judges import where_it_goes
from mood_eval.models import Team
from tests.annotations.judges.judged_studies import endpoint_judge
from tests.answered_studies import add_criterion, add_part, make_instrument, make_study
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = pytest.mark.django_db
AS_PUBLISHED = JudgeOptions(evidence="as_published")
URL = "http://127.0.0.1:9/v1"


def study_of(team: Team, asked: dict[str, Any] | None = None, **fields: Any) -> Study:
    """asked: of a criterion beside the usual one."""
    run = make_run_with_responses(team, make_corpus_with_dialogues(team, 1), "kind")
    instrument = make_instrument("told")
    if asked is not None:
        add_criterion(instrument, "more", **asked)
    study = make_study(team, [run], state=Study.State.DRAFT)
    Study.objects.filter(pk=study.pk).update(**fields)
    add_part(study, "absolute", instrument)
    study.refresh_from_db()
    return study


def sent(study: Study, options: JudgeOptions) -> str:
    """Between the judge's name and what is never sent."""
    told = where_it_goes(endpoint_judge(study.team, URL), study, options)
    return told.partition("gpt-x: ")[2].partition(" Never")[0]


def test_what_is_sent_depends_on_the_evidence(team: Team) -> None:
    study = study_of(team)
    assert sent(study, JudgeOptions()) == (
        "the situation, what client and therapist said, the responses, and the instrument's words."
    )
    again = where_it_goes(study.team.model_versions.get(name="judge"), study, AS_PUBLISHED)
    assert "gpt-x: the responses, and the instrument's words." in again


@pytest.mark.parametrize(
    ("asked", "fields", "told"),
    [
        (None, {"response_fields": "beside"}, "their emotion and strategy labels"),
        ({"about_labels": True}, {"response_fields": "after"}, "their emotion and strategy labels"),
        (None, {"show_chain": True}, "the reasoning behind them"),
        ({"about_chain": "strategy"}, {}, "the reasoning behind them"),
    ],
)
def test_labels_and_reasoning_are_named_where_they_are_sent(
    team: Team, asked: dict[str, Any] | None, fields: dict[str, Any], told: str
) -> None:
    assert sent(study_of(team, asked, **fields), AS_PUBLISHED) == (
        f"the responses, {told}, and the instrument's words."
    )


@pytest.mark.parametrize(
    ("asked", "fields", "found"),
    [
        (None, {}, []),
        ({"about_labels": True}, {}, [LABELS]),
        ({"about_chain": "strategy"}, {}, [REASONING]),
        (None, {"show_chain": True}, [REASONING]),
        ({"about_labels": True}, {"show_chain": True}, [LABELS, REASONING]),
        ({"about_chain": "strategy"}, {"response_fields": "beside"}, []),
    ],
)
def test_what_people_saw_later_than_the_judge_is_named(
    team: Team, asked: dict[str, Any] | None, fields: dict[str, Any], found: list[str]
) -> None:
    study = study_of(team, asked, **{"response_fields": "after", **fields})
    assert differences_in(study.parts.select_related("study").get(), JudgeOptions()) == found

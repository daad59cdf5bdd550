"""The smallest studies of every design: whatever cannot be computed says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotations.models import Assignment, Criterion, Item, Study, StudyPart, StudyRater
from annotations.services.analyses import request_analysis, run_analysis
from inference.models import Response
from mood_eval.models import Team, User
from tests.answered_studies import (
    add_criterion,
    add_item,
    add_part,
    answer,
    assign,
    choose,
    make_instrument,
    make_study,
    options,
    pick,
    rank,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = pytest.mark.django_db

DESIGNS = ("absolute", "kinds", "pairwise", "best_of_n", "ranking")
SITUATIONS = ("nothing given", "nothing submitted", "one rater", "one item", "all the same")
PAGES = ("agreement", "raters", "items", "models", "judges", "report")


def part_of(study: Study, design: str) -> StudyPart:
    if design != "kinds":
        return add_part(study, design, make_instrument(criteria=("empathy", "safety")))
    instrument = make_instrument(criteria=())
    kind = Criterion.Kind
    yes = options("No", "Yes", "Unsure")
    add_criterion(instrument, "harm", kind=kind.CHOICE, level="nominal", options=yes)
    add_criterion(instrument, "sorts", kind=kind.MULTIPLE, options=options("Drug", "Diet"))
    add_criterion(instrument, "where", kind=kind.SPANS)
    add_criterion(instrument, "why", kind=kind.TEXT)
    return add_part(study, "absolute", instrument)


def answered(design: str, item: Item, rater: StudyRater, replies: list[Response]) -> None:
    if design == "absolute":
        score(item, rater, {"empathy": 5, "safety": 5})
    elif design == "kinds":
        answer(item, rater, {"harm": 0, "sorts": [], "where": [], "why": "Fine."})
    elif design == "pairwise":
        choose(item, rater, 0, "empathy")
    elif design == "best_of_n":
        pick(item, rater, replies[0], "empathy")
    else:
        rank(item, rater, dict.fromkeys(replies, 1), "empathy")


def make_small(team: Team, design: str, situation: str) -> Study:
    corpus = make_corpus_with_dialogues(team, 1)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("one", "two")]
    study = make_study(team, runs, state=Study.State.CLOSED)
    part = part_of(study, design)
    turns = responses_by_stimulus(runs)
    people = list(study.raters.order_by("pseudonym"))
    single = design in ("absolute", "kinds")
    for stimulus, replies in turns[: 1 if situation == "one item" else None]:
        item = add_item(part, stimulus, replies[:1] if single else replies)
        if situation == "nothing given":
            continue
        for rater in people[: 1 if situation == "one rater" else None]:
            if situation == "nothing submitted":
                assign(item, rater, state=Assignment.State.ASSIGNED)
            else:
                answered(design, item, rater, replies)
    return study


def reasons_missing(found: Any, path: str = "") -> Iterator[str]:
    """Where an estimate has neither a value nor a reason, or an interval neither ends nor one."""
    if isinstance(found, Mapping):
        if "undefined_because" in found and "value" in found:
            if (found["value"] is None) != bool(found["undefined_because"]):
                yield path
            if "no_interval_because" in found and found["value"] is not None:
                no_reason = not found["no_interval_because"]
                if found["low"] is None and no_reason:
                    yield f"{path} (interval)"
        for key, value in found.items():
            yield from reasons_missing(value, f"{path}/{key}")
    elif isinstance(found, list):
        for place, value in enumerate(found):
            yield from reasons_missing(value, f"{path}/{place}")


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_cannot_be_computed_says_why(
    client: Client, ada: User, team: Team, design: str, situation: str
) -> None:
    study = make_small(team, design, situation)
    job = request_analysis(study)
    run_analysis(job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    found = dict(job.sections.values_list("name", "results"))
    assert list(reasons_missing(found)) == []
    assert "NaN" not in str(found)
    client.force_login(ada)
    for name in PAGES:
        response = client.get(reverse(f"results_{name}", args=[study.pk]))
        assert response.status_code == 200
        assert "nan" not in response.content.decode().split()

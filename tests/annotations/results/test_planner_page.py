"""The planner: for whom, what it computes when asked, and how it refuses."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from annotations.analysis.planner import (
    plan_sentences,
    planning_figure,
    power_sentence,
    width_table,
)
from annotations.models import Study, StudyRater
from annotations.statistics.planner import Plan, planner, win_rate_power
from mood_eval.models import Team, User
from tests.answered_studies import (
    add_item,
    add_part,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses, make_user

pytestmark = pytest.mark.django_db

SCORES = [[7, 9, 2, 5, 8, 4], [6, 9, 3, 5, 10, 4]]
ASKED = {"ask": "interval", "alpha": "0.48", "low": "1", "high": "10"}
ASKED |= {"raters": "3", "items": "30, 100, 300"}
WINS = {"ask": "wins", "p": "0.6", "power": "0.8", "cluster_size": "1", "icc": "0.1"}


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    cache.clear()


@pytest.fixture
def study(team: Team) -> Study:
    """Open, six items scored by two raters on a scale from 1 to 10."""
    corpus = make_corpus_with_dialogues(team, 2)
    run = make_run_with_responses(team, corpus, "kind", "kind.")
    study = make_study(team, [run])
    part = add_part(study, "absolute", make_instrument())
    for index, (stimulus, responses) in enumerate(responses_by_stimulus([run])):
        item = add_item(part, stimulus, responses)
        for number, rater in enumerate(study.raters.order_by("pseudonym")):
            score(item, rater, {"empathy": SCORES[number][index]})
    return study


@pytest.fixture
def draft(team: Team) -> Study:
    study = make_study(team, [], state=Study.State.DRAFT)
    instrument = make_instrument("short")
    instrument.criteria.update(scale_min=0, scale_max=6)
    add_part(study, "absolute", instrument)
    return study


def page(client: Client, study: Study, **asked: str) -> str:
    response = client.get(reverse("results_planner", args=[study.pk]), asked)
    assert response.status_code == 200
    return response.content.decode()


def words(content: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", " ", content, flags=re.S))


def errors_of(content: str, name: str) -> str:
    """What stands beside a field."""
    found = re.search(rf'<ul class="errorlist" id="id_{name}_error">(.*?)</ul>', content, re.S)
    return words(found.group(1)) if found else ""


def test_owner_and_member_see_it_and_strangers_do_not(
    client: Client, ada: User, team: Team, study: Study
) -> None:
    address = reverse("results_planner", args=[study.pk])
    assert client.get(address).status_code == 302
    member = make_user("mira@example.org")
    team.memberships.create(user=member)
    for user, status in ((ada, 200), (member, 200), (make_user("sam@example.org"), 404)):
        client.force_login(user)
        assert client.get(address).status_code == status, user
        assert client.post(address).status_code == 405


def test_a_member_who_rates_an_open_study_sees_no_pilot(
    client: Client, ada: User, study: Study
) -> None:
    StudyRater.objects.create(study=study, user=ada, pseudonym="R9")
    client.force_login(ada)
    content = page(client, study, ask="interval", based_on="0/empathy", raters="3", items="100")
    assert "What interval to expect" not in content
    assert "<svg" not in content


def test_the_page_alone_shows_forms_and_computes_nothing(
    client: Client, ada: User, study: Study
) -> None:
    client.force_login(ada)
    content = page(client, study)
    assert "What interval to expect" in content
    assert "<svg" not in content
    assert "errorlist" not in content
    assert "style=" not in content


def test_a_draft_is_planned_on_the_scale_of_its_first_criterion(
    client: Client, ada: User, draft: Study
) -> None:
    client.force_login(ada)
    content = page(client, draft)
    assert re.search(r'name="low" value="0"', content)
    assert re.search(r'name="high" value="6"', content)
    assert "based_on" not in content
    assert "still a draft" not in content
    assert "expect an interval about" in page(client, draft, **ASKED)


def test_an_open_study_without_answers_has_no_empty_state_on_the_planner(
    client: Client, ada: User, team: Team
) -> None:
    client.force_login(ada)
    content = page(client, make_study(team, []))
    assert "No rating has been submitted yet" not in content
    assert re.search(r'name="high" value="10"', content)


def test_a_plan_is_shown_in_words_as_a_picture_and_as_a_table(
    client: Client, ada: User, draft: Study
) -> None:
    client.force_login(ada)
    content = page(client, draft, **ASKED)
    assert re.search(
        r"With 3 raters on each of 100 items, expect an interval about 0\.2[345] wide, for "
        r"example 0\.3\d to 0\.(5|6)\d\.",
        words(content),
    )
    assert "<svg" in content
    assert "style=" not in content
    assert content.count('<th scope="row"') == 3
    assert "simulated studies" in content
    assert words(page(client, draft, **ASKED)) == words(content)  # what was kept


def test_answers_of_the_study_serve_as_a_pilot(client: Client, ada: User, study: Study) -> None:
    client.force_login(ada)
    assert "Answers of this study so far: Empathy" in page(client, study)
    pilot = {"ask": "interval", "based_on": "0/empathy", "raters": "2, 3", "items": "50"}
    content = words(page(client, study, **pilot))
    assert "With an alpha of 0.9" in content
    assert "a pilot of 6 items with two ratings" in content
    assert "With 2 raters on each of 50 items" in content
    assert "With 3 raters on each of 50 items" in content


def test_a_pilot_in_which_nobody_differs_is_no_pilot_and_says_why(
    client: Client, ada: User, study: Study
) -> None:
    for rating in study.parts.get().items.all():
        for assignment in rating.assignments.all():
            assignment.ratings.update(score=5)
    client.force_login(ada)
    content = page(client, study, ask="interval", based_on="0/empathy", raters="3", items="100")
    assert "every rating is the same" in content
    assert "<svg" not in content


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("alpha", "1.2", "from 0.01 to 0.99"),
        ("alpha", "", "Needed where no pilot is used"),
        ("alpha", "much", "Enter a number"),
        ("high", "1", "above the lowest one"),
        ("low", "", "Needed where no pilot is used"),
        ("raters", "1", "from 2 to 50"),
        ("raters", "two", "is not a whole number"),
        ("raters", "", "required"),
        ("items", "5", "from 10 to 5,000"),
        ("items", ",", "at least one number"),
        ("items", "10 11 12 13 14 15 16 17 18", "at most 8 numbers"),
    ],
)
def test_a_bad_value_is_said_beside_its_field(
    client: Client, ada: User, draft: Study, name: str, value: str, said: str
) -> None:
    client.force_login(ada)
    content = page(client, draft, **(ASKED | {name: value}))
    assert said in errors_of(content, name)
    assert "<svg" not in content


def test_what_would_take_minutes_is_refused(client: Client, ada: User, draft: Study) -> None:
    client.force_login(ada)
    content = page(client, draft, **(ASKED | {"raters": "50", "items": "5000"}))
    assert "while you wait" in errors_of(content, "items")


def test_a_pilot_that_is_not_offered_is_refused(client: Client, ada: User, study: Study) -> None:
    client.force_login(ada)
    content = page(client, study, **(ASKED | {"based_on": "7/nothing"}))
    assert "Select a valid choice" in errors_of(content, "based_on")


def test_a_win_rate_says_how_many_answers_it_needs(client: Client, ada: User, draft: Study) -> None:
    client.force_login(ada)
    assert "collect 194 answers that are not ties" in words(page(client, draft, **WINS))
    alike = words(page(client, draft, **(WINS | {"cluster_size": "11"})))
    assert "collect 388 answers" in alike
    assert "194 if every answer stood alone, times a design effect of 2.00" in alike


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("p", "0.5", "No number of answers tells 50 % from itself"),
        ("p", "60", "less than or equal to 0.99"),
        ("power", "1", "less than or equal to"),
        ("cluster_size", "0", "greater than or equal to 1"),
        ("icc", "2", "less than or equal to 1"),
    ],
)
def test_a_bad_win_rate_is_said_beside_its_field(
    client: Client, ada: User, draft: Study, name: str, value: str, said: str
) -> None:
    client.force_login(ada)
    assert said in errors_of(page(client, draft, **(WINS | {name: value})), name)


def test_the_picture_has_a_line_per_number_of_raters() -> None:
    plan = planner(alpha=0.5, scale=(1, 5), raters=(2, 3), items=(30, 100), simulations=20, seed=4)
    figure = planning_figure(plan)
    assert [series.label for series in figure.series] == ["2 raters", "3 raters"]
    assert [x for x, _ in figure.series[0].points] == [30, 100]
    assert figure.log_x
    assert "20 simulated studies;" in figure.caption
    assert "seed 4" in figure.caption
    assert "infinitesimal jackknife" in figure.caption
    assert "3 raters: 0." in figure.description
    table = width_table(plan)
    assert [[cell["raters"] for cell in row["cells"]] for row in table] == [[2, 3], [2, 3]]


def test_a_width_that_is_undefined_is_a_gap_and_a_sentence() -> None:
    row = {"raters": 2, "items": 30, "width": None, "low": None, "high": None}
    plan = Plan(alpha=0.99, confidence=0.95, simulations=20, seed=1, rows=(row,))
    assert planning_figure(plan).series[0].points == ((30.0, None),)
    assert "agree on everything too often" in plan_sentences(plan)[0]


def test_an_undefined_plan_has_an_empty_picture() -> None:
    plan = Plan(alpha=None, confidence=0.95, simulations=20, seed=1, undefined_because="no pairs")
    assert planning_figure(plan).series == ()
    assert plan_sentences(plan) == []


def test_a_power_is_said_with_its_design_effect() -> None:
    said = power_sentence(win_rate_power(0.6, design_effect=2))
    assert "collect 388 answers that are not ties: 194 if every answer stood alone" in said

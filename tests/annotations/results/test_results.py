from __future__ import annotations

import json
from io import StringIO

import krippendorff
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from annotations.models import Study, StudyRater
from annotations.selectors.results import study_results
from annotations.services.datasets import release_preferences
from mood_eval.models import Team, User
from tests.answered_studies import (
    CLEARLY_FIRST,
    SLIGHTLY_SECOND,
    TIE,
    add_item,
    add_part,
    choose,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db

SCORES = [[7, 9, 2, 5, 8, 4], [6, 9, 3, 5, 10, 4]]


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return make_team(owner=ada)


@pytest.fixture
def study(team: Team) -> Study:
    """Six items scored by two raters, and the same six compared by them."""
    corpus = make_corpus_with_dialogues(team, 2)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("kind", "curt")]
    study = make_study(team, runs)
    absolute = add_part(study, "absolute", make_instrument())
    pairwise = add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    raters = list(study.raters.order_by("pseudonym"))
    choices = [CLEARLY_FIRST, CLEARLY_FIRST, SLIGHTLY_SECOND, TIE, CLEARLY_FIRST, TIE]
    for index, (stimulus, both) in enumerate(responses_by_stimulus(runs)):
        scored = add_item(absolute, stimulus, both[:1])
        compared = add_item(pairwise, stimulus, both)
        for number, rater in enumerate(raters):
            score(scored, rater, {"empathy": SCORES[number][index]})
            choose(compared, rater, choices[index])
    return study


def close(study: Study) -> None:
    study.state = Study.State.CLOSED
    study.save(update_fields=["state"])


def page(client: Client, study: Study) -> str:
    return client.get(reverse("study_results", args=[study.pk])).content.decode()


def test_alpha_is_the_packages_on_the_same_scores(study: Study) -> None:
    absolute, pairwise = study_results(study).parts
    (empathy,) = absolute.criteria
    direct = krippendorff.alpha(reliability_data=SCORES, level_of_measurement="ordinal")
    assert empathy.agreement.alpha.value == pytest.approx(direct, abs=1e-12)
    assert empathy.agreement.pairable_items == 6
    assert pairwise.criteria[0].agreement.alpha.value == 1.0


def test_models_are_compared_only_once_the_study_is_closed(study: Study) -> None:
    absolute, pairwise = study_results(study).parts
    assert absolute.criteria[0].means == ()
    assert pairwise.criteria[0].wins == ()
    close(study)
    absolute, pairwise = study_results(study).parts
    (mean,) = absolute.criteria[0].means
    assert (mean.model, mean.mean, mean.ratings) == ("kind", 6.0, 12)
    (wins,) = pairwise.criteria[0].wins
    assert (wins.first, wins.second) == ("kind", "curt")
    assert (wins.first_wins, wins.ties, wins.second_wins) == (6, 4, 2)


def test_how_often_each_side_was_chosen_stays_closed_as_well(study: Study) -> None:
    absolute, pairwise = study_results(study).parts
    assert absolute.criteria[0].agreement.spread is not None
    assert pairwise.criteria[0].agreement.spread is None
    close(study)
    spread = study_results(study).parts[1].criteria[0].agreement.spread
    assert spread is not None
    assert dict(spread.counts) == {-2: 6, 0: 4, 1: 2}


def test_raters_are_those_who_submitted_something(study: Study) -> None:
    StudyRater.objects.create(study=study, user=make_user("idle@example.org"), pseudonym="R9")
    assert study_results(study).raters == 2


def test_researcher_who_rates_sees_nothing_of_others_until_the_close(
    client: Client, ada: User, study: Study
) -> None:
    StudyRater.objects.create(study=study, user=ada, pseudonym="R9")
    close(study)
    release = release_preferences(study=study)
    figures = f"/api/studies/{study.pk}/agreement/"
    pages = [
        reverse("release_detail", args=[release.pk]),
        reverse("release_file", args=[release.pk, "pairs.jsonl"]),
        f"/api/datasets/{release.pk}/",
    ]
    client.force_login(ada)
    assert [client.get(url).status_code for url in (*pages, figures)] == [200] * 4
    Study.objects.filter(pk=study.pk).update(state=Study.State.OPEN)
    assert [client.get(url).status_code for url in (*pages, figures)] == [404, 404, 404, 403]
    content = page(client, study)
    assert "You rate in this study." in content
    assert "alpha" not in content
    client.post(reverse("release_new", args=[study.pk]), {"margin": 3})
    assert study.datasets.count() == 1
    detail = client.get(reverse("study_detail", args=[study.pk])).content.decode()
    assert "1 of them belongs to your team" in detail


def test_page_shows_agreement_and_hides_models_while_open(
    client: Client, ada: User, study: Study
) -> None:
    client.force_login(ada)
    content = page(client, study)
    assert "Two raters rated Empathy on 6 items in common" in content
    assert '<rect class="bar"' in content
    assert "stay closed while the study is open" in content
    assert "kind" not in content
    close(study)
    content = page(client, study)
    assert "<td>kind</td>" in content
    assert "Answers by model preferred" in content


def test_page_has_no_inline_styles_which_the_policy_would_block(
    client: Client, ada: User, study: Study
) -> None:
    client.force_login(ada)
    assert "style=" not in page(client, study)


@pytest.mark.parametrize(
    ("state", "words"),
    [("draft", "Invite at least two raters"), ("open", "Raters find their items")],
)
def test_empty_page_says_what_to_do_next(
    client: Client, ada: User, team: Team, state: str, words: str
) -> None:
    client.force_login(ada)
    assert words in page(client, make_study(team, [], state=state))


def test_results_are_for_the_team_only(client: Client, team: Team, study: Study) -> None:
    url = reverse("study_results", args=[study.pk])
    assert client.get(url).status_code == 302
    assert "login" in client.get(url).headers["Location"]
    member, sam = make_user("member@example.org"), make_user("sam@example.org")
    team.memberships.create(user=member)
    rui = study.raters.first()
    assert rui is not None
    for user, status in [(member, 200), (sam, 404), (rui.user, 404)]:
        client.force_login(user)
        assert client.get(url).status_code == status


def test_agreement_command_reports_json_for_a_study_by_name_or_number(study: Study) -> None:
    for name in (study.name, str(study.pk)):
        out = StringIO()
        call_command("agreement", name, "--json", stdout=out)
        report = json.loads(out.getvalue())
        assert report["parts"][0]["criteria"][0]["agreement"]["ratings"] == 12
        assert report["parts"][0]["criteria"][0]["means"] == []


def test_agreement_command_prints_a_table_and_sentences(study: Study) -> None:
    out = StringIO()
    call_command("agreement", study.name, stdout=out)
    assert "empathy" in out.getvalue()
    assert "Two raters rated Empathy" in out.getvalue()


def test_agreement_command_refuses_an_unknown_study(study: Study) -> None:
    with pytest.raises(CommandError, match="There is no study “Nothing”") as refusal:
        call_command("agreement", "Nothing")
    assert refusal.value.returncode == 1

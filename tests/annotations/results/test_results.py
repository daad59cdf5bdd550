"""What results pages, command and interface show, and to whom."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import krippendorff
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from annotations.analysis.filters import ResultsFilter
from annotations.models import AnalysisPlan, EarlyLook, Study, StudyRater
from annotations.selectors.analyses import section_results
from annotations.services.analyses import request_analysis, run_analysis
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
from tests.factories import make_corpus_with_dialogues, make_run_with_responses, make_user

pytestmark = pytest.mark.django_db

SCORES = [[7, 9, 2, 5, 8, 4], [6, 9, 3, 5, 10, 4]]
PAGES = ("results", "agreement", "raters", "items", "models", "judges", "report")


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
        scored = add_item(absolute, stimulus, both[index % 2 :][:1])
        compared = add_item(pairwise, stimulus, both)
        for number, rater in enumerate(raters):
            score(scored, rater, {"empathy": SCORES[number][index]}, comment="Warm words.")
            choose(compared, rater, choices[index])
    return study


def close(study: Study) -> None:
    study.state = Study.State.CLOSED
    study.save(update_fields=["state"])


def sections(study: Study) -> dict[str, list[dict[str, Any]]]:
    job = request_analysis(study)
    run_analysis(job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    return {name: results["parts"] for name, results in job.sections.values_list("name", "results")}


def page(client: Client, study: Study, name: str = "results", **asked: str) -> str:
    address = "study_results" if name == "results" else f"results_{name}"
    return client.get(reverse(address, args=[study.pk]), asked).content.decode()


def words(content: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", " ", content, flags=re.S))


def test_alpha_is_the_packages_on_the_same_scores(study: Study) -> None:
    absolute, pairwise = sections(study)["agreement"]
    (empathy,) = absolute["criteria"]
    direct = krippendorff.alpha(reliability_data=SCORES, level_of_measurement="ordinal")
    assert empathy["statistics"]["alpha_ordinal"]["value"] == pytest.approx(direct, abs=1e-12)
    assert empathy["counts"]["n_pairable"] == 6
    assert pairwise["criteria"][0]["statistics"]["alpha_ordinal"]["value"] == 1.0


def test_models_are_compared_only_once_the_study_is_closed(study: Study) -> None:
    assert sections(study)["models"] == []
    close(study)
    absolute, pairwise = sections(study)["models"]
    means = {row["model"]: row["value"] for row in absolute["criteria"][0]["means"]}
    assert means == {"kind": pytest.approx(6.0), "curt": pytest.approx(6.0)}
    (wins,) = pairwise["criteria"][0]["wins"]
    assert (wins["first"], wins["second"]) == ("kind", "curt")
    assert (wins["first_wins"], wins["ties"], wins["second_wins"]) == (6, 4, 2)
    assert wins["value"] == pytest.approx(8 / 12)


def test_nothing_that_an_open_study_shows_tells_how_often_a_side_was_chosen(study: Study) -> None:
    found = sections(study)
    _, pairwise = found["agreement"]
    assert "bars" not in str(pairwise["figures"])
    shown = {key: found[key] for key in ("agreement", "raters", "items", "judges")}
    assert "kind" not in json.dumps(shown)
    assert "curt" not in json.dumps(shown)
    assert all(
        "median" not in row
        for part in found["items"][1:]
        for c in part["criteria"]
        for row in c["items"]
    )


def test_a_primary_criterion_is_told_from_the_others(
    study: Study, client: Client, ada: User
) -> None:

    AnalysisPlan.objects.create(study=study, primary_criteria=["1/overall"], seed=3)
    absolute, pairwise = sections(study)["agreement"]
    assert not absolute["criteria"][0]["primary"]
    assert pairwise["criteria"][0]["primary"]
    client.force_login(ada)
    overview = words(page(client, study))
    assert "Primary results, as planned" in overview
    assert "Two raters rated Overall on 6 items in common" in overview


def test_planned_exclusions_apply_to_the_primary_results_and_to_nothing_else(
    study: Study, client: Client, ada: User
) -> None:
    AnalysisPlan.objects.create(study=study, primary_criteria=["0/empathy"], min_active_seconds=5)
    rater = study.raters.order_by("pseudonym")[0]
    rater.assignments.update(active_ms=9000)
    for chosen in (ResultsFilter(), ResultsFilter(min_seconds=5)):
        run_analysis(request_analysis(study, chosen).pk)
    client.force_login(ada)
    overview = words(page(client, study))
    assert "As planned, only: answers given in at least 5 s of active time" in overview
    assert "One rater rated Empathy (6 ratings); agreement is undefined" in overview
    assert "On all answers: Two raters rated Empathy on 6 items in common" in overview
    assert "As planned" not in words(page(client, study, "agreement"))
    out = StringIO()
    call_command("results", str(study.pk), "--json", stdout=out)
    report = json.loads(out.getvalue())
    found = [
        document["sections"]["agreement"]["parts"][0]["criteria"][0]["counts"]["n_raters"]
        for document in (report, report["as_planned"])
    ]
    assert found == [2, 1]


def test_researcher_who_rates_sees_nothing_of_others_until_the_close(
    client: Client, ada: User, study: Study
) -> None:
    StudyRater.objects.create(study=study, user=ada, pseudonym="R9")
    close(study)
    sections(study)
    figure = study.figures.all()[0]
    release = release_preferences(study=study)
    figures = f"/api/studies/{study.pk}/results/"
    pages = [
        reverse("release_detail", args=[release.pk]),
        reverse("release_file", args=[release.pk, "pairs.jsonl"]),
        f"/api/datasets/{release.pk}/",
    ]
    client.force_login(ada)
    assert [client.get(url).status_code for url in (*pages, figures)] == [200] * 4
    Study.objects.filter(pk=study.pk).update(state=Study.State.OPEN)
    assert [client.get(url).status_code for url in (*pages, figures)] == [404, 404, 404, 403]
    for name in PAGES:
        content = page(client, study, name)
        assert "You rate in this study." in content, name
        assert "alpha" not in content, name
    item = study.parts.all()[0].items.all()[0]
    assert (
        "Warm words."
        not in client.get(reverse("results_item", args=[study.pk, item.pk])).content.decode()
    )
    link = reverse("results_figure_file", args=[study.pk, figure.sha256[:16], "csv"])
    assert client.get(link).status_code in (403, 404)
    client.post(reverse("release_new", args=[study.pk]), {"margin": 3})
    client.post(reverse("results_look", args=[study.pk]), {"reason": "Curious."})
    assert study.datasets.count() == 1
    assert not EarlyLook.objects.exists()


def test_pages_show_agreement_and_hide_models_while_open(
    client: Client, ada: User, study: Study
) -> None:
    client.force_login(ada)
    sections(study)
    content = page(client, study, "agreement")
    assert "Two raters rated Empathy on 6 items in common" in content
    assert "<svg" in content
    for name in PAGES:
        assert "kind" not in page(client, study, name), name
    assert "stay closed while the study is open" in page(client, study, "models")
    close(study)
    sections(study)
    content = page(client, study, "models")
    assert "<td>kind</td>" in content
    assert "kind" in page(client, study, "report")


def test_a_picture_of_models_is_closed_while_the_study_is_open(
    client: Client, ada: User, study: Study
) -> None:
    close(study)
    sections(study)
    figure = study.figures.filter(shows_models=True)[0]
    link = reverse("results_figure", args=[study.pk, figure.sha256[:16]])
    client.force_login(ada)
    assert client.get(link).status_code == 200
    Study.objects.filter(pk=study.pk).update(state=Study.State.OPEN)
    assert client.get(link).status_code == 404


def test_a_permanent_link_needs_enough_of_the_hash(client: Client, ada: User, study: Study) -> None:
    sections(study)
    figure = study.figures.all()[0]
    client.force_login(ada)
    for link, status in ((figure.sha256, 200), (figure.sha256[:16], 200), (figure.sha256[:8], 404)):
        assert client.get(reverse("results_figure", args=[study.pk, link])).status_code == status


@pytest.mark.parametrize("name", PAGES)
def test_pages_have_no_inline_styles_which_the_policy_would_block(
    client: Client, ada: User, study: Study, name: str
) -> None:
    close(study)
    sections(study)
    client.force_login(ada)
    content = page(client, study, name)
    assert "style=" not in content
    assert "<style" not in content


@pytest.mark.parametrize(
    ("state", "said"),
    [("draft", "Invite at least two raters"), ("open", "Raters find their items")],
)
def test_empty_pages_say_what_to_do_next(
    client: Client, ada: User, team: Team, state: str, said: str
) -> None:
    client.force_login(ada)
    study = make_study(team, [], state=state)
    for name in PAGES:
        assert said in page(client, study, name), name


def test_visiting_a_page_computes_and_stores_nothing(
    client: Client, ada: User, study: Study
) -> None:
    client.force_login(ada)
    for name in PAGES:
        assert "have not been computed yet" in page(client, study, name), name
    assert not study.analyses.exists()
    client.post(reverse("results_compute", args=[study.pk]), {"page": "results_agreement"})
    assert study.analyses.count() == 1


@pytest.mark.parametrize("name", PAGES)
def test_number_of_queries_does_not_grow_with_the_study(
    client: Client,
    ada: User,
    study: Study,
    name: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    close(study)
    sections(study)
    client.force_login(ada)
    page(client, study, name)  # what filters can be set to is kept
    with django_assert_max_num_queries(25):
        page(client, study, name)


def test_filters_stand_in_the_address(client: Client, ada: User, study: Study) -> None:
    client.force_login(ada)
    content = words(page(client, study, "agreement", emotion="sadness", min_seconds="2"))
    assert "answers given in at least 2 s of active time" in content
    assert "corpus label, not a diagnosis" in content
    refused = words(page(client, study, "agreement", min_seconds="two"))
    assert "is a whole number up to 3600, not “two”. No filter is applied." in refused


def test_an_item_shows_every_answer_and_no_model_while_open(
    client: Client, ada: User, study: Study
) -> None:
    client.force_login(ada)
    scored, compared = (part.items.all()[0] for part in study.parts.all())
    shown = words(client.get(reverse("results_item", args=[study.pk, scored.pk])).content.decode())
    assert "Warm words." in shown
    assert "R1 7" in shown
    link = reverse("results_item", args=[study.pk, compared.pk])
    shown = words(client.get(link).content.decode())
    assert "A clearly" in shown
    assert "Response A · kind" not in shown
    close(study)
    assert "Response A · kind" in words(client.get(link).content.decode())


def test_a_blind_team_reads_of_numbered_models(client: Client, ada: User, study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(blind_researchers=True)
    client.force_login(ada)
    reason = {"reason": "The ethics board asked.", "page": "results_models"}
    client.post(reverse("results_look", args=[study.pk]), reason)
    job = study.analyses.get()
    run_analysis(job.pk)
    content = page(client, study, "models")
    assert "Model 1" in content
    assert "<td>kind</td>" not in content
    assert "The ethics board asked." in content


def test_report_tables_are_files_for_a_paper(client: Client, ada: User, study: Study) -> None:
    close(study)
    sections(study)
    client.force_login(ada)
    latex = client.get(reverse("results_table", args=[study.pk, "agreement.tex"]))
    assert b"\\toprule" in latex.content
    wins = client.get(reverse("results_table", args=[study.pk, "wins.csv"])).content.decode()
    assert "kind,curt,6,4,2" in wins
    for name in ("agreement.exe", "nothing.csv", "csv"):
        assert client.get(reverse("results_table", args=[study.pk, name])).status_code == 404


def test_interface_gives_what_the_command_gives(client: Client, ada: User, study: Study) -> None:
    client.force_login(ada)
    url = f"/api/studies/{study.pk}/results/"
    refused = client.get(url)
    assert refused.status_code == 409
    assert "POST" in refused.json()["detail"]
    assert client.post(url).status_code == 202
    run_analysis(study.analyses.get().pk)
    got = client.get(url).json()
    out = StringIO()
    call_command("agreement", str(study.pk), "--json", stdout=out)
    assert got["current"]
    assert got["sections"]["agreement"]["parts"] == json.loads(out.getvalue())["parts"]
    assert got["sections"]["models"] == {"parts": []}
    assert client.get(url, {"flag": "maybe"}).status_code == 400


def test_report_command_writes_pictures_tables_and_methods(study: Study, tmp_path: Path) -> None:
    close(study)
    folder = tmp_path / "report"
    call_command("results", study.name, "--report", str(folder), stdout=StringIO())
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"results.json", "methods.txt", "tables/agreement.tex", "tables/wins.csv"} <= names
    for kind in ("svg", "pdf", "png", "csv"):
        assert f"figures/agreement-part0.{kind}" in names
    methods = (folder / "methods.txt").read_text()
    assert "Krippendorff's alpha" in methods
    assert "launched without an analysis plan" in methods
    with pytest.raises(CommandError, match="is not empty"):
        call_command("results", study.name, "--report", str(folder))


def test_commands_refuse_an_unknown_study(study: Study) -> None:
    for command in ("agreement", "results"):
        with pytest.raises(CommandError, match="There is no study “Nothing”") as refusal:
            call_command(command, "Nothing")
        assert refusal.value.returncode == 1


def test_judges_stand_beside_people(study: Study, client: Client, ada: User) -> None:
    judge = StudyRater.objects.create(
        study=study, user=make_user("judge@example.org"), pseudonym="J1", kind="llm"
    )
    for index, item in enumerate(study.parts.all()[0].items.all()):
        score(item, judge, {"empathy": SCORES[0][index]})
    found = sections(study)
    (empathy,) = found["judges"][0]["criteria"]
    rows = {row["name"]: row for row in empathy["table"]}
    assert rows["judge_bias"]["judge"] == "J1"
    assert rows["judge_bias"]["value"] == pytest.approx(-1 / 6)
    assert found["agreement"][0]["criteria"][0]["counts"]["n_raters"] == 2
    client.force_login(ada)
    assert "never pooled" in page(client, study, "judges")


def test_sections_of_an_unknown_name_are_none(study: Study) -> None:
    assert section_results(None, "agreement") is None

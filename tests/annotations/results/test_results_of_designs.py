"""Results of every design and kind of answer: what is shown, and why something is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from annotations.models import (
    Adjudication,
    AnalysisPlan,
    Assignment,
    Criterion,
    Gate,
    Item,
    ReferenceAnswer,
    SourceGuess,
    Study,
    StudyPart,
    StudyRater,
)
from annotations.selectors.analyses import model_labels
from annotations.services.analyses import look_early, request_analysis, run_analysis
from inference.models import Response, Stimulus
from mood_eval.models import Team, User
from tests.answered_studies import (
    add_criterion,
    add_item,
    add_part,
    answer,
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

MODELS = ("warm", "curt", "terse")
PAGES = ("agreement", "raters", "items", "models", "judges", "report")
Turns = list[tuple[Stimulus, list[Response]]]
BEST = ((0, 0), (0, 1), (0, 0), (1, 1), (0, 2), (2, 2))
"""Place of the model that either rater chose, item by item."""


@pytest.fixture
def study(team: Team) -> Study:
    corpus = make_corpus_with_dialogues(team, 2)
    runs = [make_run_with_responses(team, corpus, name, f"{name} words.") for name in MODELS]
    return make_study(team, runs)


@pytest.fixture
def turns(study: Study) -> Turns:
    return responses_by_stimulus([link.run for link in study.study_runs.all()])


def raters(study: Study) -> list[StudyRater]:
    return list(study.raters.order_by("pseudonym"))


def close(study: Study) -> None:
    study.state = Study.State.CLOSED
    study.save(update_fields=["state"])


def sections(study: Study) -> dict[str, list[dict[str, Any]]]:
    job = request_analysis(study)
    run_analysis(job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    return {name: results["parts"] for name, results in job.sections.values_list("name", "results")}


def page(client: Client, study: Study, name: str, **asked: str) -> str:
    return client.get(reverse(f"results_{name}", args=[study.pk]), asked).content.decode()


def words(content: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", " ", content, flags=re.S))


def best_of_three(study: Study, turns: Turns, **fields: Any) -> StudyPart:
    part = add_part(study, "best_of_n", make_instrument("best"), with_overall=False, **fields)
    for (stimulus, replies), chosen in zip(turns, BEST, strict=True):
        item = add_item(part, stimulus, replies)
        for rater, place in zip(raters(study), chosen, strict=True):
            pick(item, rater, replies[place], "empathy")
    return part


def rankings(study: Study, turns: Turns, second: Callable[[int], tuple[int, ...]]) -> StudyPart:
    part = add_part(study, "ranking", make_instrument("ranked"), with_overall=False)
    for number, (stimulus, replies) in enumerate(turns):
        item = add_item(part, stimulus, replies)
        one, two = raters(study)
        rank(item, one, dict(zip(replies, (1, 2, 3), strict=True)), "empathy")
        rank(item, two, dict(zip(replies, second(number), strict=True)), "empathy")
    return part


def test_best_of_n_has_nominal_agreement_on_the_chosen_model(study: Study, turns: Turns) -> None:
    best_of_three(study, turns)
    (part,) = sections(study)["agreement"]
    (empathy,) = part["criteria"]
    direct = krippendorff.alpha(np.array(BEST).T, level_of_measurement="nominal")
    found = empathy["statistics"]
    assert empathy["headline"] == "alpha_nominal"
    assert found["alpha_nominal"]["value"] == pytest.approx(direct, abs=1e-12)
    assert found["percent_exact"]["value"] == pytest.approx(4 / 6)
    shares = np.bincount(np.ravel(BEST)) / 12
    fleiss = (4 / 6 - (shares**2).sum()) / (1 - (shares**2).sum())
    assert found["fleiss"]["value"] == pytest.approx(fleiss)
    assert found["gwet_ac1"]["value"] is not None
    assert "nominal alpha is" in empathy["sentence"]


def test_shares_of_the_best_stand_beside_chance(study: Study, turns: Turns) -> None:
    best_of_three(study, turns)
    close(study)
    (empathy,) = sections(study)["models"][0]["criteria"]
    shares = {row["model"]: row for row in empathy["shares"]}
    assert [shares[name]["value"] for name in MODELS] == [
        pytest.approx(6 / 12),
        pytest.approx(3 / 12),
        pytest.approx(3 / 12),
    ]
    assert shares["warm"]["chance"] == pytest.approx(1 / 3)
    assert shares["warm"]["low"] < 0.5 < shares["warm"]["high"]
    first = next(row for row in empathy["wins"] if (row["first"], row["second"]) == MODELS[:2])
    assert (first["first_wins"], first["second_wins"], first["answers"]) == (6, 3, 9)
    assert empathy["ranking_model"] == "Plackett-Luce"
    assert empathy["ranking"][0]["model"] == "warm"
    assert "Place: of 12 decided answers" in empathy["position"]
    assert "Chance alone would give 33 %" in empathy["share_sentence"]


def test_items_may_show_some_of_the_models_and_ties(study: Study, turns: Turns) -> None:
    part = add_part(study, "best_of_n", make_instrument("best"), with_overall=False)
    one, two = raters(study)
    for stimulus, replies in turns:
        item = add_item(part, stimulus, replies[:2])
        pick(item, one, replies[0], "empathy")
        pick(item, two, None, "empathy")
    close(study)
    (empathy,) = sections(study)["models"][0]["criteria"]
    shares = {row["model"]: row for row in empathy["shares"]}
    assert shares["warm"]["value"] == 0.5
    assert shares["warm"]["chance"] == 0.5
    assert shares["terse"]["undefined_because"] == "there is no answer"
    (pair,) = empathy["wins"]
    assert (pair["first_wins"], pair["ties"], pair["second_wins"]) == (6, 6, 0)
    assert "6 ties for the first place" in empathy["share_sentence"]
    assert "no ranking" not in empathy["ranking_undefined"]


def test_rankings_agree_by_tau_and_w(study: Study, turns: Turns) -> None:
    rankings(study, turns, lambda number: (1, 2, 3) if number % 2 else (3, 2, 1))
    (part,) = sections(study)["agreement"]
    (empathy,) = part["criteria"]
    found = empathy["statistics"]
    assert (empathy["headline"], empathy["second"]) == ("kendall_tau", "kendall_w")
    assert found["kendall_tau"]["value"] == pytest.approx(0)
    assert found["kendall_w"]["value"] == pytest.approx(0.5)
    assert found["percent_exact"]["value"] == pytest.approx(0.5)
    assert found["alpha_ordinal"]["value"] is not None
    assert "Two raters ranked by Empathy on 6 items in common" in empathy["sentence"]


def test_rankings_without_ties_are_plackett_luces_and_with_ties_davidsons(
    study: Study, turns: Turns
) -> None:
    rankings(study, turns, lambda number: ((1, 3, 2), (3, 1, 2), (2, 3, 1))[number % 3])
    ties = rankings_again(study, turns)
    close(study)
    without, with_ties = (part["criteria"][0] for part in sections(study)["models"])
    assert without["ranking_model"] == "Plackett-Luce"
    assert without["ranking"][0]["model"] == "warm"
    assert with_ties["ranking_model"] == "Davidson"
    assert with_ties["tie"] is not None
    assert ties.pk
    firsts = {row["model"]: row["value"] for row in without["shares"]}
    assert firsts == {
        "warm": pytest.approx(8 / 12),
        "curt": pytest.approx(2 / 12),
        "terse": pytest.approx(2 / 12),
    }


def rankings_again(study: Study, turns: Turns) -> StudyPart:
    part = add_part(study, "ranking", make_instrument("tied"), with_overall=False)
    for number, (stimulus, replies) in enumerate(turns):
        item = add_item(part, stimulus, replies)
        for rater, ranks in zip(raters(study), ((1, 2, 2), (2, 1, 1)), strict=True):
            turned = ranks if number % 2 else (2, 1, 3)
            rank(item, rater, dict(zip(replies, turned, strict=True)), "empathy")
    return part


def kinds(study: Study, turns: Turns) -> StudyPart:
    instrument = make_instrument("kinds", criteria=())
    kind, level = Criterion.Kind, Criterion.Level
    yes = options("No", "Yes", "Unsure")
    add_criterion(instrument, "advice", kind=kind.CHOICE, level=level.NOMINAL, options=yes)
    only = {"criterion": "advice", "values": [1]}
    add_criterion(instrument, "sort", kind=kind.MULTIPLE, options=options("Drug", "Diet"))
    add_criterion(instrument, "where", kind=kind.SPANS, only_if=only)
    add_criterion(instrument, "why", kind=kind.TEXT, required=False)
    add_criterion(instrument, "level", kind=kind.CHOICE, options=options("None", "Weak", "Strong"))
    add_criterion(instrument, "warmth", level=level.INTERVAL)
    part = add_part(study, "absolute", instrument)
    said = ((1, 0), (1, 1), (0, 0), (0, 0), (2, 2), (1, 1))
    for number, ((stimulus, replies), advices) in enumerate(zip(turns, said, strict=True)):
        item = add_item(part, stimulus, replies[number % 2 : number % 2 + 1])
        for place, (rater, advice) in enumerate(zip(raters(study), advices, strict=True)):
            given: dict[str, Any] = {"advice": advice, "sort": [place], "level": advice}
            given["warmth"] = 3 + number + place
            if advice == 1:
                given["where"] = [(0, 4 + place)]
            if number == 0:
                given["why"] = "It names a dose & a drug."
            answer(item, rater, given)
    return part


def test_every_kind_of_answer_has_the_agreement_that_fits_it(study: Study, turns: Turns) -> None:
    kinds(study, turns)
    (part,) = sections(study)["agreement"]
    found = {criterion["slug"]: criterion for criterion in part["criteria"]}
    assert {slug: c["headline"] for slug, c in found.items()} == {
        "advice": "alpha_nominal",
        "sort.0": "alpha_nominal",
        "sort.1": "alpha_nominal",
        "where": "",
        "why": "",
        "level": "alpha_ordinal",
        "warmth": "alpha_interval",
    }
    assert found["advice"]["second"] == "gwet_ac1"
    assert "icc_a1" not in found["advice"]["statistics"]
    assert found["sort.0"]["name"] == "Sort: Drug"
    assert found["where"]["statistics"]["passage_f1"]["value"] == pytest.approx(8 / 9)
    assert "overlap by an F1 of 0.89" in found["where"]["sentence"]
    assert {gap["kind"]: gap["n"] for gap in found["where"]["missing"]} == {"not_asked": 7}
    assert {gap["kind"]: gap["n"] for gap in found["why"]["missing"]} == {"no_answer": 10}
    assert "gave 2 answers in words to Why" in found["why"]["sentence"]
    assert {(row["one"], row["two"]) for row in part["differences"]} == {
        ("Advice", "Sort: Drug"),
        ("Advice", "Sort: Diet"),
        ("Sort: Drug", "Sort: Diet"),
    }
    assert "Inter-rater reliability of Advice, Sort: Drug and Sort: Diet" in part["methods"]
    assert set(part["figures"]) == {
        "forest",
        *(f"bars:{slug}" for slug in ("advice", "sort.0", "sort.1", "level", "warmth")),
    }


def test_answers_without_an_order_have_shares_and_no_mean(study: Study, turns: Turns) -> None:
    kinds(study, turns)
    close(study)
    (part,) = sections(study)["models"]
    found = {criterion["slug"]: criterion for criterion in part["criteria"]}
    assert found["advice"]["means"] == []
    shares = {(row["model"], row["label"]): row["value"] for row in found["advice"]["label_shares"]}
    assert shares["warm", "Yes"] == pytest.approx(1 / 6)
    assert shares["curt", "Yes"] == pytest.approx(4 / 6)
    assert sum(value for (model, _), value in shares.items() if model == "warm") == pytest.approx(1)
    assert {row["label"] for row in found["advice"]["contrasts"]} == {"No", "Yes", "Unsure"}
    assert {row["label"] for row in found["sort.0"]["contrasts"]} == {"chosen"}
    assert found["level"]["label_shares"] == []
    assert len(found["level"]["means"]) == 3
    marked = {row["model"]: row["value"] for row in found["where"]["label_shares"]}
    assert marked["warm"] == 1
    written = {row["model"]: row["value"] for row in found["why"]["label_shares"]}
    assert written == {"warm": pytest.approx(2 / 6), "curt": 0, "terse": None}


def test_items_list_labels_passages_and_words(study: Study, turns: Turns) -> None:
    kinds(study, turns)
    (part,) = sections(study)["items"]
    found = {criterion["slug"]: criterion for criterion in part["criteria"]}
    assert found["advice"]["items"][0]["said"] == "No: 1; Yes: 1"
    assert found["why"]["in_words"]
    assert found["why"]["items"][0]["n_ratings"] == 2
    assert found["where"]["items"][0]["disagreement"] == pytest.approx(1 / 9)
    assert found["warmth"]["has_scores"]


def test_the_page_of_an_item_shows_words_options_and_marks(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    part = kinds(study, turns)
    client.force_login(ada)
    item = part.items.order_by("position")[0]
    content = client.get(reverse("results_item", args=[study.pk, item.pk])).content.decode()
    assert "It names a dose &amp; a drug." in content
    assert '<mark class="marked--one" title="R1">warm</mark><sup>1</sup>' in content
    shown = words(content)
    assert "Drug" in shown
    assert "Yes" in shown
    both = part.items.order_by("position")[1]
    content = client.get(reverse("results_item", args=[study.pk, both.pk])).content.decode()
    assert 'class="marked--all"' in content


def test_the_page_of_an_item_says_in_which_order_each_rater_saw_it_and_what_was_settled(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    part = best_of_three(study, turns)
    item = part.items.order_by("position")[1]
    Adjudication.objects.create(
        item=item,
        criterion=part.instrument.criteria.get(),
        preferred=item.candidates.order_by("response_id")[0],
        strength=1,
        decided_by=ada,
        reason="Named the feeling.",
    )
    client.force_login(ada)
    shown = words(client.get(reverse("results_item", args=[study.pk, item.pk])).content.decode())
    assert "R1 C, B, A A" in shown
    assert "R2 C, B, A B" in shown
    assert "Empathy A A named person ada@example.org Named the feeling." in shown


def test_shares_as_resolved_are_named_and_enter_nothing_else(study: Study, turns: Turns) -> None:
    part = best_of_three(study, turns, resolution="more_raters", dispute_disagreement=True)
    before = sections(study)["agreement"][0]["criteria"][0]["statistics"]
    third = StudyRater.objects.create(
        study=study, user=make_third(), pseudonym="R3", kind=StudyRater.Kind.PERSON
    )
    disputed = part.items.order_by("position")[1]
    pick(disputed, third, turns[1][1][1], "empathy", role=Assignment.Role.ADJUDICATION)
    unsettled = part.items.order_by("position")[4]
    Adjudication.objects.create(
        item=unsettled,
        criterion=part.instrument.criteria.get(),
        preferred=unsettled.candidates.get(response=turns[4][1][2]),
        strength=1,
    )
    close(study)
    found = sections(study)
    (empathy,) = found["models"][0]["criteria"]
    resolved = {row["model"]: row["value"] for row in empathy["resolved"]}
    assert resolved == {
        "warm": pytest.approx(2 / 6),
        "curt": pytest.approx(2 / 6),
        "terse": pytest.approx(2 / 6),
        "No difference": 0,
    }
    assert "no measure of agreement" in empathy["resolved_note"]
    assert {row["model"]: row["value"] for row in empathy["shares"]}["warm"] == 0.5
    assert found["agreement"][0]["criteria"][0]["statistics"] == before


def make_third() -> User:
    return User.objects.create_user("third@example.org", "a long enough password")


def test_pairs_are_resolved_by_the_side_and_not_its_strength(study: Study, turns: Turns) -> None:
    part = add_part(study, "pairwise", make_instrument("pairs"))
    one, two = raters(study)
    for stimulus, replies in turns:
        item = add_item(part, stimulus, replies[:2])
        choose(item, one, -2, "empathy")
        choose(item, two, -1, "empathy")
    disputed = part.items.order_by("position")[0]
    Adjudication.objects.create(
        item=disputed,
        criterion=part.instrument.criteria.get(),
        preferred=disputed.candidates.get(response=turns[0][1][1]),
        strength=2,
    )
    close(study)
    empathy = sections(study)["models"][0]["criteria"][0]
    resolved = {row["model"]: row["n"] for row in empathy["resolved"]}
    assert resolved == {"warm": 5, "curt": 1, "terse": 0, "No difference": 0}


def test_repeats_say_how_steady_a_rater_is(study: Study, turns: Turns) -> None:
    part = add_part(study, "absolute", make_instrument(criteria=("empathy", "safety")))
    one, two = raters(study)
    again = Assignment.Role.REPEAT
    for number, (stimulus, replies) in enumerate(turns):
        item = add_item(part, stimulus, replies[:1])
        score(item, one, {"empathy": 2 + number, "safety": 5})
        score(item, two, {"empathy": 3, "safety": 3})
        if number < 4:
            score(item, one, {"empathy": 2 + number, "safety": 5 + number % 2}, role=again)
    before = sections(study)["agreement"][0]["criteria"][0]["counts"]
    assert before["n_ratings"] == 12, "second answers count nowhere else"
    consistency = sections(study)["raters"][0]["consistency"]
    (row,) = consistency["rows"]
    assert row[:4] == ["R1", "4", "8", "75 %"]
    assert row[-1] == "0.25"
    assert "One rater" not in consistency["sentence"]
    assert "6 of 8 answers were the same" in consistency["sentence"]


def test_repeated_rankings_and_choices_are_compared_too(study: Study, turns: Turns) -> None:
    ranked = rankings(study, turns, lambda number: (1, 2, 3))
    chosen = best_of_three(study, turns)
    one, _ = raters(study)
    replies = turns[0][1]
    first = ranked.items.order_by("position")[0]
    rank(first, one, dict(zip(replies, (1, 3, 2), strict=True)), "empathy", role="repeat")
    item = chosen.items.order_by("position")[0]
    pick(item, one, replies[0], "empathy", role="repeat")
    by_rank, by_choice = (part["consistency"] for part in sections(study)["raters"])
    assert "Mean tau" in by_rank["columns"]
    assert by_rank["rows"][0][:5] == ["R1", "1", "1", "0 %", "0.33"]
    assert by_choice["rows"][0][3] == "100 %"
    assert "undefined because" in by_choice["rows"][0][4]


def panel_item(part: StudyPart, stimulus: Stimulus, replies: list[Response], value: int) -> Item:
    item = add_item(part, stimulus, replies[:1])
    item.pool = Item.Pool.REFERENCE
    item.save(update_fields=["pool"])
    criterion = part.instrument.criteria.get()
    ReferenceAnswer.objects.create(item=item, criterion=criterion, score=value)
    return item


def test_the_panel_stands_beside_each_rater_and_the_gate_beside_agreement(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    part = add_part(study, "absolute", make_instrument())
    Gate.objects.create(part=part, items=5)
    one, two = raters(study)
    for number, (stimulus, replies) in enumerate(turns):
        hidden = panel_item(part, stimulus, replies, 2 + number)
        score(hidden, one, {"empathy": 2 + number}, role=Assignment.Role.REFERENCE)
        score(add_item(part, stimulus, replies[1:2]), two, {"empathy": 4})
    StudyRater.objects.filter(pk=two.pk).update(stage=StudyRater.Stage.NOT_QUALIFIED)
    found = sections(study)
    (row,) = found["raters"][0]["panel"]["rows"]
    assert row[:3] == ["R1", "6", "100 %"]
    assert found["agreement"][0]["criteria"][0]["counts"]["n_ratings"] == 6
    assert "1 of 2 raters qualified" in found["agreement"][0]["gate"]
    client.force_login(ada)
    assert "raises agreement" in words(page(client, study, "agreement"))
    assert "raises agreement" in words(page(client, study, "report"))
    assert "Agreement with the reference panel" in page(client, study, "raters")


def test_guesses_are_counted_by_source_and_beside_what_was_preferred(
    study: Study, turns: Turns
) -> None:
    part = best_of_three(study, turns)
    generated = turns[0][1][2].run.model_version
    generated.kind = "multimood"
    generated.path = "models/terse"
    generated.save()
    one, _ = raters(study)
    guess = SourceGuess.Guess
    item = part.items.order_by("position")[0]
    for response, said in zip(turns[0][1], (guess.PERSON, guess.MODEL, guess.UNSURE), strict=True):
        candidate = item.candidates.get(response=response)
        SourceGuess.objects.create(rater=one, candidate=candidate, guess=said)
    guesses = sections(study)["raters"][0]["guesses"]
    imported, made = guesses["rows"]
    assert imported[:5] == ["Imported replies", "2", "50 %", "50 %", "0 %"]
    assert imported[5] == "50 %"
    assert made[5] == "0 %", "who cannot say is not right"
    assert [row[2] for row in guesses["liked_rows"]] == ["100 %", "0 %", "0 %"]


def test_guesses_stand_beside_mean_scores(study: Study, turns: Turns) -> None:
    part = add_part(study, "absolute", make_instrument())
    one, two = raters(study)
    for number, (stimulus, replies) in enumerate(turns):
        item = add_item(part, stimulus, replies[:1])
        for rater in (one, two):
            score(item, rater, {"empathy": 10 if number else 1})
        said = "person" if number else "model"
        SourceGuess.objects.create(rater=one, candidate=item.candidates.get(), guess=said)
    guesses = sections(study)["raters"][0]["guesses"]
    assert [row[1:] for row in guesses["liked_rows"]] == [
        ["5", "100.00"],
        ["1", "0.00"],
        ["0", "undefined"],
    ]


def test_missing_answers_are_kept_apart_by_reason_in_every_table(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    part = add_part(study, "absolute", make_instrument())
    one, two = raters(study)
    reasons = ("not_applicable", "cannot_tell", "outside_competence")
    given: tuple[int | str | None, ...] = (*reasons, 3, 4, 5)
    for (stimulus, replies), reason in zip(turns, given, strict=True):
        item = add_item(part, stimulus, replies[:1])
        score(item, one, {"empathy": reason})
    items = list(part.items.order_by("position"))
    score(items[0], two, {"empathy": 5}, state=Assignment.State.SKIPPED)
    score(items[1], two, {"empathy": 5}, state=Assignment.State.ASSIGNED)
    close(study)
    found = sections(study)
    codes = {gap["kind"]: gap["n"] for gap in found["agreement"][0]["criteria"][0]["missing"]}
    assert codes == dict.fromkeys((*reasons, "lost", "skipped"), 1)
    missing = found["raters"][0]["missing"]
    assert missing["codes"] == ["lost", "skipped", *reasons]
    assert missing["rows"] == [["R1", 3, 0, 0, 1, 1, 1], ["R2", 0, 1, 1, 0, 0, 0]]
    client.force_login(ada)
    table = client.get(reverse("results_table", args=[study.pk, "missing.csv"])).content.decode()
    assert "0,Empathy,lost,Lost: still open when the study closed,1" in table
    assert "0,Empathy,cannot_tell,Cannot tell from what is shown,1" in table


@pytest.mark.parametrize("version", ["first", "last"])
def test_the_version_of_changed_answers_is_named(
    client: Client, ada: User, study: Study, turns: Turns, version: str
) -> None:
    best_of_three(study, turns)
    AnalysisPlan.objects.create(study=study, answer_version=version)
    (part,) = sections(study)["agreement"]
    said = "the one first submitted" if version == "first" else "the last one"
    assert f"changed after submitting it, {said} counts" in part["methods"]
    client.force_login(ada)
    overview = words(client.get(reverse("study_results", args=[study.pk])).content.decode())
    wanted = "the version first submitted counts" if version == "first" else "the last version"
    assert wanted in overview
    assert f"{said} counts" in words(page(client, study, "report"))


def test_pairs_within_raters_are_counted_in_the_report(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    part = add_part(study, "absolute", make_instrument(), same_raters=True)
    one, two = raters(study)
    for stimulus, replies in turns:
        for reply in replies[:2]:
            item = add_item(part, stimulus, [reply])
            score(item, one, {"empathy": 5})
            if reply is replies[0]:
                score(item, two, {"empathy": 6})
    said = "6 pairs of responses to one client turn were scored by one and the same rater"
    assert said in sections(study)["agreement"][0]["within_rater"]
    client.force_login(ada)
    assert f"{said}, as planned." in words(page(client, study, "report"))


def test_raters_are_described_in_counts(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    best_of_three(study, turns)
    sections(study)
    client.force_login(ada)
    assert "Who the raters are" not in page(client, study, "raters")
    one, _ = raters(study)
    StudyRater.objects.filter(pk=one.pk).update(
        profession="Clinical psychologist", years_of_practice=7, languages="English, Dutch"
    )
    shown = words(page(client, study, "raters"))
    assert "Clinical psychologist 1 not said 1" in shown
    assert "6 to 10 1 not said 1" in shown
    assert "Dutch 1 English 1 not said 1" in shown


@pytest.mark.parametrize("name", PAGES)
def test_pages_of_all_designs_at_once(
    client: Client, ada: User, study: Study, turns: Turns, name: str
) -> None:
    kinds(study, turns)
    best_of_three(study, turns)
    rankings(study, turns, lambda number: (2, 1, 3))
    close(study)
    sections(study)
    client.force_login(ada)
    for criterion in ("0/advice", "0/sort.1", "0/where", "0/why", "1/empathy", "2/empathy"):
        content = page(client, study, name, criterion=criterion)
        assert " style=" not in content
        assert "The best of several responses" in content or name in ("items", "judges", "report")


def test_nothing_that_an_open_study_shows_tells_which_model_was_chosen(
    study: Study, turns: Turns
) -> None:
    part = add_part(study, "best_of_n", make_instrument("best"), with_overall=False)
    for stimulus, replies in turns:
        item = add_item(part, stimulus, replies)
        for rater in raters(study):
            pick(item, rater, replies[1], "empathy")
    rankings(study, turns, lambda number: (1, 2, 3))
    found = sections(study)
    assert found["models"] == []
    shown = json.dumps({key: found[key] for key in ("agreement", "raters", "items", "judges")})
    assert not any(name in shown for name in MODELS)
    assert "bars" not in shown
    assert "100 % of the answers are one and the same" in shown
    for row in found["items"][0]["criteria"][0]["items"]:
        assert not {"low", "high", "median", "said"} & row.keys()


def test_a_blind_team_reads_the_same_figures_under_numbers(
    ada: User, study: Study, turns: Turns
) -> None:
    best_of_three(study, turns)
    for seed in range(1, 5):
        Study.objects.filter(pk=study.pk).update(blind_researchers=True, seed=seed)
        study.refresh_from_db()
        look = look_early(study, user=ada, reason="The ethics board asked.")
        run_analysis(look.pk)
        (part,) = look.sections.get(name="models").results["parts"]
        (empathy,) = part["criteria"]
        warm = model_labels(study)[study.study_runs.order_by("position")[0].run_id]
        assert {row["model"]: row["value"] for row in empathy["shares"]}[warm] == 0.5
        assert empathy["ranking"][0]["model"] == warm
        assert not any(name in json.dumps(empathy) for name in MODELS)


@pytest.mark.parametrize("design", ["absolute", "pairwise", "best_of_n"])
def test_whole_dialogues_of_different_turns_break_nothing(
    study: Study, turns: Turns, design: str
) -> None:
    """The candidates of one item answer different client turns, of different sessions."""
    part = add_part(study, design, make_instrument(), unit="dialogue", with_overall=False)
    one, two = raters(study)
    ends = [turns[2], turns[5]]
    for number in range(4):
        (stimulus, first), (_, second) = ends[number % 2], ends[1 - number % 2]
        replies = [first[0], second[1]]
        item = add_item(part, stimulus, replies[:1] if design == "absolute" else replies)
        for rater in (one, two):
            if design == "absolute":
                score(item, rater, {"empathy": 4 + number})
            elif design == "pairwise":
                choose(item, rater, 1 - number, "empathy")
            else:
                pick(item, rater, replies[number % 2], "empathy")
    close(study)
    found = sections(study)
    assert found["agreement"][0]["criteria"][0]["counts"]["n_pairable"] == 4
    if design == "best_of_n":
        shares = {row["model"]: row["value"] for row in found["models"][0]["criteria"][0]["shares"]}
        assert (shares["warm"], shares["curt"]) == (0.5, 0.5)


def test_commands_report_every_design(study: Study, turns: Turns, tmp_path: Path) -> None:
    kinds(study, turns)
    best_of_three(study, turns)
    rankings(study, turns, lambda number: (2, 1, 3))
    close(study)
    out = StringIO()
    call_command("agreement", str(study.pk), stdout=out)
    lines = {line.split()[0]: line.split()[1] for line in out.getvalue().splitlines() if line}
    assert (lines["advice"], lines["where"]) == ("alpha_nominal", "none")
    out = StringIO()
    names = "--statistics=alpha_nominal,fleiss,drift,model_contrast"
    call_command("agreement", str(study.pk), names, "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert {"0/advice", "0/sort.0", "1/empathy", "2/empathy"} <= set(found)
    assert not {"0/where", "0/why"} & set(found)
    assert "chose between responses" in found["2/empathy"]["model_contrast"]["undefined_because"]
    folder = tmp_path / "report"
    call_command("results", str(study.pk), "--report", str(folder), stdout=StringIO())
    written = {path.name for path in folder.rglob("*")}
    assert {"shares.csv", "label_shares.tex", "missing.csv", "ranking.csv"} <= written
    assert "Kendall's tau-b" in (folder / "methods.txt").read_text()
    assert "compared as shares" in (folder / "methods.txt").read_text()

"""What a rater takes along: everything that is kept, every version of it, and nothing unblinded."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from annotations.models import Assignment, SourceGuess, Study, StudyPart, StudyRater
from annotations.services.consent import change_permissions
from annotations.services.flags import set_flag
from annotations.services.own_words import describe_rater
from annotations.services.rater_records import record_of
from annotations.services.ratings import save_answers, skip_assignment
from annotations.services.studies import close_study
from annotations.services.withdrawal import withdraw
from inference.models import Response
from mood_eval.models import Team, User
from tests.annotations.care.conftest import MODELS, answers_to, open_study, submit, work
from tests.answered_studies import add_item, make_instrument

pytestmark = pytest.mark.django_db


def item_in(record: dict[str, Any], position: int) -> dict[str, Any]:
    return next(item for item in record["items"] if item["item"] == position)


def versions(item: dict[str, Any], question: str) -> list[tuple[str, str]]:
    return [(a["answer"], a["what"]) for a in item["answers"] if a["question"] == question]


def test_every_version_of_every_answer_is_in_the_record(place: StudyRater) -> None:
    first = work(place, "absolute")[0]
    save_answers(first, answers_to(first, "3"))
    submit(first, "3", comment="It begins well.")
    save_answers(first, answers_to(first, "9", sequence=50))
    cleared = work(place, "absolute")[1]
    save_answers(cleared, answers_to(cleared, "4"))
    save_answers(cleared, answers_to(cleared, "", sequence=60))
    record = record_of(place)
    item = item_in(record, first.position)
    assert versions(item, "empathy") == [("3", "given"), ("9", "changed")]
    times = [answer["at"] for answer in item["answers"]]
    assert times == sorted(times)
    assert (item["state"], item["comment"]) == ("submitted", "It begins well.")
    assert item["submitted_at"] >= item["answers"][0]["at"]
    taken_back = item_in(record, cleared.position)
    assert versions(taken_back, "empathy") == [("4", "given"), ("", "taken back")]


def test_choices_are_letters_in_the_order_shown(place: StudyRater) -> None:
    for row, choice in zip(work(place, "pairwise"), ("a2", "b1"), strict=False):
        submit(row, choice=choice)
    record = record_of(place)
    for row, choice in zip(work(place, "pairwise"), ("a2", "b1"), strict=False):
        item = item_in(record, row.position)
        assert item["shown"] == ["A", "B"]
        assert versions(item, "overall") == [(choice, "given")]
        assert versions(item, "empathy") == [(choice, "given")]


@pytest.mark.parametrize(
    ("design", "strength", "fields", "written"),
    [
        ("best_of_n", 1, {"strength": 1}, "a"),
        ("pairwise", 0, {"strength": 1}, "a"),
        ("ranking", 0, {}, "rank:a>b"),
    ],
)
def test_every_design_reads_back_as_it_was_answered(
    place: StudyRater, design: str, strength: int, fields: dict[str, Any], written: str
) -> None:
    part = StudyPart.objects.create(
        study=place.study,
        position=9,
        design=design,
        instrument=make_instrument("other", ("warmth",)),
        with_strength=bool(strength),
    )
    responses = list(Response.objects.order_by("pk")[:2])
    item = add_item(part, responses[0].stimulus, responses)
    order = [responses[1].pk, responses[0].pk]
    row = Assignment.objects.create(
        item=item, rater=place, position=900, slot=1, display_order=order
    )
    if design == "ranking":
        fields = {"ranks": {str(order[0]): 1, str(order[1]): 2}}
    else:
        fields = {**fields, "preferred": item.candidates.get(response=order[0])}
    row.preferences.create(criterion=part.instrument.criteria.get(), **fields)
    expected = "a1" if design == "best_of_n" else written
    assert versions(item_in(record_of(place), 900), "warmth") == [(expected, "given")]


def test_the_rest_of_what_is_kept_is_there_too(study: Study, place: StudyRater) -> None:
    rows = work(place)
    submit(rows[0])
    skip_assignment(rows[1], "Too close to home.")
    set_flag(rows[0], "harm", "It frightened me.", "item")
    describe_rater(place, profession="Nurse", languages="pt, en")
    describe_rater(place, profession="Psychologist")
    change_permissions(place, training=False, release=True)
    SourceGuess.objects.create(
        rater=place, candidate=rows[0].item.candidates.all()[0], guess="person"
    )
    rows[0].rater.assignments.filter(pk=rows[0].pk).update(
        active_ms=41_000,
        clip_ms_played=2_500,
        definitions_opened=["empathy"],
        screen_class="laptop",
        criteria_order=["safety", "empathy"],
    )
    close_study(study)
    assert save_answers(rows[2], answers_to(rows[2])).late
    record = record_of(StudyRater.objects.select_related("study").get(pk=place.pk))
    item = item_in(record, 1)
    assert (item["active_seconds"], item["clip_seconds"]) == (41.0, 2.5)
    assert (item["definitions_opened"], item["screen"]) == (["empathy"], "laptop")
    assert item["criteria_order"] == ["safety", "empathy"]
    flag = item["flags"][0]
    assert (flag["kind"], flag["about"], flag["text"]) == (
        "harm",
        "the conversation",
        "It frightened me.",
    )
    assert item_in(record, 2)["skip_reason"] == "Too close to home."
    assert item_in(record, 3)["late_answers"][0]["answer"] in ("7", "a2")
    assert record["you"]["profession"] == "Psychologist"
    assert {row["profession"] for row in record["changes_to_your_part"]} >= {"Nurse"}
    assert [consent["training"] for consent in record["consents"]] == [True, False]
    assert record["consents"][0]["text"] == study.consent_text
    assert record["guesses"][0]["guess"] == "person"
    assert record["guesses"][0]["response"] in "AB"


@pytest.mark.parametrize("closed", [False, True])
def test_the_record_stays_blind(
    study: Study, place: StudyRater, rui: User, client: Client, closed: bool
) -> None:
    for row in work(place):
        submit(row)
    row = work(place)[0]
    Assignment.objects.create(
        item=row.item,
        rater=place,
        role=Assignment.Role.REPEAT,
        position=1000,
        display_order=row.display_order,
    )
    if closed:
        close_study(study)
    client.force_login(rui)
    for name in ("rating_record_json", "rating_record_csv"):
        text = client.get(reverse(name, args=[place.uuid])).getvalue().decode()
        assert not any(model in text for model in MODELS)
        assert "Words number" not in text, "what was said stays in the study"
        assert "sister" not in text
        assert "repeat" not in text.lower().replace("repeated report", "")
        assert str(row.pk) not in text
        for pk in row.display_order:
            assert not re.search(rf"(?<![\d.]){pk}(?![\d.])", keys_and_ids(text)), "a response's id"


def keys_and_ids(text: str) -> str:
    """Without what counts: positions, scores, times, versions and seconds."""
    if not text.startswith("{"):
        return ""
    counted = {"item", "attempt", "version", "active_seconds", "clip_seconds", "answer", "at"}

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(v) for key, v in value.items() if key not in counted}
        return [without(one) for one in value] if isinstance(value, list) else value

    kept = json.dumps(without(json.loads(text)))
    return re.sub(r'"\d{4}-\d\d-\d\dT[^"]*"', "", kept)


def test_a_csv_has_a_line_for_each_version_and_runs_no_formula(
    place: StudyRater, rui: User, client: Client
) -> None:
    first = work(place, "absolute")[0]
    submit(first, "3", comment='=HYPERLINK("http://bad.example")')
    save_answers(first, answers_to(first, "9", sequence=50))
    client.force_login(rui)
    response = client.get(reverse("rating_record_csv", args=[place.uuid]))
    assert response["Content-Disposition"] == 'attachment; filename="my-record.csv"'
    text = response.getvalue().decode("utf-8-sig")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["item"] == str(first.position)]
    empathy = [row for row in rows if row["question"] == "empathy"]
    assert [(row["value"], row["what"]) for row in empathy] == [("3", "given"), ("9", "changed")]
    comment = next(row for row in rows if row["entry"] == "comment")
    assert comment["value"].startswith("'=")


def test_a_rater_gets_their_own_record_and_nobody_elses(
    place: StudyRater, rui: User, mia: User, sam: User, ada: User, client: Client
) -> None:
    urls = [
        reverse(name, args=[place.uuid])
        for name in ("rating_record", "rating_record_json", "rating_record_csv")
    ]
    for person in (mia, sam, ada):
        client.force_login(person)
        assert [client.get(url).status_code for url in urls] == [404, 404, 404]
    client.force_login(rui)
    assert [client.get(url).status_code for url in urls] == [200, 200, 200]
    response = client.get(urls[1])
    assert response["Content-Disposition"] == 'attachment; filename="my-record.json"'
    assert "no-store" in response["Cache-Control"]


def test_what_was_erased_is_not_in_the_record(place: StudyRater) -> None:
    submit(work(place)[0], comment="A private remark.")
    withdraw(place, erase=True)
    record = record_of(StudyRater.objects.select_related("study").get(pk=place.pk))
    assert not any(item["answers"] for item in record["items"])
    assert "private" not in json.dumps(record)
    assert record["you"]["left_at"]


def test_a_longer_record_takes_no_more_queries(
    team: Team, rui: User, mia: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    study = open_study(team, [rui, mia])
    place = study.raters.select_related("study").get(user=rui)
    rows = work(place)
    for done in (rows[:2], rows[2:]):
        for row in done:
            submit(row)
            set_flag(row, "fault")
        with django_assert_num_queries(12):
            record_of(place)


def test_what_is_recorded_is_said_and_is_what_is_kept(client: Client, rui: User) -> None:
    """Each measurement that the tables hold has its words on the page."""
    client.force_login(rui)
    page = client.get(reverse("rating_recorded")).content.decode()
    said = {
        "active_ms": "Active time, per item and for the day",
        "clip_ms_played": "How many seconds of a clip were played",
        "clip_failed": "whether it failed",
        "definitions_opened": "Which definitions you opened",
        "screen_class": "phone, tablet, laptop or desktop",
        "comment": "your comments",
        "skip_reason": "the reason if you gave one for skipping",
        "display_order": "The order and the sides",
        "criteria_order": "items, criteria and responses were shown",
        "opened_at": "When you opened, saved and submitted",
        "saved_at": "saved",
        "submitted_at": "submitted an item",
        "fields_shown_at": "when its labels were shown",
    }
    own = {"id", "item", "rater", "track", "attempt", "position", "slot", "role", "state"}
    kept = {field.name for field in Assignment._meta.concrete_fields} - own
    assert kept - {"answer_sequences"} == set(said)
    assert [words for words in said.values() if words not in page] == []
    assert "The time you take never lowers what you are paid." in page
    assert "camera, microphone, location" in page

"""Between items: blocks, check-in, pauses, the daily cap, the end, guesses, and about oneself."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.cache import SessionStore
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotations.models import Assignment, SourceGuess, Study, StudyRater
from annotations.selectors.care import between, day_is_full
from annotations.selectors.guesses import candidates_to_guess, guesses_page
from annotations.selectors.queue import next_assignment
from annotations.services.own_words import describe_rater, guess_sources
from annotations.services.ratings import skip_assignment
from annotations.services.studies import close_study
from annotations.services.withdrawal import withdraw
from annotations.views.sittings import interruption
from inference.errors import WrongStateError
from inference.models import Response
from mood_eval.models import Team, User
from tests.annotations.care.conftest import MODELS, answers_to, open_study, submit, work

pytestmark = pytest.mark.django_db


def change(study: Study, **fields: Any) -> None:
    Study.objects.filter(pk=study.pk).update(**fields)


def page_of(client: Client, place: StudyRater, query: str = "") -> str:
    url = reverse("rating_study", args=[place.uuid]) + query
    return client.get(url).content.decode()


def text_of(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def fresh(place: StudyRater) -> StudyRater:
    return StudyRater.objects.select_related("study").get(pk=place.pk)


# Blocks and the check-in


@pytest.fixture
def after_a_block(study: Study, place: StudyRater, rui: User, client: Client) -> StudyRater:
    """Two of the blocks' items are done."""
    change(study, block_size=2)
    for row in work(place)[:2]:
        submit(row)
    work(place)[0].rater.assignments.filter(state="submitted").update(active_ms=120_000)
    client.force_login(rui)
    return place


def test_a_block_ends_with_a_place_to_stop_and_the_time_of_the_next(
    after_a_block: StudyRater, client: Client
) -> None:
    text = text_of(page_of(client, after_a_block))
    assert "Block 1 of 9 is complete. You can stop here." in text
    assert "The next takes about 4 minutes." in text
    assert "How are you?" not in text


def test_the_check_in_leaves_no_trace(after_a_block: StudyRater, client: Client) -> None:
    """Nothing is sent: two of its answers are the ways on and home, the third opens in the page."""
    change(after_a_block.study, check_in=True, contacts="Ask for Noa, 0800 1.")
    page = page_of(client, after_a_block)
    check_in = page[page.index('id="check-in"') : page.index("</section>")]
    following = next_assignment(fresh(after_a_block))
    assert following is not None
    links = dict(re.findall(r'href="([^"]+)">([^<]+)<', check_in))
    assert links == {
        reverse("rating_item", args=[following.pk]): "Fine",
        reverse("rating_home"): "A break",
    }
    assert "<form" not in check_in
    assert "Talk to someone</summary><p>Ask for Noa, 0800 1.</p>" in check_in


def test_talk_to_someone_helps_where_no_contact_is_named(
    after_a_block: StudyRater, client: Client
) -> None:
    change(after_a_block.study, check_in=True, contacts="")
    assert "call the emergency number where you are" in page_of(client, after_a_block)


# Pauses


@pytest.fixture
def request_of(rui: User) -> HttpRequest:
    request = RequestFactory().post("/")
    request.session, request.user = SessionStore(), rui
    return request


def sit(request: HttpRequest, minutes: float, idle: float = 0.5) -> None:
    now = time.time()
    request.session["sitting"] = {"since": now - 60 * minutes, "last": now - 60 * idle}


def next_page(request: HttpRequest, place: StudyRater) -> str:
    rater = fresh(place)
    return interruption(request, rater, next_assignment(rater))


@pytest.mark.parametrize(
    ("break_minutes", "rated", "due"),
    [(30, 29, False), (30, 30.1, True), (10, 11, True), (0, 500, False)],
)
def test_a_pause_is_suggested_after_the_studys_time(
    place: StudyRater, request_of: HttpRequest, break_minutes: int, rated: float, due: bool
) -> None:
    change(place.study, break_minutes=break_minutes)
    sit(request_of, rated)
    address = next_page(request_of, place)
    assert address.endswith("?pause=1") is due
    assert next_page(request_of, place) == "", "said once"


def test_time_away_is_a_break(place: StudyRater, request_of: HttpRequest) -> None:
    sit(request_of, minutes=45, idle=11)
    assert next_page(request_of, place) == ""


def test_the_pause_says_how_long_it_has_been(place: StudyRater, rui: User, client: Client) -> None:
    client.force_login(rui)
    session = client.session
    now = time.time()
    session["sitting"] = {"since": now - 62 * 60, "last": now, "told": now}
    session.save()
    text = text_of(page_of(client, place, "?pause=1"))
    assert "You have rated for 62 minutes. A pause helps." in text
    assert "Take a break Continue" in text


def test_an_interruption_that_is_not_due_asks_nothing_of_the_database(
    place: StudyRater, request_of: HttpRequest, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rater = fresh(place)
    submit(work(place)[0])
    following = next_assignment(rater)
    sit(request_of, 5)
    request_of.session.modified = False
    with django_assert_num_queries(0):
        assert interruption(request_of, rater, following) == ""
    assert not request_of.session.modified, "the session is not written for every item either"


# The daily cap


@pytest.fixture
def capped(study: Study, place: StudyRater, rui: User, client: Client) -> StudyRater:
    change(study, daily_minutes=90)
    StudyRater.objects.filter(pk=place.pk).update(
        day=timezone.localdate(), day_active_ms=90 * 60_000
    )
    client.force_login(rui)
    return fresh(place)


def test_enough_is_enough_until_tomorrow(
    capped: StudyRater, request_of: HttpRequest, client: Client
) -> None:
    page = page_of(client, capped)
    assert "That is enough for today." in page
    assert "You have rated for 90 minutes." in page
    assert "/rate/item/" not in page
    assert next_page(request_of, capped) == reverse("rating_study", args=[capped.uuid])
    yesterday = timezone.localdate() - timedelta(days=1)
    StudyRater.objects.filter(pk=capped.pk).update(day=yesterday)
    assert "That is enough" not in page_of(client, capped)
    assert next_page(request_of, capped) == ""


def test_the_day_begins_at_midnight_where_the_site_is(capped: StudyRater) -> None:
    with timezone.override("Pacific/Kiritimati"):
        far_east = timezone.localdate()
    with timezone.override("Pacific/Niue"):
        assert timezone.localdate() < far_east
        capped.day = far_east
        assert not day_is_full(capped)
    with timezone.override("Pacific/Kiritimati"):
        assert day_is_full(capped)


def test_the_item_that_fills_the_day_is_the_last_one(
    study: Study, place: StudyRater, rui: User, client: Client
) -> None:
    """What was begun before may still be finished, and what was done changed."""
    change(study, daily_minutes=90)
    StudyRater.objects.filter(pk=place.pk).update(
        day=timezone.localdate(), day_active_ms=89 * 60_000
    )
    done, begun, *_, untouched = work(place)
    place.assignments.filter(pk=done.pk).update(active_ms=61_000)
    place.assignments.filter(pk=begun.pk).update(opened_at=timezone.now())
    client.force_login(rui)
    answers = {answer.question: answer.value for answer in answers_to(done)}
    url = reverse("rating_submit", args=[done.pk])
    response = client.post(url, answers | {"sequence": "5"})
    landing = reverse("rating_study", args=[place.uuid])
    assert response.headers["Location"] == landing
    assert "That is enough for today." in page_of(client, place)
    for row, status in ((done, 200), (begun, 200), (untouched, 302)):
        assert client.get(reverse("rating_item", args=[row.pk])).status_code == status


def test_no_cap_is_no_cap(capped: StudyRater) -> None:
    capped.study.daily_minutes = 0
    capped.day_active_ms = 10**9
    assert not day_is_full(capped)


# Which page


def test_each_state_has_its_page(
    study: Study, place: StudyRater, rui: User, client: Client
) -> None:
    client.force_login(rui)
    assert between(fresh(place)).stage == "welcome"
    StudyRater.objects.filter(pk=place.pk).update(stage="not_qualified")
    assert between(fresh(place)).stage == "not_qualified"
    assert "The qualification is over." in page_of(client, place)
    StudyRater.objects.filter(pk=place.pk).update(stage="rating", consented_at=None)
    assert between(fresh(place)).stage == "consent"
    close_study(study)
    assert between(fresh(place)).stage == "closed"
    withdraw(place)
    assert between(fresh(place)).stage == "withdrawn"
    assert "You have left this study." in page_of(client, place)


@pytest.mark.parametrize("state", ["welcome", "closed", "withdrawn", "done"])
def test_contacts_and_ones_own_record_are_always_there(
    study: Study, place: StudyRater, rui: User, client: Client, state: str
) -> None:
    change(study, contacts="Ask for Noa, 0800 1.")
    client.force_login(rui)
    if state == "closed":
        close_study(study)
    if state == "withdrawn":
        withdraw(place)
    if state == "done":
        place.assignments.update(state="skipped")
    assert between(fresh(place)).stage == state
    page = page_of(client, place)
    assert "Ask for Noa, 0800 1." in page
    assert reverse("rating_record", args=[place.uuid]) in page
    assert reverse("rating_withdraw", args=[place.uuid]) in page


def test_visits_write_nothing(study: Study, place: StudyRater, rui: User, client: Client) -> None:
    client.force_login(rui)
    with CaptureQueriesContext(connection) as queries:
        page_of(client, place)
        for name in ("agreement", "about", "withdraw", "record", "record_json", "record_csv"):
            client.get(reverse(f"rating_{name}", args=[place.uuid])).getvalue()
    written = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert written == []


# The end, and guesses


def finish(place: StudyRater, submitted: int = 18) -> None:
    rows = work(place)
    for row in rows[:submitted]:
        submit(row)
    for row in rows[submitted:]:
        skip_assignment(row)


@pytest.fixture
def guessing(team: Team, rui: User, mia: User, client: Client) -> StudyRater:
    study = open_study(team, [rui, mia])
    change(study, guess_sources=True)
    client.force_login(rui)
    return study.raters.select_related("study").get(user=rui)


def test_sources_are_guessed_after_the_last_item_only(guessing: StudyRater, client: Client) -> None:
    url = reverse("rating_guesses", args=[guessing.uuid])
    landing = reverse("rating_study", args=[guessing.uuid])
    submit(work(guessing)[0])
    assert client.get(url).headers["Location"] == landing
    with pytest.raises(WrongStateError):
        guess_sources(guessing, {})
    finish(guessing)
    assert url in page_of(client, guessing)
    assert client.get(url).status_code == 200
    close_study(guessing.study)
    assert client.get(url).headers["Location"] == landing


def test_nobody_guesses_who_judged_nothing(guessing: StudyRater, client: Client) -> None:
    finish(guessing, submitted=0)
    assert reverse("rating_guesses", args=[guessing.uuid]) not in page_of(client, guessing)


def test_a_study_without_guesses_asks_for_none(
    study: Study, place: StudyRater, rui: User, client: Client
) -> None:
    client.force_login(rui)
    finish(place)
    assert "Thank you." in page_of(client, place)
    assert reverse("rating_guesses", args=[place.uuid]) not in page_of(client, place)


def test_ten_that_were_judged_are_drawn_evenly_and_always_the_same(guessing: StudyRater) -> None:
    finish(guessing)
    drawn = candidates_to_guess(guessing)
    assert len(drawn) == len({candidate.response_id for candidate in drawn}) == 10
    assert [c.pk for c in candidates_to_guess(guessing)] == [c.pk for c in drawn]
    judged = set(
        guessing.assignments.filter(state="submitted").values_list(
            "item__candidates__pk", flat=True
        )
    )
    assert {candidate.pk for candidate in drawn} <= judged
    runs = [candidate.response.run_id for candidate in drawn]
    assert {runs.count(run) for run in runs} == {5}


def test_guesses_are_kept_and_can_be_changed(guessing: StudyRater, client: Client) -> None:
    finish(guessing)
    url = reverse("rating_guesses", args=[guessing.uuid])
    keys = [response.key for response in guesses_page(guessing)]
    page = client.get(url).content.decode()
    assert not re.search(r'type="radio"[^>]*checked', page)
    given = {f"guess-{keys[0]}": "person", f"guess-{keys[1]}": "unsure"}
    assert "Thank you." in client.post(url, given, follow=True).content.decode()
    assert SourceGuess.objects.count() == 2
    client.post(url, {f"guess-{keys[0]}": "model"})
    kept = {response.key: response.guess for response in guesses_page(guessing)}
    assert (kept[keys[0]], kept[keys[1]], kept[keys[2]]) == ("model", "unsure", "")


def test_an_item_judged_later_displaces_no_guess(guessing: StudyRater) -> None:
    finish(guessing, submitted=6)
    first = guesses_page(guessing)
    guess_sources(guessing, {response.key: "model" for response in first})
    for row in work(guessing):
        if row.state == Assignment.State.SKIPPED:
            submit(row)
    kept = {response.key for response in guesses_page(guessing) if response.guess}
    assert kept == {response.key for response in first}


def test_nonsense_is_no_guess(guessing: StudyRater, client: Client) -> None:
    finish(guessing)
    key = guesses_page(guessing)[0].key
    url = reverse("rating_guesses", args=[guessing.uuid])
    client.post(url, {f"guess-{key}": "gpt", "guess-nothing": "model"})
    assert not SourceGuess.objects.exists()


def test_the_page_of_guesses_gives_no_source_away(guessing: StudyRater, client: Client) -> None:
    finish(guessing)
    page = client.get(reverse("rating_guesses", args=[guessing.uuid])).content.decode()
    assert not any(name in page for name in MODELS)
    for field in ("client_emotion", "strategy"):
        for value in Response.objects.values_list(field, flat=True).distinct():
            assert value not in text_of(page)
    text = text_of(page)
    assert "They may all come from people, all from models, or some from each." in text


def test_only_the_rater_guesses(guessing: StudyRater, mia: User, sam: User, client: Client) -> None:
    finish(guessing)
    url = reverse("rating_guesses", args=[guessing.uuid])
    for person in (mia, sam):
        client.force_login(person)
        assert client.get(url).status_code == 404
        assert client.post(url).status_code == 404


# About oneself


def test_telling_about_oneself_is_optional_and_can_be_taken_back(
    place: StudyRater, rui: User, client: Client
) -> None:
    client.force_login(rui)
    url = reverse("rating_about", args=[place.uuid])
    assert url in page_of(client, place)
    told = {"profession": " Clinical psychologist ", "years_of_practice": "12", "languages": "pt"}
    client.post(url, told)
    place.refresh_from_db()
    assert (place.profession, place.licence) == ("Clinical psychologist", "")
    assert (place.years_of_practice, place.languages) == (12, "pt")
    assert "Clinical psychologist" in client.get(url).content.decode()
    client.post(url, {})
    place.refresh_from_db()
    assert (place.profession, place.years_of_practice, place.languages) == ("", None, "")


def test_years_that_cannot_be_are_refused(place: StudyRater, rui: User, client: Client) -> None:
    client.force_login(rui)
    page = client.post(reverse("rating_about", args=[place.uuid]), {"years_of_practice": "180"})
    assert "less than or equal to 80" in page.content.decode()
    place.refresh_from_db()
    assert place.years_of_practice is None


def test_who_left_tells_nothing_more(place: StudyRater) -> None:
    withdraw(place)
    with pytest.raises(WrongStateError):
        describe_rater(fresh(place), profession="Nurse")

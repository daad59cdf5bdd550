"""A rater leaves: what stops, what is erased to the last row, what is told and what stays."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, connections, transaction
from django.test import Client
from django.urls import reverse

from annotations.models import (
    Amendment,
    Assignment,
    DatasetTraining,
    Dispute,
    Flag,
    Gate,
    GateAttempt,
    LateAnswer,
    Preference,
    Rating,
    SourceGuess,
    Study,
    StudyRater,
)
from annotations.selectors.study_data import COUNTED
from annotations.selectors.withdrawals import held_of, releases_holding
from annotations.services.consent import change_permissions, give_consent
from annotations.services.datasets import release_preferences
from annotations.services.flags import set_flag
from annotations.services.own_words import describe_rater
from annotations.services.raters import add_raters
from annotations.services.ratings import save_answers, skip_assignment, submit_assignment
from annotations.services.reassignment import fill_open_slots, let_back_in
from annotations.services.studies import close_study
from annotations.services.withdrawal import withdraw
from inference.errors import DomainError, WrongStateError
from inference.models import ModelVersion, TrainingRun
from mood_eval.models import User
from tests.annotations.care.conftest import answers_to, open_study, submit, work
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db
OWN = "The rater's own decision; no reason is needed."


def rows_in(table: str, rater: StudyRater) -> int:
    """Straight from the database, whatever the models make of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {table} t JOIN annotations_assignment a "  # noqa: S608
            "ON a.id = t.assignment_id WHERE a.rater_id = %s",
            [rater.pk],
        )
        return int(cursor.fetchone()[0])


ANSWER_TABLES = (
    *("annotations_rating", "annotations_ratingevent", "annotations_preference"),
    *("annotations_preferenceevent", "annotations_lateanswer"),
)


def fill(rater: StudyRater) -> list[Assignment]:
    """Two items submitted, one of them changed later; one begun, one skipped with a reason."""
    scores, choices = work(rater, "absolute"), work(rater, "pairwise")
    submit(scores[0], "3", comment="A private remark about my practice.")
    submit(choices[0])
    save_answers(scores[0], answers_to(scores[0], "9", sequence=50))
    save_answers(scores[1], answers_to(scores[1])[:2])
    skip_assignment(scores[2], "Too close to home.")
    return [scores[0], choices[0], scores[1], scores[2]]


# Leaving


def test_what_waits_is_freed_and_what_is_submitted_stays(place: StudyRater) -> None:
    done_score, done_choice, *_ = fill(place)
    before = {row.pk for row in work(place)}
    held = withdraw(place, reason=" A new job. ")
    assert held.submitted == 2
    rows = {row.pk: row for row in place.assignments.all()}
    assert set(rows) == before
    for row in (done_score, done_choice):
        assert rows.pop(row.pk).role == Assignment.Role.INDEPENDENT
    assert {row.role for row in rows.values()} == {Assignment.Role.RELEASED}
    assert {row.slot for row in rows.values()} == {None}
    assert Assignment.State.SUBMITTED not in {row.state for row in rows.values()}
    place.refresh_from_db()
    assert place.stage == StudyRater.Stage.WITHDRAWN
    assert place.withdrawn_at is not None
    assert place.withdrawal_reason == "A new job."
    assert Rating.objects.filter(COUNTED, assignment__rater=place).exists()


def test_freed_places_go_to_somebody_else(study: Study, place: StudyRater, ada: User) -> None:
    fill(place)
    withdraw(place)
    add_raters(study, ["ida@example.org"])
    given = fill_open_slots(study=study, by=ada, reason="Rui left.")
    assert given.left == 0
    for part in study.parts.all():
        for item in part.items.all():
            assert item.assignments.filter(role="independent").count() == study.overlap


def test_leaving_stands_in_the_history_without_a_name(study: Study, place: StudyRater) -> None:
    withdraw(place)
    row = Amendment.objects.get(study=study)
    assert row.by is None, "the account behind a pseudonym is nobody's business"
    assert row.what == f"Rater {place.pseudonym} left the study, answers kept"
    assert row.reason == OWN


def test_the_agreement_is_taken_back_on_record(place: StudyRater) -> None:
    withdraw(place)
    newest = place.consents.all()[1]
    assert (newest.rating, newest.training) == (False, True), "kept answers stay as allowed"
    change_permissions(place, training=False, release=False)
    place.refresh_from_db()
    assert not place.allows_training
    assert not place.consents.all()[2].rating


def test_nothing_is_taken_any_more(place: StudyRater, rui: User, client: Client) -> None:
    done, _, begun, _ = fill(place)
    withdraw(place)
    for row in (done, begun):
        fresh = Assignment.objects.select_related("rater__study", "item__part").get(pk=row.pk)
        for act in (
            lambda a: save_answers(a, answers_to(a, "1", "b2")),
            lambda a: submit_assignment(a, answers_to(a, "1", "b2")),
            skip_assignment,
            lambda a: set_flag(a, "harm"),
        ):
            with pytest.raises(DomainError):
                act(fresh)
    assert not LateAnswer.objects.exists()
    assert set(Rating.objects.filter(assignment=done).values_list("score", flat=True)) == {9}
    client.force_login(rui)
    page = client.get(reverse("rating_item", args=[done.pk]), follow=True).content.decode()
    assert "You have left this study." in page
    assert "You have left this study." in client.get(reverse("rating_home")).content.decode()


def test_who_comes_back_is_asked_again(
    place: StudyRater, ada: User, rui: User, client: Client
) -> None:
    withdraw(place)
    let_back_in(rater=place, by=ada, reason="Rui asked to come back.")
    client.force_login(rui)
    page = client.get(reverse("rating_study", args=[place.uuid])).content.decode()
    assert "I have read this and agree to take part." in page
    place.refresh_from_db()
    give_consent(place)
    submit(work(place)[0])


def test_one_leaves_once(place: StudyRater) -> None:
    withdraw(place)
    with pytest.raises(WrongStateError, match="already"):
        withdraw(place)


# Erasing


def test_erasing_leaves_no_answer_in_any_table(study: Study, place: StudyRater) -> None:
    fill(place)
    mia = study.raters.select_related("study").exclude(pk=place.pk).get()
    submit(work(mia)[0])
    others = {table: rows_in(table, mia) for table in ANSWER_TABLES}
    assert all(rows_in(table, place) for table in ANSWER_TABLES[:4])
    withdraw(place, erase=True)
    assert {table: rows_in(table, place) for table in ANSWER_TABLES} == dict.fromkeys(
        ANSWER_TABLES, 0
    )
    assert {table: rows_in(table, mia) for table in ANSWER_TABLES} == others


def test_erasing_leaves_no_word_and_no_measurement(place: StudyRater) -> None:
    fill(place)
    place.assignments.update(
        active_ms=9, clip_ms_played=9, definitions_opened=["empathy"], screen_class="phone"
    )
    withdraw(place, erase=True)
    for row in place.assignments.all():
        assert (row.role, row.slot) == (Assignment.Role.WITHDRAWN, None)
        assert not any(
            (
                *(row.comment, row.skip_reason, row.answer_sequences, row.definitions_opened),
                *(row.active_ms, row.clip_ms_played, row.screen_class, row.opened_at, row.saved_at),
            )
        )
    submitted = place.assignments.filter(state=Assignment.State.SUBMITTED)
    assert submitted.count() == 2, "what is paid for can still be counted"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM annotations_assignment WHERE annotations_assignment::text "
            "LIKE '%%private remark%%'"
        )
        assert cursor.fetchone() == (0,)


def test_what_was_told_about_oneself_goes_with_its_history(place: StudyRater) -> None:
    describe_rater(place, profession="Hypnotherapist", languages="Basque", years_of_practice=3)
    describe_rater(place, profession="Hypnotist", languages="Basque")
    withdraw(place, erase=True)
    place.refresh_from_db()
    assert (place.profession, place.languages, place.years_of_practice) == ("", "", None)
    for table in ("annotations_studyrater", "annotations_studyraterevent"):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM {table} t WHERE t::text ~ 'Hypno|Basque'"  # noqa: S608
            )
            assert cursor.fetchone() == (0,), table
    assert place.consents.count() == 2, "that one agreed and left stays on record"
    assert not place.allows_training


def test_history_stays_append_only_for_everything_else(place: StudyRater) -> None:
    fill(place)
    withdraw(place, erase=True)
    mia = place.study.raters.select_related("study").exclude(pk=place.pk).get()
    submit(work(mia)[0])
    events = apps.get_model("annotations", "RatingEvent")._default_manager
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        events.all().delete()


def test_a_concern_outlives_the_answers(place: StudyRater) -> None:
    submit(work(place)[0])
    set_flag(work(place)[0], "harm", "It frightened me.")
    withdraw(place, erase=True)
    assert Flag.objects.filter(assignment__rater=place).exists()


def test_guesses_and_late_answers_go_too(study: Study, place: StudyRater) -> None:
    fill(place)
    candidate = work(place)[0].item.candidates.all()[0]
    SourceGuess.objects.create(rater=place, candidate=candidate, guess="person")
    close_study(study)
    late = work(place)[5]
    assert save_answers(late, answers_to(late)).late
    withdraw(place, erase=True)
    assert not SourceGuess.objects.exists()
    assert not rows_in("annotations_lateanswer", place)


def test_figures_made_of_the_answers_alone_go_too(place: StudyRater) -> None:
    done, *_ = fill(place)
    gate = Gate.objects.create(part=done.item.part, items=4)
    GateAttempt.objects.create(rater=place, gate=gate, number=1, kappa=0.3, passed=False)
    Dispute.objects.create(item=done.item, rule=Dispute.Rule.RANGE, detail="3 to 9 on Empathy")
    withdraw(place, erase=True)
    assert not GateAttempt.objects.exists()
    assert Dispute.objects.get().detail == ""


def test_repeats_stay_apart_from_their_items(place: StudyRater) -> None:
    first = work(place)[0]
    Assignment.objects.create(
        item=first.item,
        rater=place,
        role=Assignment.Role.REPEAT,
        position=1000,
        display_order=first.display_order,
    )
    withdraw(place)
    assert place.assignments.filter(item=first.item, role=Assignment.Role.RELEASED).count() == 2
    withdraw(place, erase=True)
    assert place.assignments.filter(item=first.item, role=Assignment.Role.WITHDRAWN).count() == 2


def test_who_kept_the_answers_may_still_erase_them_once(place: StudyRater) -> None:
    fill(place)
    withdraw(place)
    left_at = StudyRater.objects.get(pk=place.pk).withdrawn_at
    withdraw(place, erase=True)
    assert StudyRater.objects.get(pk=place.pk).withdrawn_at == left_at
    assert not held_of(place).erasable
    with pytest.raises(WrongStateError, match="already"):
        withdraw(place, erase=True)


def test_answers_can_be_erased_after_the_close(study: Study, place: StudyRater) -> None:
    fill(place)
    close_study(study)
    withdraw(place, erase=True)
    assert not Rating.objects.filter(assignment__rater=place).exists()
    assert not Preference.objects.filter(assignment__rater=place).exists()


# What is said


def test_the_page_tells_the_consequences_in_numbers_before_anything_happens(
    study: Study, place: StudyRater, rui: User, client: Client
) -> None:
    for row in work(place):
        letter = "ab"[row.display_order.index(min(row.display_order))]
        submit(row, "7", f"{letter}2", comment="Hm.")
    release = release_preferences(study=study)
    run = TrainingRun.objects.create(
        team=study.team,
        name="hush-training",
        method="dpo",
        base=ModelVersion.objects.filter(team=study.team)[0],
        dataset_path=release.folder,
        started_at=datetime(2026, 5, 4, tzinfo=UTC),
    )
    DatasetTraining.objects.create(dataset=release, training_run=run)
    client.force_login(rui)
    page = client.get(reverse("rating_withdraw", args=[place.uuid])).content.decode()
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    held = held_of(place)
    assert f"{held.answers} answers, with every earlier version of each" in text
    assert f"your words on {len(work(place))} items" in text
    assert "Release 1 of" in text
    assert "a model was trained on it: 4 May 2026" in text
    assert "hush" not in page
    assert StudyRater.objects.get(pk=place.pk).stage == StudyRater.Stage.RATING


def test_a_choice_is_needed_and_none_is_preset(
    place: StudyRater, rui: User, client: Client
) -> None:
    client.force_login(rui)
    url = reverse("rating_withdraw", args=[place.uuid])
    assert not re.search(r'type="radio"[^>]*checked', client.get(url).content.decode())
    response = client.post(url, {"reason": "Enough."})
    assert response.status_code == 422
    assert "Choose whether your answers are kept or erased." in response.content.decode()
    assert StudyRater.objects.get(pk=place.pk).stage == StudyRater.Stage.RATING


@pytest.mark.parametrize(("what", "left"), [("keep", True), ("erase", False)])
def test_leaving_through_the_page(
    place: StudyRater, rui: User, client: Client, what: str, left: bool
) -> None:
    fill(place)
    client.force_login(rui)
    url = reverse("rating_withdraw", args=[place.uuid])
    page = client.post(url, {"what": what}, follow=True).content.decode()
    assert "You have left this study." in page
    assert (url in page) is left, "what is erased is not offered for erasing"
    assert Rating.objects.filter(assignment__rater=place).exists() is left
    again = client.get(url)
    assert again.status_code == 200
    assert ('value="erase"' in again.content.decode()) is left


def test_nobody_leaves_for_somebody_else(
    place: StudyRater, mia: User, sam: User, ada: User, client: Client
) -> None:
    for person in (mia, sam, ada):
        client.force_login(person)
        url = reverse("rating_withdraw", args=[place.uuid])
        assert client.get(url).status_code == 404
        assert client.post(url, {"what": "erase"}).status_code == 404
    assert StudyRater.objects.get(pk=place.pk).stage == StudyRater.Stage.RATING


def test_the_team_sees_who_left_by_pseudonym_and_which_releases_that_touches(
    study: Study, place: StudyRater, ada: User, client: Client
) -> None:
    for row in work(place):
        letter = "ab"[row.display_order.index(min(row.display_order))]
        submit(row, "7", f"{letter}2")
    release_preferences(study=study)
    assert [release.number for release in releases_holding(place)] == [1]
    withdraw(place, erase=True, reason="I moved away.")
    client.force_login(ada)
    page = client.get(reverse("study_consents", args=[study.pk])).content.decode()
    assert "I moved away." in page
    assert "Release 1," in page
    assert "Erased" in page
    assert place.pseudonym in page
    assert "rui@" not in page


def test_a_member_who_rates_sees_no_one_elses_leaving(rui: User, mia: User, client: Client) -> None:
    team = make_team(owner=make_user("eve@example.org"), members=[rui])
    study = open_study(team, [rui, mia])
    withdraw(study.raters.select_related("study").get(user=mia), reason="I moved away.")
    client.force_login(rui)
    page = client.get(reverse("study_consents", args=[study.pk])).content.decode()
    assert "You rate in this study." in page
    assert "moved away" not in page


@pytest.mark.django_db(transaction=True)
def test_no_answer_on_its_way_outlives_the_erasure(study: Study, rui: User) -> None:
    """Eight tabs submit and save while the rater leaves."""
    place = study.raters.select_related("study").get(user=rui)
    rows = work(place)
    begin, refused = threading.Barrier(9), []

    def rate(mine: list[Assignment]) -> None:
        try:
            begin.wait(10)
            for row in mine:
                try:
                    submit_assignment(row, answers_to(row))
                except DomainError as error:
                    refused.append(str(error))
        finally:
            connections.close_all()

    tabs = [threading.Thread(target=rate, args=(rows[n::8],)) for n in range(8)]
    for tab in tabs:
        tab.start()
    begin.wait(10)
    withdraw(StudyRater.objects.select_related("study").get(pk=place.pk), erase=True)
    for tab in tabs:
        tab.join(30)
    assert {table: rows_in(table, place) for table in ANSWER_TABLES} == dict.fromkeys(
        ANSWER_TABLES, 0
    )
    assert set(place.assignments.values_list("role", flat=True)) == {Assignment.Role.WITHDRAWN}
    assert refused, "nobody was on the way: the test has shown nothing"

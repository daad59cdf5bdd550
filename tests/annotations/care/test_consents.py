"""Consent: its words, its versions, three separate agreements, and what each of them does."""

from __future__ import annotations

import json
import re

import pytest
from django.db import ProgrammingError, transaction
from django.test import Client
from django.urls import reverse

from annotations.derivation.rules import DerivationRules
from annotations.exports.card import dataset_card
from annotations.models import Consent, Study, StudyRater
from annotations.selectors.consents import consent_version
from annotations.selectors.evidence import study_evidence
from annotations.services.amendments import amend_study
from annotations.services.consent import change_permissions, give_consent
from annotations.services.datasets import release_preferences
from annotations.services.held import ConsentMissingError
from annotations.services.ratings import save_answers
from annotations.services.studies import close_study
from annotations.services.withdrawal import withdraw
from inference.errors import NothingSelectedError, WrongStateError
from mood_eval.models import Team, User
from tests.annotations.care.conftest import answers_to, open_study, submit, work

pytestmark = pytest.mark.django_db
CHANGED = "We also ask how you slept. Taking part is voluntary."


@pytest.fixture
def new_place(team: Team, rui: User) -> StudyRater:
    """Nobody has agreed to anything yet."""
    study = open_study(team, [rui], consented=False)
    return study.raters.select_related("study").get()


def boxes(page: str) -> dict[str, str]:
    """Name of a box -> its tag."""
    return {
        tag.split('name="')[1].split('"')[0]: tag
        for tag in re.findall(r'<input type="checkbox"[^>]*>', page)
    }


def amend(study: Study, ada: User) -> None:
    amend_study(study=study, by=ada, reason="The board asked.", changes={"consent_text": CHANGED})


def test_consent_asks_three_things_and_only_one_of_them_is_needed(
    new_place: StudyRater, rui: User, client: Client
) -> None:
    client.force_login(rui)
    page = client.get(reverse("rating_study", args=[new_place.uuid])).content.decode()
    found = boxes(page)
    assert list(found) == ["agree", "training", "release"]
    assert "required" in found["agree"]
    for optional in ("training", "release"):
        assert "required" not in found[optional]
    assert not any("checked" in tag for tag in found.values())
    assert "Version 1 of this text." in page
    assert new_place.study.contacts.splitlines()[0] in page


def test_an_agreement_is_kept_with_its_words(
    new_place: StudyRater, rui: User, client: Client
) -> None:
    client.force_login(rui)
    url = reverse("rating_consent", args=[new_place.uuid])
    client.post(url, {"training": "1"})
    assert not Consent.objects.exists(), "the needed box was empty"
    client.post(url, {"agree": "1", "training": "1"})
    consent = Consent.objects.get()
    assert (consent.rating, consent.training, consent.release) == (True, True, False)
    assert (consent.version, consent.text) == (1, new_place.study.consent_text)
    new_place.refresh_from_db()
    assert (new_place.allows_training, new_place.allows_release) == (True, False)
    assert new_place.consent_sha256 == consent.text_sha256


def test_agreeing_twice_is_one_agreement(new_place: StudyRater) -> None:
    first = give_consent(new_place, release=True)
    again = give_consent(new_place, release=True)
    assert again.consented_at == first.consented_at
    assert Consent.objects.count() == 1


def test_the_database_keeps_agreements_as_they_were(new_place: StudyRater) -> None:
    give_consent(new_place)
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        Consent.objects.update(training=True)


def test_a_changed_text_asks_again_before_the_next_item(
    place: StudyRater, study: Study, ada: User, rui: User, client: Client
) -> None:
    client.force_login(rui)
    item = work(place)[0]
    amend(study, ada)
    assert consent_version(study) == 2
    landing = reverse("rating_study", args=[place.uuid])
    assert client.get(reverse("rating_item", args=[item.pk])).headers["Location"] == landing
    page = client.get(landing).content.decode()
    assert "The agreement has changed" in page
    assert CHANGED in page
    assert "Version 2 of this text." in page
    assert "checked" not in boxes(page)["training"], "nothing is agreed to by default"
    item.refresh_from_db()
    with pytest.raises(ConsentMissingError):
        save_answers(work(place)[0], answers_to(item))
    client.post(reverse("rating_consent", args=[place.uuid]), {"agree": "1"})
    assert client.get(reverse("rating_item", args=[item.pk])).status_code == 200
    assert [c.version for c in place.consents.all()] == [1, 2]
    assert place.consents.all()[0].text != CHANGED


def test_changes_that_leave_the_text_alone_are_no_new_version(study: Study, ada: User) -> None:
    amend_study(study=study, by=ada, reason="New number.", changes={"contacts": "Call 0800 1"})
    assert consent_version(study) == 1


def test_permissions_are_changed_at_any_time(
    place: StudyRater, study: Study, ada: User, rui: User, client: Client
) -> None:
    client.force_login(rui)
    url = reverse("rating_agreement", args=[place.uuid])
    page = client.get(url).content.decode()
    assert "checked" in boxes(page)["training"]
    assert "checked" not in boxes(page)["release"]
    client.post(url, {"release": "1"})
    place.refresh_from_db()
    assert (place.allows_training, place.allows_release) == (False, True)
    amend(study, ada)
    close_study(study)
    client.post(url, {"training": "1"})
    place.refresh_from_db()
    assert (place.allows_training, place.allows_release) == (True, False)
    newest = place.consents.all()[2]
    assert newest.text != CHANGED, "these words were never agreed to"
    assert newest.version == 1
    assert client.get(url).content.decode().count('<th scope="row">') == 3


def test_nothing_can_be_permitted_before_taking_part(new_place: StudyRater) -> None:
    with pytest.raises(WrongStateError):
        change_permissions(new_place, training=True, release=True)


def test_who_left_cannot_agree_again_alone(place: StudyRater, rui: User, client: Client) -> None:
    withdraw(place)
    with pytest.raises(WrongStateError, match="left this study"):
        give_consent(place)
    client.force_login(rui)
    url = reverse("rating_consent", args=[place.uuid])
    assert (
        "You have left this study."
        in client.post(url, {"agree": "1"}, follow=True).content.decode()
    )


# What the agreements do


def answer_everything(study: Study) -> None:
    """All of one mind: the response that was made first is better."""
    for rater in study.raters.select_related("study"):
        for assignment in work(rater):
            letter = "ab"[assignment.display_order.index(min(assignment.display_order))]
            submit(assignment, "7", f"{letter}2")


def test_only_answers_that_may_train_models_are_released(study: Study) -> None:
    answer_everything(study)
    first, second = study.raters.order_by("pseudonym")
    change_permissions(first, training=True, release=True)
    whole = release_preferences(study=study).manifest
    assert [rater["pseudonym"] for rater in whole["raters"]] == ["R01", "R02"]
    assert whole["consent"] == {
        "raters": 2,
        "allow_training": 2,
        "allow_training_and_release": 1,
        "left_out_raters": 0,
        "left_out_answers": 0,
    }
    change_permissions(second, training=False, release=True)
    evidence = study_evidence(study, DerivationRules())
    assert {choice.rater for choice in evidence.choices} == {"R01"}
    assert {score.rater for score in evidence.scores} == {"R01"}
    manifest = release_preferences(study=study).manifest
    assert [rater["pseudonym"] for rater in manifest["raters"]] == ["R01"]
    assert manifest["consent"]["left_out_raters"] == 1
    assert manifest["consent"]["left_out_answers"] == len(work(second))


def test_nothing_is_released_where_nobody_agreed(study: Study) -> None:
    answer_everything(study)
    for rater in study.raters.all():
        change_permissions(rater, training=False, release=False)
    with pytest.raises(NothingSelectedError):
        release_preferences(study=study)


def test_reasons_for_no_answer_are_counted_of_the_same_raters(study: Study) -> None:
    answer_everything(study)
    second = study.raters.get(pseudonym="R02")
    cannot = "cannot:cannot_tell"
    save_answers(work(second)[0], answers_to(work(second)[0], cannot, cannot, sequence=9))
    assert release_preferences(study=study).manifest["cannot_rate"]["cannot_tell"] > 0
    change_permissions(second, training=False, release=False)
    assert release_preferences(study=study).manifest["cannot_rate"]["cannot_tell"] == 0


def test_the_card_says_who_agreed_to_what(study: Study) -> None:
    answer_everything(study)
    first, second = study.raters.order_by("pseudonym")
    change_permissions(second, training=False, release=False)
    card = dataset_card(json.loads(json.dumps(release_preferences(study=study).manifest)))
    assert "1 of the 2 raters who answered agreed that models are trained" in card
    assert "The others (1, with" in card
    assert "0 of these 1 agreed to the public release" in card
    assert "Do not publish this dataset unless the others agree as well." in card
    change_permissions(first, training=True, release=True)
    card = dataset_card(release_preferences(study=study).manifest)
    assert "Do not publish" not in card


def test_the_team_sees_how_many_agreed_and_strangers_see_nothing(
    study: Study, place: StudyRater, ada: User, sam: User, rui: User, client: Client
) -> None:
    change_permissions(place, training=False, release=True)
    url = reverse("study_consents", args=[study.pk])
    client.force_login(ada)
    page = client.get(url).content.decode()
    assert re.search(r"Rating</dt><dd>2 of 2", page)
    assert re.search(r"Training models</dt><dd>1 of 2", page)
    assert re.search(r"Public release</dt><dd>1 of 2", page)
    for person in (sam, rui):
        client.force_login(person)
        assert client.get(url).status_code == 404

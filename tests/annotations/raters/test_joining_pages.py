"""A link as the person who opens it meets it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from annotations.models import Invitation, Study
from annotations.services.invitations import NewLink, create_invitations, revoke_invitation
from annotations.services.reassignment import withdraw_rater
from mood_eval.models import User
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "some words that are long"
ACCOUNT = {"email": "new@x.org", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def link(study: Study, ada: User) -> NewLink:
    return create_invitations(study=study, by=ada, unnamed=1)[0]


@pytest.fixture(autouse=True)
def _no_limits() -> None:
    cache.clear()


def said(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    return response.content.decode()


def test_a_mere_visit_joins_nobody(study: Study, link: NewLink, client: Client) -> None:
    assert "Make an account and join" in said(client, link.path)
    client.force_login(make_user("new@x.org"))
    assert "Join as new@x.org" in said(client, link.path)
    assert study.raters.count() == 3


def test_a_new_person_makes_an_account_and_is_signed_in(
    study: Study, link: NewLink, client: Client
) -> None:
    response = client.post(f"{link.path}sign-up", {**ACCOUNT, "profession": "psychologist"})
    rater = study.raters.get(user__email="new@x.org")
    assert response.status_code == 302
    assert response.headers["Location"] == f"/rate/{rater.uuid}/"
    assert rater.profession == "psychologist"
    assert client.session["_auth_user_id"] == str(rater.user_id)
    assert "You rate in this study already" in said(client, link.path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"password2": "other words"}, "The two passwords differ"),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"password1": "password123", "password2": "password123"}, "too common"),
        ({"email": "nobody"}, "valid email address"),
        ({"email": "RUI@example.org"}, "There is an account with this address"),
        ({"years_of_practice": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_makes_no_account_says_why(
    study: Study, link: NewLink, client: Client, changed: dict[str, str], words: str
) -> None:
    response = client.post(f"{link.path}sign-up", {**ACCOUNT, **changed})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert study.raters.count() == 3
    assert not User.objects.filter(email="new@x.org").exists()


def test_somebody_with_an_account_joins_by_confirming(
    study: Study, link: NewLink, client: Client
) -> None:
    user = make_user("new@x.org")
    client.force_login(user)
    response = client.post(f"{link.path}accept", {"years_of_practice": "4"})
    rater = study.raters.get(user=user)
    assert response.headers["Location"] == f"/rate/{rater.uuid}/"
    assert rater.years_of_practice == 4


def test_a_link_for_an_address_with_an_account_asks_to_sign_in(
    study: Study, ada: User, client: Client
) -> None:
    make_user("new@x.org")
    (link,) = create_invitations(study=study, by=ada, emails=["new@x.org"])
    page = said(client, link.path)
    assert "There is an account for new@x.org already" in page
    assert f"?next={link.path}" in page
    client.force_login(make_user("other@x.org"))
    assert "made for another e-mail address" in said(client, link.path)
    response = client.post(f"{link.path}accept")
    assert response.status_code == 422
    assert study.raters.count() == 3


def test_a_link_that_is_over_says_so_and_whom_to_ask(
    study: Study, link: NewLink, client: Client
) -> None:
    rows = Invitation.objects.filter(pk=link.invitation.pk)
    rows.update(expires_at=timezone.now() - timedelta(days=1))
    assert "This invitation was valid until" in said(client, link.path)
    rows.update(expires_at=timezone.now() + timedelta(days=1))
    revoke_invitation(link.invitation)
    page = said(client, link.path)
    assert "has taken this invitation back" in page
    assert "Ask ada@example.org of Care lab for a new one" in page
    response = client.post(f"{link.path}sign-up", ACCOUNT)
    assert response.status_code == 422
    rows.update(revoked_at=None)
    client.post(f"{link.path}sign-up", ACCOUNT)
    client.logout()
    assert "This invitation was used" in said(client, link.path)


def test_who_has_left_is_told_whom_to_ask(
    study: Study, ada: User, link: NewLink, client: Client
) -> None:
    rui = study.raters.get(user__email="rui@example.org")
    withdraw_rater(rater=rui, by=ada, reason="Left.")
    client.force_login(rui.user)
    assert "You have left this study" in said(client, link.path)


def test_a_member_of_the_team_is_told_what_rating_closes_to_him(
    max_: User, team: object, link: NewLink, client: Client
) -> None:
    client.force_login(max_)
    assert "you see no results" in said(client, link.path)


def test_who_guesses_a_secret_finds_nothing(study: Study, client: Client) -> None:
    assert client.get("/join/not-a-secret/").status_code == 404
    assert client.post("/join/not-a-secret/sign-up", ACCOUNT).status_code == 404


def test_accounts_are_made_only_so_often_from_one_place(link: NewLink, client: Client) -> None:
    wrong = {**ACCOUNT, "password2": "x"}
    codes = [client.post(f"{link.path}sign-up", wrong).status_code for _ in range(21)]
    assert codes[0] == 422
    assert codes[-1] == 429

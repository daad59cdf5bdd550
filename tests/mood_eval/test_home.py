from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from annotations.services.demo import make_people
from mood_eval.demo_accounts import DEMO_PASSWORD, RATERS, RESEARCHER
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


def test_home_says_what_to_do_next(client: Client) -> None:
    page = client.get("/").content.decode()
    assert "Sign in with the address your study team invited" in page
    assert RESEARCHER.email not in page


def test_home_of_the_demonstration_offers_its_people(client: Client, settings: Settings) -> None:
    settings.MODE = "demo"
    page = client.get("/").content.decode()
    for account in (RESEARCHER, *RATERS):
        assert account.email in page


def test_navigation_shows_researchers_pages_to_researchers_only(client: Client) -> None:
    ada, rui = make_user("ada@example.org"), make_user("rui@example.org")
    make_team(owner=ada)
    client.force_login(ada)
    assert "/studies/" in client.get("/").content.decode()
    client.force_login(rui)
    assert "/studies/" not in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("email", "lands_on"), [(RESEARCHER.email, "/studies/"), (RATERS[0].email, "/rate/")]
)
def test_demo_sign_in_takes_one_click(
    client: Client, settings: Settings, email: str, lands_on: str
) -> None:
    settings.MODE = "demo"
    make_people()
    answer = client.post("/demo/sign-in/", {"email": email})
    assert (answer.status_code, answer["Location"]) == (302, lands_on)


@pytest.mark.parametrize("mode", ["test", "production"])
def test_demo_sign_in_exists_in_the_demonstration_only(
    client: Client, settings: Settings, mode: str
) -> None:
    make_people()
    settings.MODE = mode
    assert client.post("/demo/sign-in/", {"email": RESEARCHER.email}).status_code == 404


def test_demo_sign_in_knows_demo_accounts_only(client: Client, settings: Settings) -> None:
    settings.MODE = "demo"
    make_user("ada@example.org")
    assert client.post("/demo/sign-in/", {"email": "ada@example.org"}).status_code == 404


@pytest.mark.parametrize("production", [False, True])
def test_production_refuses_the_demo_password(
    client: Client, settings: Settings, production: bool
) -> None:
    settings.PRODUCTION = production
    make_people()
    answer = client.post("/accounts/login/", {"login": RESEARCHER.email, "password": DEMO_PASSWORD})
    assert answer.status_code == (200 if production else 302)
    assert ("_auth_user_id" in client.session) is not production


def test_nobody_signs_up_from_the_street(client: Client) -> None:
    page = client.get("/accounts/signup/")
    assert b"password1" not in page.content


def test_missing_page_says_where_to_go(client: Client) -> None:
    answer = client.get("/no-such-page/")
    assert answer.status_code == 404
    assert b"Go to the start page" in answer.content


def test_healthz_asks_the_database(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}

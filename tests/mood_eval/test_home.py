from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.test import Client, RequestFactory
from pytest_django import Settings

from annotations.services.demo import make_people
from mood_eval.demo_accounts import DEMO_PASSWORD, RATERS, RESEARCHER
from mood_eval.models import User
from tests.factories import PASSWORD, make_team, make_user

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


def test_nobody_takes_over_an_address_that_may_be_invited_later(client: Client) -> None:
    client.force_login(make_user("sam@example.org"))
    client.post("/accounts/email/", {"action_add": "", "email": "rui@example.org"})
    assert client.get("/accounts/email/").status_code == 404
    assert not EmailAddress.objects.filter(email="rui@example.org").exists()


def test_administrators_sign_in_where_everyone_does(client: Client) -> None:
    answer = client.get("/admin/login/?next=/admin/")
    assert answer.headers["Location"].startswith("/accounts/login/")
    client.force_login(User.objects.create_superuser("admin@example.org"))
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/mood_eval/user/add/").status_code == 200


@pytest.mark.parametrize("url", ["https://elsewhere.example/", "//elsewhere.example", "/rate/"])
def test_signing_in_leads_to_pages_of_this_site_only(client: Client, url: str) -> None:
    make_user("rui@example.org")
    answer = client.post(
        "/accounts/login/", {"login": "rui@example.org", "password": PASSWORD, "next": url}
    )
    assert answer.headers["Location"] == ("/rate/" if url == "/rate/" else "/")


def test_pages_run_and_are_framed_by_nothing_foreign(client: Client) -> None:
    headers = client.get("/").headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["X-Frame-Options"], headers["Referrer-Policy"]) == ("DENY", "same-origin")


def test_outdated_form_says_what_to_do() -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/accounts/logout/")
    assert answer.status_code == 403
    assert b"Go back, reload the page" in answer.content


def test_failure_of_the_server_says_what_to_do() -> None:
    from django.views.defaults import server_error

    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert b"What was saved is safe" in answer.content


def test_missing_page_says_where_to_go(client: Client) -> None:
    answer = client.get("/no-such-page/")
    assert answer.status_code == 404
    assert b"Go to the start page" in answer.content


def test_healthz_asks_the_database(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}

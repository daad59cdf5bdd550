"""A researcher's program: instrument, draft, launch, raters, amendments, review, close."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from annotations.instruments import instrument_to_toml, read_instrument
from annotations.models import Assignment, Study, StudyRater
from annotations.services.raters import add_users
from tests.annotations.api.conftest import BOTH, Signed, World


@pytest.fixture
def ada(signed: Signed) -> Client:
    return signed("owner")


def post(client: Client, url: str, **body: Any) -> Any:
    return client.post(url, body, content_type="application/json")


def test_a_study_goes_from_template_to_close(world: World, ada: Client) -> None:
    assert BOTH in {template["slug"] for template in ada.get("/api/templates/").json()}
    runs = [run["id"] for run in ada.get("/api/runs/").json()["results"]]
    made = post(
        *(ada, "/api/studies/"),
        template=BOTH,
        runs=runs,
        name="By program",
        raters=["rui@example.org", "new@example.org"],
        overlap=2,
        seed=3,
        limit=2,
    )
    assert made.status_code == 201, made.content
    study = made.json()
    url = f"/api/studies/{study['id']}/"
    assert (study["state"], study["runs"], study["stimulus_limit"]) == ("draft", runs, 2)
    changed = ada.patch(url, {"break_minutes": 20}, content_type="application/json").json()
    assert changed["break_minutes"] == 20
    assert post(ada, f"{url}launch/").json()["state"] == "open"
    assert post(ada, f"{url}launch/").status_code == 409
    assert ada.patch(url, {"overlap": 3}, content_type="application/json").status_code == 409
    padded = post(ada, f"{url}amend/", reason="Why not.", changes={"flag_readers": " " * 301})
    assert padded.status_code == 400, "as long as it was sent"
    frozen = post(ada, f"{url}amend/", reason="Why not.", changes={"contacts": "Ask Ada."})
    assert frozen.json()["changes"] == {"contacts": [study["contacts"], "Ask Ada."]}
    progress = ada.get(f"{url}progress/").json()
    assert progress["submitted"] == 0
    assert progress["places"] == progress["held"] > 0
    assert post(ada, f"{url}close/").json()["state"] == "closed"
    assert [row["what"] for row in ada.get(f"{url}amendments/").json()] == ["Contacts"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runs": [999_999]}, "no finished generation run 999999"),
        ({"template": "none"}, "There is no study template"),
        ({"name": "Hush-First wins"}, "must not name a model"),
        ({"overlap": 0}, "overlap: "),
        ({"raters": ["nobody"]}, "raters.0: "),
        ({"name": 7}, "name: Not a valid string."),
        ({"overlap": "1"}, "overlap: A valid integer is required."),
        ({"runs": [True]}, "runs.0: A valid integer is required."),
        ({"blind_researchers": "no"}, "blind_researchers: Must be a valid boolean."),
    ],
)
def test_a_refusal_says_what_is_wrong(
    world: World, ada: Client, change: dict[str, Any], words: str
) -> None:
    runs = [run["id"] for run in ada.get("/api/runs/").json()["results"]]
    response = post(ada, "/api/studies/", **({"template": BOTH, "runs": runs} | change))
    assert response.status_code == 400
    assert words in response.json()["detail"]
    assert Study.objects.filter(team=world.team).count() == 2


def test_an_instrument_is_imported_once_and_read(world: World, ada: Client) -> None:
    text = read_instrument("epitome")
    assert text is not None
    first = post(ada, "/api/instruments/", content=instrument_to_toml(text))
    assert first.status_code == 201, first.content
    again = post(ada, "/api/instruments/", content=instrument_to_toml(text)).json()
    assert again == first.json()
    shipped = ada.get("/api/instruments/shipped:epitome/").json()
    assert shipped["criteria"] == again["criteria"]
    assert again["ref"] in {row["ref"] for row in ada.get("/api/instruments/").json()}
    wrong = post(ada, "/api/instruments/", content="name = ")
    assert wrong.status_code == 400


def test_raters_come_by_address_or_link_and_leave(world: World, ada: Client) -> None:
    url = f"/api/studies/{world.study.pk}/"
    added = post(ada, f"{url}raters/", emails=["new@example.org", "RUI@example.org"]).json()
    assert (added["joined"], added["present"]) == (1, 1)
    (link,) = added["new_accounts"]
    assert link["email"] == "new@example.org"
    assert link["url"].startswith("http://testserver/accounts/")
    rows = ada.get(f"{url}raters/?emails=true").json()
    new = next(row for row in rows if row["email"] == "new@example.org")
    assert new["total"] > 0, "late joiners get their share"
    left = post(ada, f"{url}raters/{new['id']}/withdraw/", reason="Moved away.", give_out=True)
    assert left.json()["freed"] == new["total"]
    assert StudyRater.objects.get(pk=new["id"]).stage == StudyRater.Stage.WITHDRAWN

    (made,) = post(ada, f"{url}invitations/", emails=["ida@example.org"], days=3).json()
    assert "/join/" in made["url"]
    listed = {row["id"]: row for row in ada.get(f"{url}invitations/").json()}
    assert listed[made["id"]]["state"] == "open"
    assert "url" not in listed[made["id"]], "a link is told once"
    revoked = post(ada, f"{url}invitations/{made['id']}/revoke/").json()
    assert revoked["state"] == "revoked"


def test_only_the_owner_is_told_who_is_who(world: World, signed: Signed) -> None:
    url = f"/api/studies/{world.study.pk}/raters/?emails=true"
    assert all(row["email"] for row in signed("owner").get(url).json())
    assert not any(row["email"] for row in signed("member").get(url).json())
    assert not any(row["email"] for row in signed("owner").get(url.partition("?")[0]).json())


def test_concerns_attempts_and_disputes_are_looked_through(world: World, ada: Client) -> None:
    url, keys = f"/api/studies/{world.study.pk}/", world.keys
    inbox = ada.get(f"{url}flags/").json()
    assert (inbox["unread"], inbox["concerns"][0]["flag"]["text"]) == (1, "hush-flag")
    read = post(ada, f"{url}flags/{keys['flag']}/read/", outcome="Nothing to do.").json()
    assert (read["outcome"], read["read_by"]) == ("Nothing to do.", "ada@example.org")
    (attempt,) = ada.get(f"{url}gates/").json()
    assert (attempt["passed"], attempt["kappa"]) == (False, 0.1)
    decided = post(ada, f"{url}gates/{attempt['id']}/decide/", passed=True, reason="Slips.").json()
    assert (decided["passed"], decided["decided_by"]) == (True, "ada@example.org")
    (item,) = ada.get(f"{url}disputes/").json()
    shown = ada.get(f"{url}disputes/{item['id']}/")
    assert "hush-first" not in shown.content.decode()
    asked = next(q for q in shown.json()["questions"])
    settle = f"{url}disputes/{item['id']}/settle/"
    made = post(ada, settle, question=asked["key"], value=asked["values"][0], reason="Read twice.")
    assert made.json()["decided_by"] == "ada@example.org"
    assert post(ada, settle, question="harm", reason="Spoke to the team.").status_code == 201
    assert ada.get(f"{url}disputes/").json() == []


def test_a_member_who_rates_sees_nothing_of_what_others_say(world: World, signed: Signed) -> None:
    add_users(world.study, [world.people["member"]])
    max_ = signed("member")
    url = f"/api/studies/{world.study.pk}/"
    for act in ("flags", "gates", "disputes", "progress", "results"):
        response = max_.get(f"{url}{act}/")
        assert response.status_code == 403, act
        assert "You rate in this study" in response.json()["detail"]
    assert post(max_, f"{url}flags/{world.keys['flag']}/read/", outcome="x").status_code == 403


def test_a_rater_acts_on_no_study_even_with_a_key(world: World, signed: Signed) -> None:
    before = sorted(Assignment.objects.values_list("pk", "state", "role"))
    rui = signed("rater")
    url = f"/api/studies/{world.study.pk}/"
    for act in ("launch", "close", "amend", "results", "raters", "invitations"):
        assert post(rui, f"{url}{act}/").status_code == 404, act
    assert rui.delete(url).status_code in (404, 405)
    assert sorted(Assignment.objects.values_list("pk", "state", "role")) == before

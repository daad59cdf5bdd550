"""A rater's program: reads what taking part means, agrees, rates item by item, flags and skips."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from annotations.models import Assignment, Flag, StudyRater
from annotations.selectors.consents import consent_version
from mood_eval.models import User
from tests.annotations.api.conftest import MODELS, Signed, World


@pytest.fixture
def rui(signed: Signed) -> Client:
    return signed("rater")


def post(client: Client, url: str, **body: Any) -> Any:
    return client.post(url, body, content_type="application/json")


def next_item(client: Client, world: World) -> dict[str, Any]:
    told = client.get(f"/api/rating/{world.place.uuid}/next/").json()
    assert told["item"], told
    item: dict[str, Any] = told["item"]
    return item


def answers_to(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"question": asked["key"], "value": asked["options"][0]["value"], "sequence": 1}
        for asked in item["questions"]
    ]


def test_every_item_is_rated_to_the_end(world: World, rui: Client) -> None:
    (study,) = rui.get("/api/rating/").json()
    assert (study["place"], study["submitted"]) == (str(world.place.uuid), 0)
    item = next_item(rui, world)
    for _ in range(study["total"]):
        url = f"/api/rating/items/{item['item']}/"
        saved = post(rui, f"{url}answers/", answers=answers_to(item)).json()
        assert saved["taken"] == [asked["key"] for asked in item["questions"]]
        again = rui.get(url).json()
        assert [asked["answer"] for asked in again["questions"]] == [
            asked["options"][0]["value"] for asked in item["questions"]
        ]
        sent = post(rui, f"{url}submit/").json()
        assert sent["state"] == "submitted"
        if sent["next"]:
            item = rui.get(f"/api/rating/items/{sent['next']}/").json()
    done = rui.get(f"/api/rating/{world.place.uuid}/next/").json()
    assert done == {"stage": "done", "item": None}
    assert rui.get("/api/rating/").json()[0]["submitted"] == study["total"]


def test_a_submission_twice_is_one(world: World, rui: Client) -> None:
    item = next_item(rui, world)
    url = f"/api/rating/items/{item['item']}/submit/"
    first = post(rui, url, answers=answers_to(item)).json()
    assert post(rui, url, answers=answers_to(item)).json() == first
    assert world.place.assignments.filter(state="submitted").count() == 1


def test_what_is_missing_is_named_and_what_was_given_is_kept(world: World, rui: Client) -> None:
    item = next_item(rui, world)
    url = f"/api/rating/items/{item['item']}/"
    some = answers_to(item)[:2]
    response = post(rui, f"{url}submit/", answers=some)
    assert response.status_code == 422
    missing = [gap["question"] for gap in response.json()["missing"]]
    assert missing == [asked["key"] for asked in item["questions"][2:]]
    kept = rui.get(url).json()["questions"]
    assert [asked["key"] for asked in kept if asked["answer"]] == [a["question"] for a in some]


def test_an_answer_that_is_none_is_refused_in_words(world: World, rui: Client) -> None:
    item = next_item(rui, world)
    bad = {**answers_to(item)[0], "value": "99"}
    response = post(rui, f"/api/rating/items/{item['item']}/answers/", answers=[bad])
    assert response.status_code == 400
    assert "“99” is not" in response.json()["detail"]


def test_nothing_tells_which_model_wrote_what(world: World, rui: Client) -> None:
    said = [rui.get("/api/rating/"), rui.get(f"/api/rating/{world.place.uuid}/")]
    for assignment in world.place.assignments.all():
        said.append(rui.get(f"/api/rating/items/{assignment.pk}/"))
    for response in said:
        text = response.content.decode() + json.dumps(dict(response.headers))
        assert not [name for name in MODELS if name in text]
        assert {"run", "model", "response", "response_id", "display_order"}.isdisjoint(
            names_in(response.json())
        )


def names_in(content: Any) -> set[str]:
    if isinstance(content, dict):
        return set(content).union(*map(names_in, content.values()))
    return set().union(*map(names_in, content)) if isinstance(content, list) else set()


def test_nobody_reads_or_answers_somebody_elses_item(world: World, rui: Client) -> None:
    other = Assignment.objects.exclude(rater=world.place).filter(rater__study=world.study)[0]
    url = f"/api/rating/items/{other.pk}/"
    assert rui.get(url).status_code == 404
    for act in ("answers", "submit", "skip", "flag", "fields"):
        assert post(rui, f"{url}{act}/").status_code == 404, act
    assert rui.get(f"{url}clips/1/").status_code == 404


def test_consent_comes_first_and_to_the_words_that_were_read(world: World, rui: Client) -> None:
    StudyRater.objects.filter(pk=world.place.pk).update(consented_at=None, consent_sha256="")
    place = f"/api/rating/{world.place.uuid}/"
    told = rui.get(place).json()
    assert (told["stage"], told["consented"], told["next"]) == ("consent", False, None)
    assert told["consent_text"] == world.study.consent_text
    item = world.place.assignments.order_by("position")[0]
    refused = post(rui, f"/api/rating/items/{item.pk}/answers/", answers=[])
    assert refused.status_code == 403
    assert post(rui, f"{place}consent/", version=told["consent_version"] + 1).status_code == 409
    agreed = post(rui, f"{place}consent/", version=told["consent_version"], release=True).json()
    assert (agreed["consented"], agreed["allows_training"], agreed["allows_release"]) == (
        *(True, False, True),
    )
    assert told["consent_version"] == consent_version(world.study)


def test_a_concern_goes_to_the_team_and_an_item_can_be_left(world: World, rui: Client) -> None:
    item = next_item(rui, world)
    url = f"/api/rating/items/{item['item']}/"
    sent = post(rui, f"{url}flag/", kind="harm", text="Please look.", letter="A")
    assert sent.json()["message"].startswith("Sent to")
    assert Flag.objects.filter(assignment=item["item"], kind="harm", text="Please look.").exists()
    left = post(rui, f"{url}skip/", reason="Too close.").json()
    assert left["state"] == "skipped"
    assert left["next"] != item["item"]


def test_a_clip_is_read_in_ranges_and_kept_by_nobody(world: World, rui: Client) -> None:
    item = next_item(rui, world)
    address = item["clips"][0]
    part = rui.get(address, headers={"range": "bytes=0-9"})
    assert (part.status_code, len(part.getvalue())) == (206, 10)
    assert "no-store" in part.headers["Cache-Control"]


def test_a_revoked_key_opens_nothing(world: World, rui: Client) -> None:
    page = Client()
    page.force_login(User.objects.get(email="rui@example.org"))
    assert page.post("/api-access/revoke").status_code == 302
    assert rui.get("/api/rating/").status_code == 403


def test_a_key_is_shown_once_and_renewed(world: World) -> None:
    page = Client()
    page.force_login(world.people["rater"])
    assert "You have no key" in page.get("/api-access/").content.decode()
    first = key_in(page.post("/api-access/").content.decode())
    assert first not in page.get("/api-access/").content.decode()
    second = key_in(page.post("/api-access/").content.decode())
    for key, status in ((first, 403), (second, 200)):
        headers = {"authorization": f"Token {key}"}
        assert Client(headers=headers).get("/api/rating/").status_code == status


def key_in(page: str) -> str:
    return page.partition("<code>")[2].partition("</code>")[0]


def test_a_session_needs_the_token_against_forgery(world: World) -> None:
    page = Client(enforce_csrf_checks=True)
    page.force_login(world.people["owner"])
    assert page.get("/api/studies/").status_code == 200
    assert page.post(f"/api/studies/{world.study.pk}/close/").status_code == 403

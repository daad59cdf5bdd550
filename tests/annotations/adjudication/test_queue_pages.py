"""A named person settles what raters disagree on, blind to the models; the ratings stay."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotations.models import Adjudication, Dispute, Preference, Rating, StudyPart
from annotations.services.flags import set_flag
from mood_eval.models import User
from tests.annotations.adjudication.conftest import MakeWorld, World
from tests.factories import make_team, make_user

Design, Resolution = StudyPart.Design, StudyPart.Resolution


@pytest.fixture
def scored(make_world: MakeWorld) -> World:
    world = make_world(Design.ABSOLUTE, resolution=Resolution.ADJUDICATOR, dispute_range=4)
    world.say(0, {"empathy": 3, "comfort": 5})
    world.say(1, {"empathy": 9, "comfort": 5})
    return world


@pytest.fixture
def ada(scored: World) -> User:
    return User.objects.get(email="ada@example.org")


def addresses(world: World) -> tuple[str, str]:
    study = world.study.pk
    return (
        reverse("study_disputes", args=[study]),
        reverse("study_dispute", args=[study, world.item.pk]),
    )


def test_the_queue_names_the_item_and_why(client: Client, scored: World, ada: User) -> None:
    client.force_login(ada)
    queue, item = addresses(scored)
    page = client.get(queue).content.decode()
    assert "3 to 9 on Empathy" in page
    assert item in page
    assert item not in client.get(queue, {"state": "settled"}).content.decode()
    assert item not in client.get(queue, {"rule": "flag"}).content.decode()


def test_the_evidence_names_no_model(client: Client, scored: World, ada: User) -> None:
    client.force_login(ada)
    page = client.get(addresses(scored)[1]).content.decode()
    assert "first text" in page, "the response itself"
    for name in ("model-one", ">first<", "/runs/", "/models/"):
        assert name not in page.replace('href="/runs/"', "").replace('href="/models/"', "")


def test_settling_is_signed_and_leaves_the_ratings(
    client: Client, scored: World, ada: User
) -> None:
    client.force_login(ada)
    before = sorted(Rating.objects.values_list("pk", "score"))
    said = {"question": "empathy", "empathy": "7", "reason": "It names the feeling."}
    assert client.post(addresses(scored)[1], said).status_code == 302
    settled = Adjudication.objects.get()
    assert (settled.score, settled.decided_by, settled.method) == (7, ada, "person")
    assert Dispute.objects.get().settled_at is not None
    assert sorted(Rating.objects.values_list("pk", "score")) == before
    client.post(addresses(scored)[1], {**said, "empathy": "5"})
    assert [row.score for row in Adjudication.objects.all()] == [7, 5], "both are kept"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"question": "empathy", "empathy": "11", "reason": "x"}, "not a score from 1 to 10"),
        ({"question": "empathy", "reason": "x"}, "Choose an answer"),
        ({"question": "empathy", "empathy": "7", "reason": " "}, "Write why"),
        ({"question": "nothing", "nothing": "7", "reason": "x"}, "has no question"),
    ],
)
def test_half_decisions_are_refused(
    client: Client, scored: World, ada: User, said: dict[str, str], words: str
) -> None:
    client.force_login(ada)
    response = client.post(addresses(scored)[1], said)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Adjudication.objects.exists()


def test_a_flagged_item_is_settled_in_words(client: Client, make_world: MakeWorld) -> None:
    world = make_world(Design.ABSOLUTE, resolution=Resolution.ADJUDICATOR, dispute_flags=True)
    set_flag(world.given(0), "harm")
    client.force_login(User.objects.get(email="ada@example.org"))
    said = {"question": "harm", "reason": "Read by two clinicians; kept."}
    assert client.post(addresses(world)[1], said).status_code == 302
    assert Dispute.objects.get().settled_at is not None
    assert "Read by two clinicians" in client.get(addresses(world)[1]).content.decode()


@pytest.mark.parametrize(
    ("design", "said", "stored"),
    [
        (Design.BEST_OF_N, {"comfort": "b"}, 1),
        (Design.PAIRWISE, {"comfort": "a2"}, 2),
        (
            Design.RANKING,
            {"comfort-place-a": "2", "comfort-place-b": "1", "comfort-place-c": "3"},
            None,
        ),
    ],
)
def test_choices_and_orders_are_settled_too(
    client: Client, make_world: MakeWorld, design: str, said: dict[str, str], stored: int | None
) -> None:
    world = make_world(design, resolution=Resolution.ADJUDICATOR, dispute_disagreement=True)
    comfort = world.part.instrument.criteria.get(slug="comfort")
    Dispute.objects.create(item=world.item, criterion=comfort, rule="disagreement")
    client.force_login(User.objects.get(email="ada@example.org"))
    response = client.post(
        addresses(world)[1], {"question": "comfort", "reason": "As discussed.", **said}
    )
    assert response.status_code == 302
    settled = Adjudication.objects.get()
    assert settled.strength == stored
    assert bool(settled.ranks) == (design == Design.RANKING)
    assert bool(settled.preferred) == (design != Design.RANKING)
    assert client.get(addresses(world)[1]).status_code == 200


def test_nobody_else_finds_it(client: Client, scored: World, ada: User) -> None:
    sam = make_user("sam@example.org")
    make_team("Another lab", owner=sam)
    for person in (sam, scored.raters[0].user):
        client.force_login(person)
        for address in addresses(scored):
            assert client.get(address).status_code == 404
            assert client.post(address).status_code in (404, 405)
    assert not Preference.objects.exists()


def test_a_member_who_rates_waits_for_the_close(client: Client, scored: World, ada: User) -> None:
    member = scored.raters[0].user
    scored.study.team.memberships.create(user=member)
    client.force_login(member)
    page = client.get(addresses(scored)[1])
    assert "What raters said" not in page.content.decode()
    said = {"question": "empathy", "empathy": "7", "reason": "x"}
    client.post(addresses(scored)[1], said)
    assert not Adjudication.objects.exists()

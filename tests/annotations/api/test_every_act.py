"""Every address of the API with every method it knows, for everyone.

A new act without a line here fails the first test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, reverse
from rest_framework.views import APIView

from annotations.models import Assignment, Study
from mood_eval.api_urls import urlpatterns
from tests.annotations.api.conftest import PEOPLE, Signed, World

Statuses = tuple[int, int, int, int, int]
ALL: Statuses = (200, 200, 200, 200, 403)
RESEARCHERS: Statuses = (200, 200, 404, 200, 403)
MAKERS: Statuses = (201, 201, 404, 201, 403)
TEAM: Statuses = (200, 200, 404, 404, 403)
ADDS: Statuses = (201, 201, 404, 404, 403)
ENDS: Statuses = (204, 204, 404, 404, 403)
RATER: Statuses = (404, 404, 200, 404, 403)
NOWHERE: Statuses = (404, 404, 404, 404, 403)
REASON = {"reason": "A good reason."}
EVENTS = {"url": "http://localhost/new", "events": ["study.closed"]}

# Name of the route and method -> who gets what, and the body that a team's member would send.
ACTS: dict[tuple[str, str], tuple[Statuses, Any]] = {
    ("api_schema", "get"): (ALL, None),
    **{
        (f"api_{name}-list", "get"): (ALL, None)
        for name in ("corpus", "model", "run", "training", "study", "dataset", "place")
    },
    **{(f"api_{name}-detail", "get"): (TEAM, None) for name in ("corpus", "model", "run", "study")},
    ("api_run-responses", "get"): (TEAM, None),
    ("api_training-list", "post"): ((400, 400, 404, 400, 403), {"method": "dpo", "base": 1}),
    **{
        (f"api_training-{act}", "get"): (TEAM, None)
        for act in ("detail", "points", "samples", "progress")
    },
    ("api_dataset-detail", "get"): (NOWHERE, None),
    ("api_dataset-export", "get"): (NOWHERE, None),
    ("api_release-detail", "get"): (TEAM, None),
    ("api_study-list", "post"): ((400, 400, 404, 400, 403), {"template": "none", "runs": [1]}),
    ("api_study-detail", "patch"): ((409, 409, 404, 404, 403), {"overlap": 2}),
    ("api_study-amendments", "get"): (TEAM, None),
    ("api_study-progress", "get"): (TEAM, None),
    ("api_judge-list", "get"): (TEAM, None),
    ("api_study-results", "get"): ((409, 409, 404, 404, 403), None),
    ("api_template-list", "get"): (RESEARCHERS, None),
    ("api_instrument-list", "get"): (RESEARCHERS, None),
    ("api_instrument-list", "post"): ((400, 400, 404, 400, 403), {"content": "no = 'instrument'"}),
    ("api_instrument-detail", "get"): (TEAM, None),
    ("api_rater-list", "get"): (TEAM, None),
    ("api_rater-list", "post"): (ADDS, {"emails": ["new@example.org"]}),
    ("api_invitation-list", "get"): (TEAM, None),
    ("api_invitation-list", "post"): (ADDS, {"unnamed": 1}),
    ("api_flag-list", "get"): (TEAM, None),
    ("api_attempt-list", "get"): (TEAM, None),
    ("api_dispute-list", "get"): (TEAM, None),
    ("api_dispute-detail", "get"): (TEAM, None),
    ("api_webhook-list", "get"): (RESEARCHERS, None),
    ("api_webhook-list", "post"): (MAKERS, EVENTS),
    ("api_webhook-detail", "get"): (TEAM, None),
    ("api_delivery-list", "get"): (TEAM, None),
    ("api_place-detail", "get"): (RATER, None),
    ("api_place-next", "get"): (RATER, None),
    ("api_item-detail", "get"): (RATER, None),
    ("api_item-clip", "get"): (RATER, None),
    ("api_item-reference", "get"): (NOWHERE, None),
    ("api_place-consent", "post"): (RATER, {"version": 1, "training": True}),
    ("api_item-answers", "post"): (RATER, {"answers": []}),
    ("api_item-fields", "post"): ((404, 404, 422, 404, 403), {}),
    ("api_item-flag", "post"): (RATER, {"kind": "other", "letter": "item"}),
    ("api_item-submit", "post"): ((404, 404, 422, 404, 403), {}),
    ("api_item-skip", "post"): (RATER, {}),
    # What changes the world for the others stands last.
    ("api_webhook-detail", "patch"): (TEAM, {"active": False}),
    ("api_delivery-again", "post"): (TEAM, None),
    ("api_webhook-detail", "delete"): (ENDS, None),
    ("api_instrument-detail", "delete"): (ENDS, None),
    ("api_flag-read", "post"): (TEAM, {"outcome": "Looked at."}),
    ("api_dispute-settle", "post"): (ADDS, {"question": "harm", **REASON}),
    ("api_attempt-decide", "post"): (TEAM, {"passed": True, **REASON}),
    ("api_invitation-revoke", "post"): (TEAM, None),
    ("api_rater-withdraw", "post"): (TEAM, REASON),
    ("api_study-results", "post"): ((202, 202, 404, 404, 403), None),
    ("api_release-list", "post"): ((202, 202, 404, 404, 403), {"rules": {"margin": 3}}),
    ("api_training-resume", "post"): ((409, 409, 404, 404, 403), None),
    ("api_training-cancel", "post"): (TEAM, None),
    ("api_study-amend", "post"): (ADDS, {**REASON, "changes": {"contacts": "Ask Ada."}}),
    ("api_study-launch", "post"): (TEAM, None),
    ("api_study-close", "post"): (TEAM, None),
}
METHODS = ("get", "post", "put", "patch", "delete")


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[URLPattern, str]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        elif pattern.name != "api_nothing":
            yield pattern, pattern.name


def known_methods(pattern: URLPattern) -> set[str]:
    actions = getattr(pattern.callback, "actions", None)
    if actions is not None:
        return set(actions) & set(METHODS)
    view: type[APIView] = pattern.callback.view_class  # type: ignore[attr-defined]
    return {method for method in METHODS if hasattr(view, method)}


def test_every_act_stands_in_the_table() -> None:
    found = {
        (name, method) for pattern, name in routes(urlpatterns) for method in known_methods(pattern)
    }
    assert found == set(ACTS)


def address(world: World, name: str) -> str:
    pattern = next(pattern for pattern, known in routes(urlpatterns) if known == name)
    names = pattern.pattern.regex.groupindex or pattern.pattern.converters
    values = {}
    for argument in names:
        kind = name.partition("-")[0]
        places = (f"{name}.{argument}", f"{kind}.{argument}", argument)
        values[argument] = next((world.keys[at] for at in places if at in world.keys), 1)
    return reverse(name, kwargs=values)


@pytest.mark.parametrize("who", PEOPLE)
def test_every_act_answers_as_the_table_says(world: World, signed: Signed, who: str) -> None:
    client = signed(who)
    before = stored(world)
    for (name, method), (statuses, body) in ACTS.items():
        url = address(world, name)
        options = {} if method == "get" else {"content_type": "application/json"}
        response = getattr(client, method)(url, *([body or {}] if options else []), **options)
        said = b"" if response.streaming else response.content
        expected = statuses[PEOPLE.index(who)]
        assert response.status_code == expected, (name, method, url, said[:300])
        if who in ("rater", "stranger", "anonymous"):
            assert b"hush" not in said + str(response.headers).encode(), (name, method)
        if response.status_code >= 400 and name != "api_schema":
            assert response.json()["detail"], (name, method)
    if who in ("stranger", "anonymous"):
        assert stored(world) == before


def stored(world: World) -> tuple[Any, ...]:
    """What a stranger could have changed of it."""
    states = Study.objects.filter(team=world.team).order_by("pk").values_list("state", flat=True)
    rows = Assignment.objects.filter(rater__study__team=world.team)
    return (
        list(states),
        sorted(rows.values_list("pk", "state", "role")),
        *(
            list(getattr(world.study, name).order_by("pk").values_list("pk", flat=True))
            for name in ("raters", "invitations", "amendments", "analyses")
        ),
        list(world.team.webhooks.values_list("pk", "active")),
    )


@pytest.mark.parametrize("who", ["rater", "stranger", "anonymous"])
def test_a_guessed_study_number_helps_nobody(world: World, signed: Signed, who: str) -> None:
    client = signed(who)
    for study in (world.study, world.draft):
        for act in ("launch", "close", "amend", "results"):
            status = client.post(f"/api/studies/{study.pk}/{act}/").status_code
            assert status == (403 if who == "anonymous" else 404), act
    states = Study.objects.filter(team=world.team).values_list("name", "state")
    assert dict(states) == {"Quiet study": "open", "Draft study": "draft"}


@pytest.mark.parametrize(
    "address", ["/api/nothing/", "/api/studies/abc/raters/", "/api/studies", "/api/rating/items/x/"]
)
def test_what_does_not_exist_is_said_in_json(signed: Signed, address: str) -> None:
    response = signed("owner").get(address)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/json"
    assert response.json()["detail"]

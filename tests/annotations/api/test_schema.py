"""The description of the API is complete, and the API does what it says, whatever is sent."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.core.management import call_command
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from annotations.services.api_tokens import renew_token
from mood_eval.wsgi import application
from tests.annotations.api.conftest import World

EXAMPLES = 10
"""Per operation, about half of them against its description."""
PROMISES = [
    checks.not_a_server_error,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
ROWS = {
    "/api/corpora/": "api_corpus.pk",
    "/api/models/": "api_model.pk",
    "/api/rating/items/": "api_item.pk",
    "/api/releases/": "api_release.pk",
    "/api/runs/": "api_run.pk",
    "/api/studies/{id}/launch/": "api_study-launch.pk",
    "/api/studies/{id}": "api_study.pk",
    "/api/training/": "api_training.pk",
    "/api/webhooks/{id}": "api_webhook.pk",
    "/api/webhooks/{webhook}": "api_delivery.pk",
}
"""Beginning of a path -> the row that its `id` names."""


def test_the_description_has_no_gap() -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file="/dev/null")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("who", "under"), [("owner", "/api/"), ("rater", "/api/rating/")])
def test_whatever_is_sent_the_answer_is_as_described(world: World, who: str, under: str) -> None:
    headers = {"Authorization": f"Token {renew_token(world.people[who])}"}
    schema = schemathesis.openapi.from_wsgi(
        "/api/schema/?format=json", application, headers=headers
    )
    broken = []
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    for operation in operations:
        if operation.path.startswith(under):
            try:
                send_all_kinds(operation, headers, world)
            except FailureGroup as failure:
                broken.append(f"{operation.label}: {failure}")
    assert not broken, "\n\n".join(broken)


def send_all_kinds(operation: Any, headers: dict[str, str], world: World) -> None:
    as_described, otherwise = (
        operation.as_strategy(generation_mode=mode)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    )

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=as_described | otherwise)
    def send(case: Any) -> None:
        for name in case.path_parameters or {}:
            # Numbers drawn at random would only ever meet a 404.
            case.path_parameters[name] = row_named(case.path, name, world)
        case.call_and_validate(headers=headers, checks=PROMISES)

    send()


def row_named(path: str, name: str, world: World) -> Any:
    if name != "id":
        return world.keys.get(name, 1)
    return next((world.keys[key] for start, key in ROWS.items() if path.startswith(start)), 1)

"""Models behind OpenAI-compatible addresses: registered once, allowed anew whenever they are asked.

Which addresses may be asked, and with which keys, the people who run the platform say in the
settings ENDPOINT_URLS and ENDPOINT_KEYS: whoever is asked is sent what clients say. A key goes only
to the addresses it is for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import get_args

from django.conf import settings

from inference.endpoints import Endpoint, MediaPart
from inference.errors import InvalidOptionsError
from inference.models import ModelVersion
from inference.selectors.endpoints import PRICES, endpoint_as_json, endpoint_from_row
from inference.services.model_versions import create_model_version
from mood_eval.models import Team

MAX_AT_ONCE = 64
MAX_FRAMES = 32
MAX_TRIES = 20
MAX_TIMEOUT = 3600.0
MAX_PRICE = 1_000_000
CURRENCY_LENGTH = 3


def register_endpoint(
    *, team: Team, name: str, endpoint: Endpoint, card: str = "", prompt: str = ""
) -> ModelVersion:
    """The row holds the name of the key's variable, and no key."""
    endpoint = tidied(endpoint)
    check_endpoint(endpoint)
    return create_model_version(
        team=team,
        name=name,
        kind=ModelVersion.Kind.ENDPOINT,
        card=card,
        config=endpoint_as_json(endpoint),
        prompt=prompt,
    )


def endpoint_of(model_version: ModelVersion) -> Endpoint:
    """To be asked now: refused where the settings or the environment no longer allow it."""
    endpoint = endpoint_from_row(model_version)
    check_endpoint(endpoint)
    return endpoint


def keys_by_address() -> list[tuple[str, str]]:
    """Names of variables, each with an address that may be sent their key; a name without an
    address goes to the only one there is."""
    addresses = settings.ENDPOINT_URLS
    only = addresses[0] if len(addresses) == 1 else ""
    entries = [entry.partition("@") for entry in settings.ENDPOINT_KEYS]
    pairs = [(name, url.rstrip("/") or only) for name, _, url in entries]
    return [(name, url) for name, url in pairs if url in addresses]


def tidied(endpoint: Endpoint) -> Endpoint:
    """Without stray white space; every model takes words."""
    return replace(
        endpoint,
        url=endpoint.url.strip().rstrip("/"),
        model=endpoint.model.strip(),
        key_variable=endpoint.key_variable.strip(),
        currency=endpoint.currency.strip().upper(),
        takes=tuple(dict.fromkeys(("text", *endpoint.takes))),
    )


def check_endpoint(endpoint: Endpoint) -> None:
    _check_address(endpoint)
    _check_key(endpoint)
    broken = [rule for rule, holds in _rules(endpoint).items() if not holds]
    if broken:
        raise InvalidOptionsError(" ".join(broken))


def _check_address(endpoint: Endpoint) -> None:
    if endpoint.url not in settings.ENDPOINT_URLS:
        raise InvalidOptionsError(
            f"url: models at {endpoint.url or 'no address'} may not be asked from here. "
            f"{_allowed('ENDPOINT_URLS', settings.ENDPOINT_URLS)}"
        )


def _check_key(endpoint: Endpoint) -> None:
    variable = endpoint.key_variable
    if not variable:
        return
    if (variable, endpoint.url) not in keys_by_address():
        # Not named: somebody may have pasted the key itself.
        raise InvalidOptionsError(
            "key_variable: this is none of the names of variables that hold keys for "
            f"{endpoint.url}. {_allowed('ENDPOINT_KEYS', settings.ENDPOINT_KEYS)} An entry reads "
            "NAME@ADDRESS; NAME alone counts only where ENDPOINT_URLS has one address. The key "
            "itself is never entered here."
        )
    if not os.environ.get(variable, "").strip():
        raise InvalidOptionsError(
            f"key_variable: {variable} is empty in the environment of this process. Set it for "
            "the web server and for the workers, and start them again."
        )


def _allowed(setting: str, values: Sequence[str]) -> str:
    return f"Allowed by the setting {setting}: {', '.join(values) or 'none'}."


def _rules(endpoint: Endpoint) -> dict[str, bool]:
    known = get_args(MediaPart)
    return {
        "model: name the model as the server does.": bool(endpoint.model),
        f"takes: a model takes {', '.join(known)} or some of these.": set(known).issuperset(
            endpoint.takes
        ),
        f"frames: between 1 and {MAX_FRAMES} pictures of a clip.": 1
        <= endpoint.frames
        <= MAX_FRAMES,
        f"at_once: between 1 and {MAX_AT_ONCE} questions at a time.": 1
        <= endpoint.at_once
        <= MAX_AT_ONCE,
        "requests_per_minute: a whole number, or 0 for no limit.": endpoint.requests_per_minute
        >= 0,
        f"timeout: above 0 and at most {MAX_TIMEOUT:g} seconds.": 0
        < endpoint.timeout
        <= MAX_TIMEOUT,
        f"tries: between 1 and {MAX_TRIES}.": 1 <= endpoint.tries <= MAX_TRIES,
        f"{' and '.join(PRICES)}: from 0 to {MAX_PRICE} a million tokens.": all(
            _is_price(getattr(endpoint, name)) for name in PRICES
        ),
        "currency: three letters, such as EUR.": len(endpoint.currency) == CURRENCY_LENGTH
        and endpoint.currency.isalpha(),
    }


def _is_price(price: Decimal) -> bool:
    return price.is_finite() and 0 <= price <= MAX_PRICE

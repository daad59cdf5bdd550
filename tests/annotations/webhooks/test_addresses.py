"""In production messages go out encrypted, and never into our own network."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.services.webhook_addresses import (
    ReceiverAddressError,
    check_receiver,
    is_public,
    read_target,
)
from annotations.services.webhook_http import post_signed
from annotations.services.webhooks import add_webhook, edit_webhook
from inference.errors import InvalidOptionsError
from mood_eval.models import Team
from tests.annotations.webhooks.conftest import Receiver


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fe80::1%eth0"),
        *("fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"),
        *("::", "ff02::1", "0.0.0.0"),  # noqa: S104
    ],
)
def test_addresses_of_private_networks_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_other_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("", "lab.example.org", "ftp://lab.example.org/", "https://", "https://lab:port/"),
        *("https://user:secret@lab.example.org/", "https://lab.example.org/#part"),
        *("https://lab.example.org/\r\nHost: x", "https://lab.example.org/a b", "https://[::1"),
    ],
)
def test_what_is_no_address_of_a_receiver_is_refused(url: str) -> None:
    with pytest.raises(ReceiverAddressError):
        read_target(url)


def test_production_wants_encryption(settings: Any) -> None:
    assert read_target("http://lab.example.org/hook").port == 80
    settings.PRODUCTION = True
    with pytest.raises(ReceiverAddressError, match="https://"):
        read_target("http://lab.example.org/hook")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f000001"])
def test_production_sends_nothing_to_itself(settings: Any, host: str) -> None:
    settings.PRODUCTION = True
    with pytest.raises(ReceiverAddressError, match="private network"):
        check_receiver(f"https://{host}/hook")


def test_a_name_that_leads_inside_later_gets_nothing(settings: Any, receiver: Receiver) -> None:
    """It was added while it led elsewhere: each try looks again."""
    settings.PRODUCTION = True
    url = receiver.url.replace("http://127.0.0.1", "https://localhost")
    answered = post_signed(url, "secret", b"{}", {})
    assert answered.status is None
    assert "private network" in answered.text
    assert not receiver.received


@pytest.mark.django_db
def test_an_address_is_added_once_and_with_known_events(team: Team) -> None:
    webhook = add_webhook(team=team, url="http://localhost/a", events=["study.closed"])
    assert len(webhook.secret) >= 40
    with pytest.raises(InvalidOptionsError, match="already"):
        add_webhook(team=team, url="http://localhost/a", events=["study.launched"])
    with pytest.raises(InvalidOptionsError, match="There is no event"):
        add_webhook(team=team, url="http://localhost/b", events=["study.exploded"])
    with pytest.raises(InvalidOptionsError, match="at least one"):
        edit_webhook(webhook=webhook, events=[])

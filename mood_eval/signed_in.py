"""Who is signed in, checked against a person who was read already.

The rating page's requests read an assignment together with its rater's account. Reading the same
account a second time, as `request.user` does, would be a query more on each of them.
"""

from __future__ import annotations

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from mood_eval.models import User


def signed_in_id(request: HttpRequest) -> int | None:
    """As the session says it; `is_signed_in_as` has to confirm it."""
    key = request.session.get(SESSION_KEY, "")
    return int(key) if key.isdecimal() else None


def is_signed_in_as(request: HttpRequest, user: User) -> bool:
    """The checks of Django's own `get_user`: active, and no other password since. When they hold,
    `request.user` is this very object from now on."""
    stored = request.session.get(HASH_SESSION_KEY, "")
    if (
        signed_in_id(request) != user.pk
        or not user.is_active
        or not constant_time_compare(stored, user.get_session_auth_hash())
    ):
        return False
    request._cached_user = user  # type: ignore[attr-defined]  # where Django's middleware looks
    return True

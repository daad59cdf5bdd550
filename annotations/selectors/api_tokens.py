from __future__ import annotations

from datetime import datetime

from rest_framework.authtoken.models import Token

from mood_eval.models import User


def token_made_at(user: User) -> datetime | None:
    """None: the person has no key to the API."""
    found: datetime | None = (
        Token.objects.filter(user=user).values_list("created", flat=True).first()
    )
    return found

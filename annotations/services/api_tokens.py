"""A person's key to the API: one at a time, told once."""

from __future__ import annotations

from django.db import transaction
from rest_framework.authtoken.models import Token

from mood_eval.models import User


@transaction.atomic
def renew_token(user: User) -> str:
    """The new key; the one before opens nothing any more."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    Token.objects.filter(user=user).delete()
    return str(Token.objects.create(user=user).key)


def revoke_token(user: User) -> bool:
    """Whether there was one."""
    deleted, _ = Token.objects.filter(user=user).delete()
    return bool(deleted)

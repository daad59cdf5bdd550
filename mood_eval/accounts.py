from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from mood_eval.demo_accounts import DEMO_PASSWORD
from mood_eval.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by invitation; nobody signs up from the street."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def clean_password(self, password: str, user: User | None = None) -> str:
        if settings.PRODUCTION and password == DEMO_PASSWORD:
            raise ValidationError("This is the demonstration's password. Choose another one.")
        return str(super().clean_password(password, user))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """A database that was once a demonstration lets nobody in by its public password."""
        if settings.PRODUCTION and credentials.get("password") == DEMO_PASSWORD:
            return None
        user: User | None = super().authenticate(request, **credentials)
        return user

from __future__ import annotations

import re

from django import forms
from django.core.validators import validate_email


def addresses_in(text: str) -> list[str]:
    """Separated by lines, blanks, commas or semicolons. Raises ValidationError."""
    emails = [word for word in re.split(r"[\s,;]+", text) if word]
    for email in emails:
        try:
            validate_email(email)
        except forms.ValidationError as error:
            raise forms.ValidationError(f"“{email}” is not an e-mail address.") from error
    return emails

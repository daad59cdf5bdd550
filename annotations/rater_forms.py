"""What is asked of people who invite raters, of those who join, and before work changes hands."""

from __future__ import annotations

import re
from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotations.models import Invitation
from annotations.selectors.invitations import account_exists
from annotations.services.invitations import MOST_AT_ONCE, MOST_DAYS, VALID_DAYS
from annotations.services.rater_files import MAX_BYTES, MOST_YEARS, is_address
from mood_eval.models import User


class InviteForm(forms.Form):
    emails = forms.CharField(
        label="E-mail addresses",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text="One a line. Each link then works for the person with this address only.",
    )
    unnamed = forms.IntegerField(
        label="Links without an address",
        required=False,
        initial=0,
        min_value=0,
        max_value=MOST_AT_ONCE,
        help_text="Whoever holds one joins with an address of their own, which nobody checks.",
    )
    days = forms.IntegerField(
        label="Valid for days", initial=VALID_DAYS, min_value=1, max_value=MOST_DAYS
    )

    def clean_emails(self) -> list[str]:
        found = [word for word in re.split(r"[\s,;]+", self.cleaned_data["emails"]) if word]
        wrong = [word for word in found if not is_address(word)]
        if wrong:
            raise forms.ValidationError(f"These are no e-mail addresses: {', '.join(wrong[:5])}.")
        return found

    def clean_unnamed(self) -> int:
        return self.cleaned_data["unnamed"] or 0

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not given["emails"] and not given["unnamed"]:
            raise forms.ValidationError("Write addresses, or say how many links without one.")
        return given


class RaterFileForm(forms.Form):
    file = forms.FileField(label="CSV file", required=False)
    text = forms.CharField(
        label="Or paste the lines",
        required=False,
        strip=False,
        max_length=MAX_BYTES,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not given.get("file") and not given.get("text"):
            raise forms.ValidationError("Choose a file, or paste its lines.")
        return given

    @property
    def content(self) -> bytes | str:
        file = self.cleaned_data.get("file")
        if file is None:
            return str(self.cleaned_data["text"])
        content: bytes = file.read(MAX_BYTES + 1)
        return content


class JoinForm(forms.Form):
    """All of it is voluntary."""

    profession = forms.CharField(label=gettext_lazy("Profession"), max_length=120, required=False)
    licence = forms.CharField(label=gettext_lazy("Licence"), max_length=120, required=False)
    years_of_practice = forms.IntegerField(
        label=gettext_lazy("Years of practice"), min_value=0, max_value=MOST_YEARS, required=False
    )
    languages = forms.CharField(
        label=gettext_lazy("Languages you work in"), max_length=200, required=False
    )

    @property
    def facts(self) -> dict[str, str | int | None]:
        return {name: self.cleaned_data[name] for name in JoinForm.base_fields}


class SignUpForm(JoinForm):
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password1 = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 10 characters."),
    )
    password2 = forms.CharField(
        label=gettext_lazy("The password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    field_order = ("email", "password1", "password2")

    def __init__(self, *args: Any, invitation: Invitation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if invitation.email:
            self.fields["email"].disabled = True
            self.initial["email"] = invitation.email

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if account_exists(email):
            raise forms.ValidationError(
                _("There is an account with this address. Sign in, then open the link again.")
            )
        return email

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        first, second = given.get("password1"), given.get("password2")
        if first and second and first != second:
            self.add_error("password2", _("The two passwords differ."))
        elif first:
            try:
                get_adapter().clean_password(first, User(email=given.get("email", "")))
            except forms.ValidationError as error:
                self.add_error("password1", error)
        return given


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Stands in the history of the study. Name nobody.",
    )


class WithdrawForm(ReasonForm):
    keep_answers = forms.TypedChoiceField(
        label="Submitted answers",
        choices=[("yes", "go on counting"), ("no", "count no more, and others answer these items")],
        coerce=lambda value: value == "yes",
        initial="yes",
        widget=forms.RadioSelect,
    )
    give_out = forms.BooleanField(
        label="Give the freed items to the other raters now", required=False, initial=True
    )
    field_order = ("keep_answers", "give_out", "reason")


class ReleaseForm(ReasonForm):
    skipped = forms.BooleanField(label="Also what the rater skipped", required=False)
    give_out = forms.BooleanField(
        label="Give the freed items to the other raters now", required=False, initial=True
    )
    field_order = ("skipped", "give_out", "reason")


class ExtendForm(ReasonForm):
    count = forms.IntegerField(label="How many more items", min_value=1, max_value=10_000)
    field_order = ("count", "reason")

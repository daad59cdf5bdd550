"""Forms of the pages around rating."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotations.models import SourceGuess, StudyRater

MOST_YEARS = 80
GUESSES = (
    (SourceGuess.Guess.PERSON, _("A person")),
    (SourceGuess.Guess.MODEL, _("A computer model")),
    (SourceGuess.Guess.UNSURE, _("I can't say")),
)


class AboutForm(forms.Form):
    """Optional throughout; what is left empty is not kept."""

    profession = forms.CharField(
        max_length=120,
        required=False,
        label=_("Profession or training"),
        help_text=_("As “clinical psychologist” or “student of psychology, third year”."),
    )
    licence = forms.CharField(
        max_length=120,
        required=False,
        label=_("Licence or registration"),
        help_text=_("The kind and the country; no number is needed."),
    )
    years_of_practice = forms.IntegerField(
        min_value=0, max_value=MOST_YEARS, required=False, label=_("Years of practice")
    )
    languages = forms.CharField(
        max_length=200,
        required=False,
        label=_("Languages you work in"),
        help_text=_("The first one first."),
    )

    @classmethod
    def of(cls, rater: StudyRater) -> AboutForm:
        return cls(initial={name: getattr(rater, name) for name in cls.base_fields})


class WithdrawForm(forms.Form):
    KEEP, ERASE = "keep", "erase"

    what = forms.ChoiceField(
        widget=forms.RadioSelect,
        label=_("What shall happen to your answers?"),
        error_messages={"required": _("Choose whether your answers are kept or erased.")},
    )
    reason = forms.CharField(
        max_length=1000,
        required=False,
        label=_("A reason, if you like"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The study team reads it, under your pseudonym."),
    )

    def __init__(self, *args: Any, left_before: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        erase = _("Erase my answers") if left_before else _("Stop, and erase my answers")
        choices = [] if left_before else [(self.KEEP, _("Stop, keep my answers"))]
        what = self.fields["what"]
        assert isinstance(what, forms.ChoiceField)  # noqa: S101
        what.choices = [*choices, (self.ERASE, erase)]

from __future__ import annotations

from typing import Any

from django import forms

from annotations.models import Study
from annotations.services.amendments import AFTER_CLOSE, AMENDABLE
from annotations.study_forms.texts import TextField, TextsForm

REASON_HELP = "Stands in the history of the study, with your name and the time."


class AmendForm(TextsForm):
    break_minutes = forms.IntegerField(
        min_value=0,
        max_value=600,
        label="Minutes until a break is suggested",
        help_text="0: never.",
    )
    daily_minutes = forms.IntegerField(
        min_value=0, max_value=1440, label="Most minutes a day", help_text="0: no limit."
    )
    check_in = forms.BooleanField(required=False, label="Ask raters between blocks how they are")
    reason = TextField(rows=3, max_length=2000, label="Why", help_text=REASON_HELP)

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {name: getattr(study, name) for name in AMENDABLE})
        super().__init__(*args, **kwargs)
        if study.state == Study.State.CLOSED:
            for name in set(self.fields) - {*AFTER_CLOSE, "reason"}:
                del self.fields[name]
        else:
            self.fields[
                "consent_text"
            ].help_text = "A changed text asks every rater to agree again before the next item."

    @property
    def changes(self) -> dict[str, Any]:
        """Of a valid form."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}


class ItemNoteForm(forms.Form):
    note = forms.CharField(
        max_length=200,
        required=False,
        label="Themes named before the item",
        help_text="“suicide, violence”. Empty: nothing is said.",
    )
    reason = TextField(rows=2, max_length=2000, label="Why", help_text=REASON_HELP)

from __future__ import annotations

from typing import Any

from django import forms

from annotations.study_forms.addresses import addresses_in


class SessionsForm(forms.Form):
    raters = forms.CharField(
        required=False,
        label="Invite raters",
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "one e-mail address a line"}),
        help_text="People without an account get one, and you get a link for them to set a "
        "password.",
    )
    overlap = forms.IntegerField(
        min_value=1,
        max_value=50,
        label="Raters per item",
        help_text="Two are the least for agreement; three make disputes rarer.",
    )
    block_size = forms.IntegerField(
        min_value=1,
        max_value=500,
        label="Items in a block",
        help_text="After a block raters can stop. 15 to 25 take about half an hour.",
    )
    repeat_percent = forms.FloatField(
        min_value=0,
        max_value=50,
        label="Items that come again, in percent",
        help_text="To see how steady a rater is. Repeats enter no mean and no agreement.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    break_minutes = forms.IntegerField(
        min_value=0,
        max_value=600,
        label="Minutes until a break is suggested",
        help_text="Between items only. 0: never.",
    )
    daily_minutes = forms.IntegerField(
        min_value=0,
        max_value=1440,
        label="Most minutes a day",
        help_text="Active minutes, after which the next item waits for tomorrow. 0: no limit.",
    )
    check_in = forms.BooleanField(
        required=False,
        label="Ask raters between blocks how they are",
        help_text="“Fine / A break / Talk to someone”. What they say is not stored.",
    )
    guess_sources = forms.BooleanField(
        required=False,
        label="At the end, ask who wrote what: a person or a model",
        help_text="To report whether raters could tell.",
    )

    def clean_raters(self) -> list[str]:
        return addresses_in(self.cleaned_data["raters"])

    @property
    def settings(self) -> dict[str, Any]:
        """Fields of the study; of a valid form."""
        found = dict(self.cleaned_data)
        del found["raters"]
        return found | {"repeat_share": found.pop("repeat_percent") / 100}

from __future__ import annotations

from typing import Any

from django import forms

from annotations.selectors.design_report import Assumptions


class AssumptionsForm(forms.Form):
    """Sent by GET, so that a report has an address."""

    raters = forms.IntegerField(min_value=1, max_value=500, label="Raters")
    seconds = forms.IntegerField(
        min_value=1,
        max_value=3600,
        label="Seconds an item takes",
        help_text="Estimated from the length of replies and clips and the number of questions.",
    )
    alpha = forms.FloatField(
        min_value=0.01,
        max_value=0.99,
        label="Assumed alpha",
        help_text="From a similar study; 0.3 to 0.6 is common here.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    tie_share = forms.FloatField(
        min_value=0,
        max_value=0.9,
        label="Assumed share of ties",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )

    def __init__(self, data: Any, *, usual: Assumptions, least: int) -> None:
        """`data` without the fields gives the usual ones."""
        names = tuple(self.base_fields)
        given = {name: data.get(name, getattr(usual, name)) for name in names}
        super().__init__(given)
        raters = self.fields["raters"]
        assert isinstance(raters, forms.IntegerField)  # noqa: S101
        raters.help_text = f"At least {least}, the raters per item."

    @property
    def assumed(self) -> Assumptions:
        """Of a valid form."""
        return Assumptions(**self.cleaned_data)

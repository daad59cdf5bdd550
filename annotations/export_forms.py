"""What is asked for when a release is downloaded in a format."""

from __future__ import annotations

from typing import Any

from django import forms

from annotations.exports.formats import FORMATS, ExportFormat
from annotations.models import PreferenceDataset
from annotations.selectors.release_pages import split_rows
from inference.forms import set_choices

USUAL_FORMAT = "trl-preference"


def said_of(found: ExportFormat) -> str:
    return f"{found.label}: {found.purpose} ({found.consumer})"


class ExportForm(forms.Form):
    """A field that is not sent has its usual value, so that a link may name the format alone."""

    format = forms.ChoiceField(
        widget=forms.RadioSelect,
        label="Format",
        choices=[(found.name, said_of(found)) for found in FORMATS.values()],
        initial=USUAL_FORMAT,
    )
    fields_of_replies = forms.ChoiceField(
        widget=forms.RadioSelect,
        required=False,
        label="Of each reply",
        choices=[("response", "its text"), ("all", "all four lines, emotions and strategy too")],
        initial="response",
    )
    splits = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Splits",
        help_text="None chosen: all.",
    )
    clips = forms.ChoiceField(
        widget=forms.RadioSelect,
        required=False,
        label="Clips",
        choices=[
            ("reference", "named by path and hash"),
            ("copied", "copied into the archive, where a right to pass them on is recorded"),
        ],
        initial="reference",
    )

    def __init__(self, *args: Any, dataset: PreferenceDataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [row.name for row in split_rows(dataset.manifest) if row.name and row.pairs]
        if named:
            set_choices(self, "splits", ((name, name) for name in named))
        else:
            del self.fields["splits"]
        if dataset.manifest.get("fields_shown") in (None, "", "hidden"):
            del self.fields["fields_of_replies"]

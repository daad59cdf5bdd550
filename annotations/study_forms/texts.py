from __future__ import annotations

from typing import Any

from django import forms


class TextField(forms.CharField):
    """Several lines. Browsers send other line ends than were stored: the same text stays the same,
    so that nobody has to agree to it again."""

    def __init__(self, *, rows: int, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows}), **kwargs)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n")


class TextsForm(forms.Form):
    consent_text = TextField(
        rows=12,
        label="What raters agree to",
        help_text="Raters agree to rating, to the training of models and to publication in three "
        "separate boxes; the text explains each.",
    )
    content_note = TextField(
        rows=3,
        required=False,
        label="Content note of the whole study",
        help_text="Shown before the first item. Notes of single items are suggested on the last "
        "step.",
    )
    contacts = TextField(
        rows=4,
        required=False,
        label="Contacts",
        help_text="Whom raters can turn to, the study's support person first. Always in reach.",
    )
    flag_readers = forms.CharField(
        required=False,
        max_length=300,
        label="Who reads flags",
        help_text="By name, as told to raters: “Dr Ada Brandt and Max Weiss”.",
    )
    flag_reading_times = forms.CharField(
        required=False,
        max_length=300,
        label="When flags are read",
        help_text="“on working days, within 24 hours”. Raters are told that this is not an "
        "emergency service.",
    )
    recruitment = TextField(
        rows=3,
        required=False,
        label="How raters are found",
        help_text="This and the next two go into the drafts of the reporting checklists.",
    )
    payment = TextField(rows=2, required=False, label="What raters are paid")
    ethics_approval = TextField(
        rows=2,
        required=False,
        label="Ethics approval",
        help_text="Board and number, or why none is needed.",
    )

    def clean(self) -> dict[str, Any]:
        found = self.cleaned_data
        if found.get("flag_reading_times") and not found.get("flag_readers"):
            self.add_error("flag_readers", "Name who reads flags at these times.")
        return found

    @property
    def words(self) -> list[forms.BoundField]:
        return [self[name] for name in ("consent_text", "content_note", "contacts")]

    @property
    def flags(self) -> list[forms.BoundField]:
        return [self[name] for name in ("flag_readers", "flag_reading_times")]

    @property
    def facts(self) -> list[forms.BoundField]:
        return [self[name] for name in ("recruitment", "payment", "ethics_approval")]

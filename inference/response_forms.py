"""What is asked of whoever imports responses that models gave elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from inference.models import Corpus
from mood_eval.models import Team

if TYPE_CHECKING:
    CorpusChoices = forms.ModelChoiceField[Corpus]
else:
    CorpusChoices = forms.ModelChoiceField

MOST_MEGABYTES = 50
"""Read twice while somebody waits: about ten seconds."""


class ResponsesForm(forms.Form):
    upload = forms.FileField(
        required=False,
        label="File",
        help_text=f"CSV or JSON Lines, at most {MOST_MEGABYTES} MB. Larger files are imported with "
        "the command import_responses.",
    )
    staged = forms.CharField(required=False, widget=forms.HiddenInput)
    corpus = CorpusChoices(
        queryset=Corpus.objects.none(),
        label="Corpus",
        help_text="Whose client turns were answered: the file names its dialogues.",
    )
    about = forms.CharField(
        required=False,
        max_length=20_000,
        label="About these models",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For their cards: who made them, how they were asked, under which licence.",
    )
    with_runs = forms.BooleanField(
        required=False,
        initial=True,
        label="Make a finished run of each model",
        help_text="So that studies can use the responses at once.",
    )
    leave_out = forms.BooleanField(
        required=False,
        label="Leave out rows that belong to no client turn of the corpus",
        help_text="Otherwise a single one refuses the file.",
    )

    def __init__(self, team: Team, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["corpus"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101
        field.queryset = Corpus.objects.filter(team=team).order_by("name")
        if field.queryset.count() == 1:
            field.initial = field.queryset.first()

    def clean_upload(self) -> UploadedFile[Any] | None:
        file: UploadedFile[Any] | None = self.cleaned_data["upload"]
        if file is not None and (file.size or 0) > MOST_MEGABYTES * 10**6:
            raise forms.ValidationError(
                f"The file is larger than {MOST_MEGABYTES} MB. Import it with the command "
                "import_responses."
            )
        return file

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("upload") and not given.get("staged") and "upload" not in self.errors:
            self.add_error("upload", "Choose a file.")
        return given

    def fields_shown(self) -> list[forms.BoundField]:
        return [self[name] for name in ("upload", "corpus", "about", "with_runs", "leave_out")]

"""What is asked of whoever imports preferences that were made elsewhere."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from annotations.derivation.rules import DerivationRules, RulesError
from annotations.exports.import_card import CONSENT
from annotations.imports import FORMATS, ReadOptions
from annotations.models import PreferenceDataset
from annotations.services.dataset_imports import ImportRequest

USUAL = DerivationRules()
MOST_MEGABYTES = 50
"""Read twice while somebody waits: about ten seconds."""
MOST_UNPACKED = 200 * 10**6
MOST_FILES = 100


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """A list of files; empty where none was chosen."""

    widget = _Files

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        given = data if isinstance(data, list | tuple) else [data] if data else []
        return [super(_FilesField, self).clean(file, initial) for file in given]


class DatasetImportForm(forms.Form):
    uploads = _FilesField(
        required=False,
        label="Files",
        help_text=f"One or several, or a zip; at most {MOST_MEGABYTES} MB. Larger files are "
        "imported with the command import_preferences.",
    )
    staged = forms.CharField(required=False, widget=forms.HiddenInput)
    format = forms.ChoiceField(
        required=False,
        label="Format",
        choices=[("", "Recognise it"), *((name, one.label) for name, one in FORMATS.items())],
    )
    name = forms.CharField(
        max_length=PreferenceDataset._meta.get_field("name").max_length,
        label="Name of the dataset",
    )
    licence = forms.CharField(
        max_length=500,
        label="Licence",
        help_text="Under which licence or agreement you hold the data. It is printed on the "
        "dataset's card.",
    )
    consent = forms.BooleanField(
        label=CONSENT,
        error_messages={
            "required": "Without this no model may be trained on the answers, so nothing can be "
            "imported."
        },
    )
    splitting = forms.ChoiceField(
        label="Splits",
        initial=USUAL.splitting,
        choices=[
            ("seeded", "Drawn by lot, a session or conversation never divided"),
            ("corpus", "As the files name them"),
            ("none", "None"),
        ],
    )
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=USUAL.seed, label="Seed")
    margin = forms.FloatField(
        min_value=0.01,
        max_value=100,
        initial=USUAL.margin,
        label="Margin, in points",
        help_text="Least difference of one rater's scores that prefers a response. Direct choices "
        "need none.",
    )
    ties = forms.ChoiceField(
        label="Ties",
        initial=USUAL.ties,
        choices=[
            ("dropped", "Are left out"),
            ("kept", "Stand in the table of comparisons"),
            ("equal", "Make two rows of half the weight, one each way"),
        ],
    )
    judges = forms.BooleanField(
        required=False,
        label="Count what models decided, too",
        help_text="Choices of a judge or a reward, as seeker simulators and ES-VR make them, are "
        "left out unless you say so. They make rows of their own, marked in a column.",
    )
    with_words = forms.BooleanField(
        required=False,
        label="Keep comments and answers in words",
        help_text="They may tell of people. Left out unless you say so.",
    )
    context = forms.CharField(
        required=False, max_length=100, label="Field with what the client said"
    )
    first = forms.CharField(required=False, max_length=100, label="Field with the first response")
    second = forms.CharField(required=False, max_length=100, label="Field with the second response")
    ratings = forms.CharField(
        required=False,
        max_length=1000,
        label="Fields with ratings, comma separated",
        help_text="Of Label Studio's JSON_MIN and CSV: fields whose plain numbers raters gave. "
        "Others may be the task's own and are left out.",
    )

    MAIN = ("uploads", "format", "name", "licence", "consent")
    DETAILS = (
        *("splitting", "seed", "margin", "ties", "judges", "with_words"),
        *("context", "first", "second", "ratings"),
    )

    def main_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.MAIN]

    def detail_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.DETAILS]

    def has_wrong_details(self) -> bool:
        return any(name in self.errors for name in self.DETAILS)

    def clean_uploads(self) -> list[UploadedFile[Any]]:
        files: list[UploadedFile[Any]] = self.cleaned_data["uploads"]
        if len(files) > MOST_FILES:
            raise forms.ValidationError(f"More than {MOST_FILES} files. Hand them in as a zip.")
        if sum(file.size or 0 for file in files) > MOST_MEGABYTES * 10**6:
            raise forms.ValidationError(
                f"The files are larger than {MOST_MEGABYTES} MB. Import them with the command "
                "import_preferences."
            )
        return files

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("uploads") and not given.get("staged") and "uploads" not in self.errors:
            self.add_error("uploads", "Choose at least one file.")
        if not self.errors:
            try:
                self.request = self._request(given)
            except RulesError as error:
                self.add_error(None, str(error))
        return given

    @staticmethod
    def _request(given: dict[str, Any]) -> ImportRequest:
        names = ("splitting", "seed", "margin", "ties", "with_words")
        return ImportRequest(
            format=given["format"],
            most_bytes=MOST_UNPACKED,
            rules=DerivationRules(
                **{name: given[name] for name in names},
                rater_kinds=("person", "llm") if given["judges"] else USUAL.rater_kinds,
            ),
            options=ReadOptions(
                context=given["context"].strip(),
                first=given["first"].strip(),
                second=given["second"].strip(),
                ratings=tuple(filter(None, map(str.strip, given["ratings"].split(",")))),
            ),
        )

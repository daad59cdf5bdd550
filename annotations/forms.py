from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import validate_email
from django.template.defaultfilters import pluralize

from annotations.instruments import study_templates
from annotations.selectors.studies import runs_to_judge
from inference.models import GenerationRun
from mood_eval.models import Team

if TYPE_CHECKING:
    RunChoices = forms.ModelMultipleChoiceField[GenerationRun]
else:
    RunChoices = forms.ModelMultipleChoiceField


class RunsField(RunChoices):
    def label_from_instance(self, obj: GenerationRun) -> str:
        day = obj.created_at.strftime("%-d %b %Y")
        turns = obj.turns_answered or 0  # type: ignore[attr-defined]  # by runs_to_judge
        name = f"{obj.model_version.name} on {obj.corpus.name}"
        return f"{name} ({turns} client turn{pluralize(turns)} answered, {day})"


class StudyForm(forms.Form):
    """What a new draft needs; everything else comes from the template."""

    template = forms.ChoiceField(widget=forms.RadioSelect)
    runs = RunsField(
        queryset=GenerationRun.objects.none(),
        label="Whose replies are judged",
        widget=forms.CheckboxSelectMultiple,
        help_text="Only finished runs are listed. Only client turns that all of them answered "
        "are used. Where a model gave several answers to a client turn, the first one is judged.",
        error_messages={"required": "Choose at least one run."},
    )
    name = forms.CharField(
        max_length=200,
        required=False,
        label="Name that raters see",
        help_text="Leave the names of models out. Empty: a name is made from the template.",
    )
    raters = forms.CharField(
        required=False,
        label="Raters",
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "one e-mail address a line"}),
        help_text="People without an account get one, and you get a link for them to set a "
        "password.",
    )
    overlap = forms.IntegerField(
        min_value=1, max_value=50, required=False, label="Raters per item", initial=2
    )
    limit = forms.IntegerField(
        min_value=1,
        required=False,
        label="Number of client turns",
        help_text="Drawn by seed. Empty: all of them.",
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        help_text="Draws the sample, the order and the sides. Empty: a random one, stored.",
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        templates = study_templates()
        template, runs = self.fields["template"], self.fields["runs"]
        assert isinstance(template, forms.ChoiceField)  # noqa: S101
        assert isinstance(runs, RunsField)  # noqa: S101
        template.choices = [(t.slug, f"{t.name}: {t.description}") for t in templates]
        template.initial = templates[-1].slug
        runs.queryset = runs_to_judge(team)

    def clean_raters(self) -> list[str]:
        emails = [word for word in re.split(r"[\s,;]+", self.cleaned_data["raters"]) if word]
        for email in emails:
            try:
                validate_email(email)
            except forms.ValidationError as error:
                raise forms.ValidationError(f"“{email}” is not an e-mail address.") from error
        return emails

from __future__ import annotations

from typing import Any

from django import forms

from annotations.instruments import study_templates

BLIND_HELP = (
    "Results then speak of “Model 1” and “Model 2”. Whoever reveals the names earlier is "
    "recorded, and every result says so."
)


class NameForm(forms.Form):
    name = forms.CharField(
        max_length=200,
        label="Name that raters see",
        help_text="Leave the names of models out.",
    )
    blind_researchers = forms.BooleanField(
        required=False,
        label="Keep the team blind to the models until the study closes",
        help_text=BLIND_HELP,
    )


class NewStudyForm(NameForm):
    template = forms.ChoiceField(
        required=False,
        widget=forms.RadioSelect,
        label="Begin with",
        help_text="A template fills every step; you can change all of it before the launch.",
    )
    field_order = ["template", "name", "blind_researchers"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        template, name = self.fields["template"], self.fields["name"]
        assert isinstance(template, forms.ChoiceField)  # noqa: S101
        known = [(t.slug, f"{t.name}: {t.description}") for t in study_templates()]
        template.choices = [*known, ("", "An empty study: choose every part yourself.")]
        name.required = False
        name.help_text = "Leave the names of models out. Empty: a name is made from the template."

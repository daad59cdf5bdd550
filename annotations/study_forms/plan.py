from __future__ import annotations

from typing import Any

from django import forms

from annotations.models import AnalysisPlan, Study
from annotations.selectors.plan_checks import contrast_choices, contrast_key, primary_choices
from annotations.study_forms.texts import TextField
from inference.forms import set_choices


class PlanForm(forms.Form):
    primary_criteria = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        label="Primary criteria",
        help_text="What the study is about. Holm's correction is made over these; results of the "
        "others are exploratory.",
        error_messages={"required": "Choose at least one."},
    )
    contrasts = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Comparisons between models",
        help_text="None chosen: every two models are compared.",
    )
    min_active_seconds = forms.IntegerField(
        min_value=0,
        max_value=3600,
        label="Leave out answers given in fewer active seconds",
        help_text="0 leaves none out. Raters are told of this rule; time never lowers their pay.",
    )
    answer_version = forms.ChoiceField(
        choices=AnalysisPlan.AnswerVersion.choices,
        widget=forms.RadioSelect,
        label="Of an answer that was changed before the close counts",
    )
    population = forms.ChoiceField(
        choices=AnalysisPlan.Population.choices,
        widget=forms.RadioSelect,
        label="Results are to hold for",
    )
    cluster = forms.ChoiceField(
        choices=AnalysisPlan.Cluster.choices,
        widget=forms.RadioSelect,
        label="Answers that depend on each other belong to the same",
        help_text="Resampled together, so that intervals are not too narrow.",
    )
    stopping_rule = TextField(
        rows=3,
        max_length=2000,
        label="When the study stops",
        help_text="Decided now, so that nobody stops when figures look right.",
    )

    def __init__(self, *args: Any, study: Study, plan: AnalysisPlan, **kwargs: Any) -> None:
        kwargs.setdefault("initial", initial_of(plan))
        super().__init__(*args, **kwargs)
        for name, choices in (
            ("primary_criteria", primary_choices(study)),
            ("contrasts", contrast_choices(study)),
        ):
            set_choices(self, name, choices)

    def clean_contrasts(self) -> list[list[int]]:
        return [[int(run) for run in pair.split("-")] for pair in self.cleaned_data["contrasts"]]


def initial_of(plan: AnalysisPlan) -> dict[str, Any]:
    fields = {name: getattr(plan, name) for name in PlanForm.base_fields}
    return fields | {"contrasts": [contrast_key(*pair) for pair in plan.contrasts]}

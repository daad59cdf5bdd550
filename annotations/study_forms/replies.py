from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.template.defaultfilters import pluralize

from annotations.models import Study
from annotations.selectors.studies import runs_to_judge
from inference.models import GenerationRun, ModelVersion
from inference.selectors.cautions import Caution, cautions_about_models, with_mark

if TYPE_CHECKING:
    RunChoices = forms.ModelMultipleChoiceField[GenerationRun]
else:
    RunChoices = forms.ModelMultipleChoiceField


class RunsField(RunChoices):
    cautions: dict[int, list[Caution]] | None = None

    def label_from_instance(self, obj: GenerationRun) -> str:
        if self.cautions is None:
            assert self.queryset is not None  # noqa: S101 - there is a choice to label
            models = ModelVersion.objects.filter(generation_runs__in=self.queryset)
            self.cautions = cautions_about_models(models.distinct())
        day = obj.created_at.strftime("%-d %b %Y")
        turns = obj.turns_answered or 0  # type: ignore[attr-defined]  # by runs_to_judge
        model = with_mark(obj.model_version.name, self.cautions.get(obj.model_version_id, ()))
        name = f"{model} on {obj.corpus.name}"
        return f"{name} ({turns} client turn{pluralize(turns)} answered, {day})"


class RepliesForm(forms.Form):
    runs = RunsField(
        queryset=GenerationRun.objects.none(),
        label="Whose replies are judged",
        widget=forms.CheckboxSelectMultiple,
        help_text="Only finished runs are listed. Only client turns that all of them answered "
        "are used. Where a model gave several answers to a client turn, the first one is judged.",
        error_messages={"required": "Choose at least one run."},
    )
    longest_ratio = forms.FloatField(
        min_value=1,
        max_value=100,
        required=False,
        label="Replies of similar length only",
        help_text="The longest reply to a client turn may have at most so many times the words of "
        "the shortest: 1.5, for example, so that length gives nobody away. Empty: any length.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    limit = forms.IntegerField(
        min_value=1,
        max_value=1_000_000,
        required=False,
        label="Number of client turns",
        help_text="Drawn by seed, from different dialogues first. Empty: all of them. For whole "
        "dialogues, the number of dialogues.",
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        label="Seed",
        help_text="Draws the sample, the order and the sides: the same seed draws the same.",
    )

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        runs = self.fields["runs"]
        assert isinstance(runs, RunsField)  # noqa: S101
        runs.queryset = runs_to_judge(study.team)

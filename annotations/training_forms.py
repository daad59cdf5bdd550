from __future__ import annotations

from typing import Any

from django import forms

from annotations.models import PreferenceDataset
from annotations.selectors.fresh_sessions import LEAST_SESSIONS
from inference.forms import ModelField
from inference.models import ModelVersion

LEARNING_RATE, DEMO_LEARNING_RATE = 1e-5, 5e-4


class TrainForm(forms.Form):
    base = ModelField(ModelVersion.objects.none(), label="Model to train")
    name = forms.CharField(
        max_length=100,
        required=False,
        label="Name of the new version",
        help_text="Empty: made from the model's name.",
    )
    epochs = forms.FloatField(
        min_value=0.01, max_value=1000, initial=5, help_text="How often every pair is seen."
    )
    learning_rate = forms.FloatField(
        min_value=1e-9,
        max_value=1,
        help_text="1e-5 suits a model of 7 billion parameters; the small demo model needs 5e-4.",
    )
    beta = forms.FloatField(
        min_value=0.001,
        max_value=10,
        initial=0.1,
        label="Beta",
        help_text="How strongly the new version is held to the old one.",
    )
    batch_size = forms.IntegerField(min_value=1, max_value=1024, initial=4, label="Pairs a step")
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=0)

    def __init__(self, *args: Any, dataset: PreferenceDataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        base = self.fields["base"]
        assert isinstance(base, forms.ModelChoiceField)  # noqa: S101
        checkpoints = ModelVersion.objects.filter(
            team=dataset.team_id, kind=ModelVersion.Kind.MULTIMOOD
        )
        base.queryset = checkpoints.order_by("-pk")
        rated = (
            checkpoints.filter(generation_runs__study_runs__study=dataset.study_id)
            if dataset.study_id
            else checkpoints.none()
        )
        first = rated.order_by("pk").first() or checkpoints.order_by("pk").first()
        base.initial = first
        is_demo = first is not None and first.is_demo
        self.fields["learning_rate"].initial = DEMO_LEARNING_RATE if is_demo else LEARNING_RATE

    def config(self) -> dict[str, Any]:
        names = ("epochs", "learning_rate", "beta", "batch_size", "seed")
        return {name: self.cleaned_data[name] for name in names}


class FollowUpForm(forms.Form):
    least = forms.IntegerField(
        min_value=1,
        required=False,
        label="Fewest sessions",
        help_text=f"Usually {LEAST_SESSIONS}: if all of them favour one version, that is unlikely "
        "to be chance (p = 0.03 in a two-sided sign test); of five it is not (p = 0.06). At least "
        "1, to try things out. What you choose is noted in the study's history.",
    )

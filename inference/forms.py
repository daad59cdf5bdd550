from __future__ import annotations

from typing import Any, cast, get_args

from django import forms

from inference.contracts import GenerationOptions, Modality
from inference.models import Corpus, ModelVersion
from inference.selectors.corpora import splits_of_team
from mood_eval.models import Team

DEFAULTS = GenerationOptions()
MODALITY_NAMES: dict[Modality, str] = {
    "av": "Video and audio",
    "a": "Audio only",
    "v": "Video only",
    "text": "Text only",
}


class GenerationRunForm(forms.Form):
    model_version = forms.ModelChoiceField(
        ModelVersion.objects.none(), label="Model", empty_label="Choose a model"
    )
    corpus = forms.ModelChoiceField(Corpus.objects.none(), empty_label="Choose a corpus")
    splits = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: the whole corpus.",
    )
    limit = forms.IntegerField(
        required=False,
        min_value=1,
        label="At most",
        help_text="Only the first stimuli of the selection. Empty: all of them.",
    )
    modality = forms.ChoiceField(
        choices=[(key, MODALITY_NAMES[key]) for key in get_args(Modality)],
        initial=DEFAULTS.modality,
        label="What the model perceives",
        help_text="The words and the dialogue before are always given.",
    )
    temperature = forms.FloatField(
        initial=DEFAULTS.temperature,
        min_value=0,
        max_value=5,
        help_text="0 always takes the likeliest word.",
    )
    max_new_tokens = forms.IntegerField(
        initial=DEFAULTS.max_new_tokens,
        min_value=1,
        max_value=2048,
        label="Longest answer, in tokens",
    )
    seed = forms.IntegerField(initial=DEFAULTS.seed, min_value=0, max_value=2**31 - 1)

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        models = cast("forms.ModelChoiceField[ModelVersion]", self.fields["model_version"])
        corpora = cast("forms.ModelChoiceField[Corpus]", self.fields["corpus"])
        splits = cast(forms.MultipleChoiceField, self.fields["splits"])
        models.queryset = ModelVersion.objects.filter(team=team).order_by("name")
        corpora.queryset = Corpus.objects.filter(team=team).order_by("name")
        names = splits_of_team(team)
        splits.choices = [(name, name) for name in names]
        if not names:
            del self.fields["splits"]

    def options(self) -> GenerationOptions:
        data = self.cleaned_data
        return GenerationOptions(
            modality=data["modality"],
            temperature=data["temperature"],
            max_new_tokens=data["max_new_tokens"],
            seed=data["seed"],
        )

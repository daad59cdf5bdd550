from __future__ import annotations

from typing import Any, cast

from django import forms

from inference.contracts import GenerationOptions
from inference.models import Corpus
from inference.selectors.corpora import splits_of_team
from mood_eval.models import Team

DEFAULTS = GenerationOptions()


class ModalitiesForm(forms.Form):
    corpus = forms.ModelChoiceField(Corpus.objects.none(), empty_label="Choose a corpus")
    split = forms.ChoiceField(required=False, help_text="Of the corpus; empty: all of it.")
    limit = forms.IntegerField(
        required=False,
        min_value=1,
        label="At most",
        help_text="Only the first client turns with a clip. Empty: all of them.",
    )
    seed = forms.IntegerField(
        initial=DEFAULTS.seed,
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text="The same for every modality.",
    )

    budget = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=10,
        decimal_places=2,
        label="Budget of each run",
        help_text="Of a model that is paid for, in the currency of its prices. Empty: none.",
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        corpora = cast("forms.ModelChoiceField[Corpus]", self.fields["corpus"])
        corpora.queryset = Corpus.objects.filter(team=team).order_by("name")
        names = splits_of_team(team)
        cast(forms.ChoiceField, self.fields["split"]).choices = [
            ("", "All splits"),
            *((name, name) for name in names),
        ]

    def selection(self) -> dict[str, Any]:
        """Arguments of `compare_modalities`."""
        data = self.cleaned_data
        return {
            "corpus": data["corpus"],
            "splits": [data["split"]] if data["split"] else [],
            "limit": data["limit"],
            "budget": data["budget"],
            "options": GenerationOptions(seed=data["seed"] or DEFAULTS.seed),
        }

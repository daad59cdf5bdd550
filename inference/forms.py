from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast, get_args

from django import forms

from inference.contracts import ClipScope, GenerationOptions, HistoryForm, Modality, Task
from inference.labels import EMOTIONS
from inference.models import Corpus, ModelVersion
from inference.selectors.cautions import Caution, cautions_about_models, with_mark
from inference.selectors.corpora import splits_of_team
from inference.selectors.model_versions import generating_models
from inference.selectors.run_options import CLIP_NAMES, HISTORY_NAMES, MODALITY_NAMES, TASK_NAMES
from inference.services.generation_options import MAX_BATCH, MAX_NEW_TOKENS, MAX_SAMPLES
from mood_eval.models import Team

if TYPE_CHECKING:
    ModelChoices = forms.ModelChoiceField[ModelVersion]
else:
    ModelChoices = forms.ModelChoiceField

DEFAULTS = GenerationOptions()
CENT = Decimal("0.01")
ADVANCED = ("clips", "history", "top_p", "free_labels", "as_published", "emotions", "batch_size")


class ModelField(ModelChoices):
    """Says of each model in a few words what speaks against it."""

    cautions: dict[int, list[Caution]] | None = None

    def label_from_instance(self, obj: ModelVersion) -> str:
        if self.cautions is None:
            assert self.queryset is not None  # noqa: S101 - there is a choice to label
            self.cautions = cautions_about_models(self.queryset)
        return with_mark(obj.name, self.cautions.get(obj.pk, ()))


def set_choices(form: forms.Form, name: str, choices: Iterable[tuple[str, str]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101
    field.choices = list(choices)


def budget_field(help_text: str) -> forms.DecimalField:
    return forms.DecimalField(
        required=False,
        min_value=CENT,
        max_digits=10,
        decimal_places=2,
        label="Budget",
        help_text=help_text,
        widget=forms.NumberInput(attrs={"step": "0.01"}),
    )


class GenerationRunForm(forms.Form):
    model_version = ModelField(
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
        help_text="Only the first client turns of the selection. Empty: all of them.",
    )
    budget = budget_field(
        "Only of models behind addresses, in the currency of their prices: the run stops there and "
        "can be resumed with more. Empty: no limit."
    )
    task = forms.ChoiceField(
        choices=[(key, TASK_NAMES[key]) for key in get_args(Task)],
        initial=DEFAULTS.task,
        required=False,
        label="What it is asked for",
        widget=forms.RadioSelect,
    )
    modality = forms.ChoiceField(
        choices=[(key, MODALITY_NAMES[key]) for key in get_args(Modality)],
        initial=DEFAULTS.modality,
        label="Of the client's turn",
        help_text="Its words are always given, unless only the emotion is asked for.",
    )
    clips = forms.ChoiceField(
        choices=[(key, CLIP_NAMES[key]) for key in get_args(ClipScope)],
        initial=DEFAULTS.clips,
        required=False,
        label="Clips",
        help_text="As many as the model takes at once (published: five).",
    )
    history = forms.ChoiceField(
        choices=[(key, HISTORY_NAMES[key]) for key in get_args(HistoryForm)],
        initial=DEFAULTS.history,
        required=False,
        label="The dialogue before",
    )
    samples = forms.IntegerField(
        initial=DEFAULTS.samples,
        required=False,
        min_value=1,
        max_value=MAX_SAMPLES,
        label="Answers a client turn",
        help_text="Several need a temperature above 0.",
    )
    temperature = forms.FloatField(
        initial=DEFAULTS.temperature,
        min_value=0,
        max_value=5,
        help_text="0 always takes the likeliest word. Higher values vary more.",
    )
    max_new_tokens = forms.IntegerField(
        initial=DEFAULTS.max_new_tokens,
        min_value=1,
        max_value=MAX_NEW_TOKENS,
        label="Longest reply, in tokens",
    )
    seed = forms.IntegerField(
        initial=DEFAULTS.seed,
        min_value=0,
        max_value=2**31 - 1,
        help_text="The same seed gives the same answers.",
    )
    top_p = forms.FloatField(
        initial=DEFAULTS.top_p,
        required=False,
        min_value=0,
        max_value=1,
        label="Share of likeliest words to draw from",
        help_text="1 leaves every word possible. Without effect at temperature 0.",
    )
    free_labels = forms.BooleanField(
        required=False,
        label="Let the model write its labels freely",
        help_text="Otherwise a MultiMood model chooses emotions and strategy among the known ones, "
        "each with a probability. Other models always write them freely.",
    )
    as_published = forms.BooleanField(
        required=False,
        label="Treat media and prompt as the published code does",
        help_text="To compare with published figures. It hears less of long sounds and leaves the "
        "dialogue before out.",
    )
    emotions = forms.CharField(
        required=False,
        label="Emotions to choose from",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Only where the emotion alone is asked for: separated by commas or lines. Empty: "
        f"{', '.join(EMOTIONS)}.",
    )
    batch_size = forms.IntegerField(
        initial=DEFAULTS.batch_size,
        required=False,
        min_value=1,
        max_value=MAX_BATCH,
        label="Client turns answered together",
        help_text="Changes speed and memory, never an answer.",
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        models = cast("forms.ModelChoiceField[ModelVersion]", self.fields["model_version"])
        corpora = cast("forms.ModelChoiceField[Corpus]", self.fields["corpus"])
        splits = cast(forms.MultipleChoiceField, self.fields["splits"])
        models.queryset = generating_models(team)
        corpora.queryset = Corpus.objects.filter(team=team).order_by("name")
        names = splits_of_team(team)
        splits.choices = [(name, name) for name in names]
        if not names:
            del self.fields["splits"]

    @property
    def advanced_errors(self) -> bool:
        return any(self[name].errors for name in ADVANCED)

    def clean_emotions(self) -> tuple[str, ...]:
        names = re.split(r"[,\n]", self.cleaned_data["emotions"])
        return tuple(" ".join(name.split()) for name in names if name.strip())

    def options(self) -> GenerationOptions:
        """What was left empty keeps its default."""
        data = self.cleaned_data
        names = ("modality", "temperature", "max_new_tokens", "seed", "task", "clips")
        given = {name: data[name] for name in (*names, "history", "samples", "top_p", "batch_size")}
        return GenerationOptions(
            **{name: value for name, value in given.items() if value not in (None, "")},
            constrain_labels=not data["free_labels"],
            as_published=data["as_published"],
            emotions=data["emotions"],
        )


class ResumeForm(forms.Form):
    budget = budget_field("In all, with what was spent already.")

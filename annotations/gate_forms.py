"""What researchers fill in about a study's reference panel, training and qualification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from annotations.models import Gate, Item, StudyPart, StudyRater
from annotations.selectors.panel_sources import panel_sources, possible_panel

if TYPE_CHECKING:
    SourceChoices = forms.ModelChoiceField[StudyPart]
    RaterChoices = forms.ModelMultipleChoiceField[StudyRater]
else:
    SourceChoices = forms.ModelChoiceField
    RaterChoices = forms.ModelMultipleChoiceField

POOLS = (
    (Item.Pool.REFERENCE.value, "Qualification, and hidden among the work"),
    (Item.Pool.TRAINING.value, "Training"),
)


class RulesForm(forms.Form):
    training_items = forms.IntegerField(
        min_value=0,
        max_value=500,
        label="Training items",
        help_text="Each is followed by the panel's answer and why. 0: no training.",
    )
    items = forms.IntegerField(
        min_value=0,
        max_value=500,
        label="Qualification items per attempt",
        help_text="Fresh ones at each attempt. 0: no qualification. With 100 items a kappa of "
        "0.39 has a 95 % interval from about 0.24 to 0.54; with fewer it is wider.",
    )
    statistic = forms.ChoiceField(
        choices=Gate.Statistic.choices,
        label="Agreement with the panel",
        help_text="Weights count a near miss as less than a far one, where answers have an order. "
        "Answers without an order are never weighted.",
    )
    threshold = forms.FloatField(
        min_value=-1,
        max_value=0.99,
        label="Kappa has to be above",
        widget=forms.NumberInput(attrs={"step": "0.01"}),
        help_text="Over the answers to all questions of an attempt together.",
    )
    attempts = forms.IntegerField(
        min_value=1,
        max_value=10,
        label="Attempts",
        help_text="After a failed one the training comes again, with fresh items if there are any.",
    )
    hidden_percent = forms.FloatField(
        min_value=0,
        max_value=50,
        label="Hidden panel items, per 100 own items",
        help_text="They come unannounced among a rater's work and show whether agreement lasts. "
        "They enter no figure of the study.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )

    def __init__(self, *args: Any, gate: Gate | None, **kwargs: Any) -> None:
        start = gate or Gate()
        initial = {name: getattr(start, name) for name in list(self.base_fields)[:-1]}
        initial["hidden_percent"] = round(100 * start.hidden_share, 4)
        kwargs["initial"] = initial
        super().__init__(*args, **kwargs)

    @property
    def rules(self) -> dict[str, Any]:
        rules = dict(self.cleaned_data)
        rules["hidden_share"] = rules.pop("hidden_percent") / 100
        return rules


class PanelFileForm(forms.Form):
    file = forms.FileField(
        label="Filled-in form (CSV)",
        help_text="An item that the panel has already gets the answers of the file.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )
    pool = forms.ChoiceField(
        choices=POOLS,
        label="Items are for",
        help_text="A column “use” with “training” or “qualification” decides for its item.",
    )


class MarkForm(forms.Form):
    count = forms.IntegerField(
        min_value=0,
        label="Items for training",
        help_text="Drawn by seed, those with an explanation first. The others are for "
        "qualification.",
    )


class SourceField(SourceChoices):
    def label_from_instance(self, obj: StudyPart) -> str:
        closed = obj.study.closed_at
        return f"{obj.study.name}, part {obj.position}" + (
            f" (closed {closed:%-d %b %Y})" if closed else ""
        )


class SourceForm(forms.Form):
    """Chosen step by step, by GET: the study, then its raters; the page counts what agrees."""

    source = SourceField(StudyPart.objects.none(), label="Closed study", empty_label="Choose one")
    raters = RaterChoices(
        StudyRater.objects.none(),
        required=False,
        label="The panel: raters whose answers count as reference",
        widget=forms.CheckboxSelectMultiple,
        to_field_name="pseudonym",
    )
    tolerance = forms.IntegerField(
        min_value=0,
        max_value=20,
        required=False,
        label="Largest difference between their scores",
        help_text="In points of the scale; the median counts. Choices without an order need a "
        "majority.",
    )
    pool = forms.ChoiceField(choices=POOLS, required=False, label="Items are for")

    def __init__(self, *args: Any, part: StudyPart, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sources, raters = self.fields["source"], self.fields["raters"]
        assert isinstance(sources, SourceField)  # noqa: S101
        assert isinstance(raters, forms.ModelMultipleChoiceField)  # noqa: S101
        sources.queryset = panel_sources(part)
        chosen = str(self.data.get("source", ""))
        if chosen.isdecimal() and len(chosen) < 19:
            source = sources.queryset.filter(pk=chosen).first()
            if source is not None:
                raters.queryset = possible_panel(source)

    def clean_tolerance(self) -> int:
        return self.cleaned_data["tolerance"] or 0

    def clean_pool(self) -> str:
        return self.cleaned_data["pool"] or Item.Pool.REFERENCE.value


class DecisionForm(forms.Form):
    passed = forms.TypedChoiceField(
        choices=(("yes", "The rater qualifies"), ("no", "The rater does not qualify")),
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        label="Decision",
    )
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It is kept with your name beside the figures, and stands in the history of the "
        "study.",
    )

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from annotations.judging.contract import MAX_REPEATS, JudgeOptions, JudgeOptionsError
from annotations.selectors.judges import judges_to_choose
from inference.models import ModelVersion
from inference.services.budgets import CENT, MAX_BUDGET
from mood_eval.models import Team

if TYPE_CHECKING:
    ModelChoices = forms.ModelChoiceField[ModelVersion]
else:
    ModelChoices = forms.ModelChoiceField

DEFAULTS = JudgeOptions()
MAX_TOKENS = 32_000
MAX_SEED = 2**31 - 1 - MAX_REPEATS


def budget_field(**more: Any) -> forms.DecimalField:
    return forms.DecimalField(
        min_value=CENT, max_value=MAX_BUDGET, decimal_places=2, required=False, **more
    )


class JudgeForm(forms.Form):
    judge = ModelChoices(
        ModelVersion.objects.none(), label="Judge", empty_label="Choose a language model"
    )
    evidence = forms.ChoiceField(
        choices=[
            ("context", "The situation, the conversation and the responses, as people do"),
            ("as_published", "The response alone, as MultiMood's published judge did"),
        ],
        initial=DEFAULTS.evidence,
        label="What it sees",
        widget=forms.RadioSelect,
        help_text="People and judges are compared on equal evidence only; otherwise the "
        "difference is printed with every figure. A judge is shown no clips.",
    )
    repeats = forms.IntegerField(
        min_value=1,
        max_value=MAX_REPEATS,
        initial=DEFAULTS.repeats,
        label="Times it is asked about each item",
        help_text="The first answer counts; the others tell how steady the judge is.",
    )
    temperature = forms.FloatField(
        min_value=0,
        max_value=2,
        initial=DEFAULTS.temperature,
        help_text="0 answers as alike as the model can. Recorded with every result.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    swap = forms.BooleanField(
        required=False,
        initial=DEFAULTS.swap,
        label="Ask comparisons in both orders",
        help_text="A choice that changes with the position of the responses counts as none.",
    )
    budget = budget_field(
        help_text="Spending at which it stops, in the currency of the model's prices. It can go "
        "on with more. Empty: no limit.",
    )
    max_tokens = forms.IntegerField(
        min_value=1,
        max_value=MAX_TOKENS,
        initial=DEFAULTS.max_tokens,
        label="Tokens an answer at most",
        help_text="More for models that think before they answer.",
    )
    seed = forms.IntegerField(min_value=0, max_value=MAX_SEED, initial=DEFAULTS.seed)

    def __init__(self, *args: Any, team: Team, compares: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        judges = self.fields["judge"]
        assert isinstance(judges, forms.ModelChoiceField)  # noqa: S101
        judges.queryset = judges_to_choose(team)
        if not compares:
            del self.fields["swap"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.options = JudgeOptions(
                    **{
                        name: cleaned.get(name, getattr(DEFAULTS, name))
                        for name in DEFAULTS.to_json()
                    }
                )
            except JudgeOptionsError as error:
                raise ValidationError(str(error)) from error
        return cleaned


class GoOnForm(forms.Form):
    budget = budget_field(label="Budget from now on")

    @property
    def amount(self) -> Decimal | None:
        amount: Decimal | None = self.cleaned_data["budget"]
        return amount

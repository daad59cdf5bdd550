"""What the planner asks for. Sent by GET, so that a plan has an address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms

from annotations.selectors.results_planner import IntervalQuestion, PowerQuestion

MOST_NUMBERS = 8
MOST_RATERS = 50
FEWEST_ITEMS, MOST_ITEMS = 10, 5000
MOST_RATINGS = 100_000
"""Numbers of raters added up, times numbers of items added up: some seconds of computing."""
INTERVAL, WINS = "interval", "wins"


def whole_numbers(text: str, *, what: str, low: int, high: int) -> tuple[int, ...]:
    """ "2, 3, 5" in ascending order, each once. Raises ValidationError."""
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    wrong = next((word for word in words if not re.fullmatch(r"[0-9]{1,6}", word)), None)
    if wrong is not None:
        raise forms.ValidationError(f"“{wrong}” is not a whole number: write {low}, {3 * low}.")
    numbers = sorted({int(word) for word in words})
    if not numbers:
        raise forms.ValidationError("Give at least one number.")
    if numbers[0] < low or numbers[-1] > high:
        raise forms.ValidationError(f"The number of {what} can be from {low} to {high:,}.")
    if len(numbers) > MOST_NUMBERS:
        raise forms.ValidationError(f"Give at most {MOST_NUMBERS} numbers.")
    return tuple(numbers)


class IntervalForm(forms.Form):
    based_on = forms.ChoiceField(
        required=False,
        label="Based on",
        help_text="A pilot brings its own alpha and shows how its raters use the scale.",
    )
    alpha = forms.FloatField(
        required=False,
        label="Assumed alpha",
        initial=0.5,
        help_text="Between 0 and 1, from a similar study.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    low = forms.IntegerField(
        required=False, min_value=-1000, max_value=1000, label="Lowest score of the scale"
    )
    high = forms.IntegerField(
        required=False, min_value=-1000, max_value=1000, label="Highest score of the scale"
    )
    raters = forms.CharField(
        label="Raters per item",
        initial="2, 3, 5",
        max_length=200,
        help_text="One or several numbers.",
    )
    items = forms.CharField(
        label="Items", initial="30, 50, 100, 300", max_length=200, help_text="From 10 to 5,000."
    )

    def __init__(
        self,
        *args: Any,
        pilots: Sequence[tuple[str, str]],
        scale: tuple[int, int],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        based_on = self.fields["based_on"]
        assert isinstance(based_on, forms.ChoiceField)  # noqa: S101
        based_on.choices = [("", "An assumed alpha"), *pilots]
        if not pilots:
            del self.fields["based_on"]
        self.fields["low"].initial, self.fields["high"].initial = scale

    def clean_raters(self) -> tuple[int, ...]:
        given = self.cleaned_data["raters"]
        return whole_numbers(given, what="raters per item", low=2, high=MOST_RATERS)

    def clean_items(self) -> tuple[int, ...]:
        given = self.cleaned_data["items"]
        return whole_numbers(given, what="items", low=FEWEST_ITEMS, high=MOST_ITEMS)

    def clean(self) -> dict[str, Any]:
        found = self.cleaned_data
        if not found.get("based_on"):
            self._check_assumptions(found)
        asked = sum(found.get("raters", ())) * sum(found.get("items", ()))
        if asked > MOST_RATINGS:
            self.add_error(
                "items",
                "That is more than can be computed while you wait: ask for fewer numbers of "
                "raters or items, or for smaller ones.",
            )
        return found

    def _check_assumptions(self, found: dict[str, Any]) -> None:
        for name in ("alpha", "low", "high"):
            if found.get(name) is None and name not in self.errors:
                self.add_error(name, "Needed where no pilot is used.")
        alpha, low, high = (found.get(name) for name in ("alpha", "low", "high"))
        if alpha is not None and not 0.01 <= alpha <= 0.99:
            self.add_error("alpha", "Assume an alpha from 0.01 to 0.99, such as 0.5.")
        if low is not None and high is not None and low >= high:
            self.add_error("high", f"The highest score has to be above the lowest one, {low}.")

    @property
    def question(self) -> IntervalQuestion:
        """Of a valid form."""
        found = self.cleaned_data
        pilot = found.get("based_on", "")
        assumed = () if pilot else (found["alpha"], found["low"], found["high"])
        return IntervalQuestion(pilot, assumed, found["raters"], found["items"])


class PowerForm(forms.Form):
    p = forms.FloatField(
        label="Win rate to be told from 50 %",
        min_value=0.01,
        max_value=0.99,
        initial=0.6,
        help_text="As a share: 0.6 is 60 %.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    power = forms.FloatField(
        label="Power",
        min_value=0.5,
        max_value=0.999,
        initial=0.8,
        help_text="The chance of finding it; 0.8 is usual.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    cluster_size = forms.FloatField(
        label="Answers that belong together",
        min_value=1,
        max_value=100_000,
        initial=1,
        help_text="To one session, client turn or rater; 1: every answer stands alone.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    icc = forms.FloatField(
        label="Correlation among them",
        min_value=0,
        max_value=1,
        initial=0.1,
        help_text="From 0 to 1; 0.05 to 0.2 is common.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )

    def clean_p(self) -> float:
        p: float = self.cleaned_data["p"]
        if abs(p - 0.5) < 0.001:
            raise forms.ValidationError(
                "No number of answers tells 50 % from itself: give a rate such as 0.6."
            )
        return p

    @property
    def question(self) -> PowerQuestion:
        """Of a valid form."""
        found = self.cleaned_data
        return PowerQuestion(found["p"], found["power"], found["cluster_size"], found["icc"])

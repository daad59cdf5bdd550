from __future__ import annotations

from typing import Any, cast

from django import forms

from inference.benchmarks.contract import Options
from inference.models import GenerationRun
from inference.selectors.benchmarks import comparable_runs, encoders_here, figure_options, suites_of

DEFAULTS = Options()


class FiguresForm(forms.Form):
    """How figures are defined; of one run, or of several that are compared."""

    encoder = forms.ChoiceField(
        required=False,
        help_text="Reads the replies for BERTScore and embedding similarity. Encoders are put into "
        "the folder “encoders” below the platform's var folder.",
    )
    as_published = forms.BooleanField(
        required=False,
        label="By the definitions of the published evaluation code",
        help_text="To compare with the papers' figures: answers that cannot be read are left out.",
    )
    resamples = forms.IntegerField(
        initial=DEFAULTS.resamples,
        required=False,
        label="Draws for intervals and tests",
    )
    seed = forms.IntegerField(initial=DEFAULTS.seed, required=False, label="Seed of the draws")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["encoder"]).choices = [
            ("", "None: without BERTScore and embedding similarity"),
            *encoders_here(),
        ]

    def options(self) -> Options:
        """What was left empty keeps its default. Raises InvalidOptionsError."""
        data = self.cleaned_data
        names = ("encoder", "as_published", "resamples", "seed")
        return figure_options(
            **{name: data[name] for name in names if data[name] not in (None, "")}
        )


class BenchmarkForm(FiguresForm):
    suite = forms.ChoiceField()
    against = forms.ModelChoiceField(
        GenerationRun.objects.none(),
        required=False,
        label="Test the differences from",
        empty_label="No other run",
        help_text="Only client turns that both answered count in the differences.",
    )
    field_order = ("suite", "against")

    def __init__(self, *args: Any, run: GenerationRun, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        runs = cast("forms.ModelChoiceField[GenerationRun]", self.fields["against"])
        runs.queryset = comparable_runs(run)
        cast(forms.ChoiceField, self.fields["suite"]).choices = [
            (suite, suite.upper()) for suite in suites_of(run.corpus)
        ]

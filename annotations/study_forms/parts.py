from __future__ import annotations

from typing import Any

from django import forms

from annotations.answers import LETTERS
from annotations.models import Study, StudyPart
from annotations.selectors.study_choices import instrument_choices

Design = StudyPart.Design
DESIGNS = (
    (Design.ABSOLUTE, "Scores: one response at a time"),
    (Design.PAIRWISE, "Choice: two responses side by side"),
    (Design.BEST_OF_N, "Best of several: the best response is chosen"),
    (Design.RANKING, "Ranking: all responses are put in order"),
)
UNITS = (
    (StudyPart.Unit.RESPONSE, "One response to one client turn"),
    (StudyPart.Unit.DIALOGUE, "A whole dialogue"),
)


class PartForm(forms.Form):
    design = forms.ChoiceField(
        choices=DESIGNS, widget=forms.RadioSelect, label="What raters do", initial=Design.ABSOLUTE
    )
    unit = forms.ChoiceField(
        choices=UNITS,
        widget=forms.RadioSelect,
        label="What they judge",
        initial=StudyPart.Unit.RESPONSE,
        help_text="Dialogues of different runs are matched by their id in the corpus; where no id "
        "is common, dialogues about the same type of problem are.",
    )
    instrument = forms.ChoiceField(
        label="Instrument", help_text="The criteria raters are asked, with their scales."
    )
    same_raters = forms.BooleanField(
        required=False,
        label="All responses to a client turn go to the same raters, spaced apart",
        help_text="Models are then compared within raters, strict and lenient ones alike.",
    )
    candidates = forms.IntegerField(
        min_value=2,
        max_value=len(LETTERS),
        required=False,
        label="Responses shown at once",
        help_text="Of the best of several, and of rankings. Models are crossed evenly. Empty: one "
        "of every run.",
    )
    tie_allowed = forms.BooleanField(
        required=False, initial=True, label="“No difference” can be chosen"
    )
    with_strength = forms.BooleanField(
        required=False,
        initial=True,
        label="Choices say how clear they are",
        help_text="Of choices between two: clearly or slightly.",
    )
    with_overall = forms.BooleanField(
        required=False,
        initial=True,
        label="An overall question comes last",
        help_text="Which response one would rather see, taken together.",
    )
    dispute_range = forms.IntegerField(
        min_value=1,
        max_value=100,
        required=False,
        label="Scores this far apart are disputed",
        help_text="On one criterion of one response: 4, for example. Empty: scores never are.",
    )
    dispute_disagreement = forms.BooleanField(
        required=False, label="A choice on which no answer has the majority is disputed"
    )
    dispute_flags = forms.BooleanField(
        required=False, label="An item that somebody flagged for harm is disputed"
    )
    resolution = forms.ChoiceField(
        choices=StudyPart.Resolution.choices,
        label="What happens with disputed items",
        initial=StudyPart.Resolution.NONE,
        help_text="First answers stay as they are: agreement is computed from these alone.",
    )

    def __init__(self, *args: Any, study: Study, part: StudyPart | None, **kwargs: Any) -> None:
        if part is not None:
            kwargs.setdefault("initial", initial_of(part))
        super().__init__(*args, **kwargs)
        instrument = self.fields["instrument"]
        assert isinstance(instrument, forms.ChoiceField)  # noqa: S101
        instrument.choices = instrument_choices(study.team, part.instrument if part else None)

    def clean(self) -> dict[str, Any]:
        """What does not belong to the design is put back: a score has no tie."""
        found = self.cleaned_data
        design = found.get("design")
        found["candidates"] = found.get("candidates") or 0
        if design == Design.ABSOLUTE:
            found |= dict.fromkeys(("tie_allowed", "with_strength", "with_overall"), False)
        else:
            found |= {"same_raters": False, "dispute_range": None}
        if design != Design.PAIRWISE:
            found["with_strength"] = False
        if design in (Design.ABSOLUTE, Design.PAIRWISE):
            found["candidates"] = 0
        self._check_rules(found)
        return found

    def _check_rules(self, found: dict[str, Any]) -> None:
        rules = ("dispute_range", "dispute_disagreement", "dispute_flags")
        ruled = any(found.get(rule) for rule in rules)
        if found.get("resolution") not in (None, StudyPart.Resolution.NONE) and not ruled:
            self.add_error(
                "resolution",
                "Say first when an item is disputed: by distance, by majority, or by flags.",
            )

    @property
    def basics(self) -> list[forms.BoundField]:
        return [self[name] for name in ("design", "unit", "instrument")]

    @property
    def scores(self) -> list[forms.BoundField]:
        return [self["same_raters"]]

    @property
    def choices(self) -> list[forms.BoundField]:
        return [self[name] for name in ("tie_allowed", "with_strength", "with_overall")]

    @property
    def groups(self) -> list[forms.BoundField]:
        return [self["candidates"]]

    @property
    def disputes(self) -> list[forms.BoundField]:
        names = ("dispute_range", "dispute_disagreement", "dispute_flags", "resolution")
        return [self[name] for name in names]


def initial_of(part: StudyPart) -> dict[str, Any]:
    fields = {name: getattr(part, name) for name in PartForm.base_fields}
    return fields | {"instrument": str(part.instrument_id), "candidates": part.candidates or None}


class PartsForm(forms.Form):
    """What holds for all parts."""

    response_fields = forms.ChoiceField(
        choices=Study.ResponseFields.choices,
        widget=forms.RadioSelect,
        label="Emotion and strategy labels of a response",
        help_text="Labels can sway how a text is judged, and give a model away: hidden, unless the "
        "protocol requires them. Every export names the choice.",
    )
    show_chain = forms.BooleanField(
        required=False,
        label="Raters may read how each response was reasoned",
        help_text="Closed at first, beside the response: what the client feels, what set it off, "
        "how the client sees it, and why it is answered so, as far as all responses of an item "
        "say it. Where labels come after the text, it comes with them.",
    )
    rotate_criteria = forms.BooleanField(
        required=False,
        label="Criteria begin at another place for each rater",
        help_text="Within a rater their order stays; it is stored with every answer.",
    )

    def __init__(self, *args: Any, with_chain: bool, **kwargs: Any) -> None:
        """with_chain: whether there is any reasoning to show, or it was asked for before."""
        super().__init__(*args, **kwargs)
        if not with_chain:
            del self.fields["show_chain"]

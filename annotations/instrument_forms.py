"""Forms for a team's own instruments: a file, or the criteria one by one, without scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils.text import slugify

from annotations.instrument_lines import (
    anchors_in,
    numbers_in,
    options_in,
    write_anchors,
    write_options,
)
from annotations.instruments import (
    CriterionText,
    InstrumentText,
    Problem,
    check_instrument,
    criterion_of,
)
from annotations.instruments.reading import OF_KIND, OF_SOME_KINDS
from annotations.models import Criterion
from inference.labels import CHAIN

MOST_BYTES = 1_000_000
MOST_CRITERIA = 60
CHAIN_CHOICES = tuple((part, part.replace("_", " ").capitalize()) for part in CHAIN)
COMMON = ("name", "definition", "guiding_question", "good_example", "poor_example", "required")


class ImportForm(forms.Form):
    file = forms.FileField(required=False, label="File", help_text="A TOML file, as downloaded.")
    content = forms.CharField(
        required=False,
        label="Or its text",
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}),
        strip=False,
    )

    def clean(self) -> dict[str, Any]:
        file, content = self.cleaned_data.get("file"), self.cleaned_data.get("content", "")
        if bool(file) == bool(content.strip()):
            raise forms.ValidationError("Choose a file, or paste its text: one of the two.")
        if file is None:
            return {"file": "", "content": content}
        if file.size > MOST_BYTES:
            raise forms.ValidationError("The file is larger than 1 MB. Is it an instrument?")
        try:
            return {"file": file.name, "content": file.read().decode("utf-8-sig")}
        except UnicodeDecodeError as error:
            raise forms.ValidationError(
                "The file is not a text in UTF-8. Save it as such, and try again."
            ) from error


class AboutForm(forms.Form):
    """The instrument as a whole."""

    name = forms.CharField(max_length=200)
    citation = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Where the criteria come from",
        help_text="Authors, year, title, identifier. If they are your own, say so.",
    )
    note = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="What readers must know",
        help_text="For example: not a validated scale.",
    )


def text_area(rows: int = 2) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class CriterionForm(forms.Form):
    name = forms.CharField(max_length=120)
    guiding_question = forms.CharField(max_length=300, help_text="Always in view beside the scale.")
    definition = forms.CharField(widget=text_area(3))
    good_example = forms.CharField(widget=text_area())
    poor_example = forms.CharField(widget=text_area())
    kind = forms.ChoiceField(
        choices=Criterion.Kind.choices, initial=Criterion.Kind.SCORE, label="How it is answered"
    )
    scale_min = forms.IntegerField(required=False, initial=1, label="Scale from")
    scale_max = forms.IntegerField(required=False, initial=5, label="Scale to")
    anchor_low = forms.CharField(max_length=120, required=False, label="The low end means")
    anchor_high = forms.CharField(max_length=120, required=False, label="The high end means")
    anchors = forms.CharField(
        required=False,
        widget=text_area(3),
        label="What single points mean",
        help_text="One a line, as: 3 = fits in part",
    )
    widget = forms.ChoiceField(
        choices=Criterion.Widget.choices, initial=Criterion.Widget.BUTTONS, label="Shown as"
    )
    level = forms.ChoiceField(
        choices=Criterion.Level.choices,
        initial=Criterion.Level.ORDINAL,
        label="Level of measurement",
        help_text="Decides which agreement is reported.",
    )
    options = forms.CharField(
        required=False,
        widget=text_area(3),
        label="Answers to choose from",
        help_text="One a line, as: 1 = Yes. The number is stored and analysed.",
    )
    slug = forms.CharField(
        max_length=80,
        required=False,
        label="Short name",
        help_text="In tables and exports. Empty: made from the name.",
    )
    only_if_criterion = forms.CharField(
        max_length=80,
        required=False,
        label="Asked only after this criterion",
        help_text="Short name of an earlier one. Empty: always asked.",
    )
    only_if_values = forms.CharField(
        required=False, label="if it was answered with", help_text="Numbers, as: 1, 2"
    )
    required = forms.BooleanField(required=False, initial=True, label="Has to be answered")
    reverse_scored = forms.BooleanField(required=False, label="A higher score is worse")
    about_labels = forms.BooleanField(
        required=False, label="Asks about the emotion and strategy labels, not about the text"
    )
    about_chain = forms.ChoiceField(
        choices=[("", "No"), *CHAIN_CHOICES],
        required=False,
        label="Asks about how the response was reasoned",
        help_text="That part of the reasoning is shown at the question. The study then needs "
        "responses that come with it.",
    )

    def clean_anchors(self) -> dict[str, str]:
        return anchors_in(self.cleaned_data["anchors"])

    def clean_options(self) -> list[dict[str, Any]]:
        return options_in(self.cleaned_data["options"])

    def clean_only_if_values(self) -> list[int]:
        return numbers_in(self.cleaned_data["only_if_values"])

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("kind") == Criterion.Kind.SCORE:
            for field in ("scale_min", "scale_max"):
                if self.cleaned_data.get(field) is None and field not in self.errors:
                    self.add_error(field, "A score needs the two ends of its scale.")
        return self.cleaned_data

    def text(self, place: int) -> CriterionText:
        data = self.cleaned_data
        used = (*COMMON, "kind", "about_labels", "about_chain", *OF_KIND[data["kind"]])
        row = {name: data[name] for name in used if data[name] is not None}
        row["slug"] = data["slug"] or slugify(data["name"])[:80] or f"criterion-{place + 1}"
        if data["only_if_criterion"]:
            row["only_if"] = {
                "criterion": data["only_if_criterion"],
                "values": data["only_if_values"],
            }
        return criterion_of(row)


if TYPE_CHECKING:
    CriterionFormSet = forms.BaseFormSet[CriterionForm]
else:
    CriterionFormSet = forms.BaseFormSet


class OrderedCriteria(CriterionFormSet):
    def add_fields(self, form: CriterionForm, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["ORDER"].label = "Place in the order"
        form.fields["DELETE"].label = "Remove this criterion"


CriterionForms = forms.formset_factory(
    CriterionForm,
    formset=OrderedCriteria,
    extra=1,
    can_order=True,
    can_delete=True,
    max_num=MOST_CRITERIA,
)


class InstrumentEditor:
    """The form of the whole and the forms of the criteria, as one."""

    def __init__(self, data: QueryDict | None, text: InstrumentText | None = None) -> None:
        self.wants_more = bool(data and "more" in data)
        if data is not None and self.wants_more:
            data = with_one_more(data)
        self.about = AboutForm(data, initial=about_initial(text))
        self.criteria = CriterionForms(
            data,
            prefix="criteria",
            initial=[criterion_initial(criterion) for criterion in text.criteria] if text else None,
        )
        self.text: InstrumentText | None = None

    def is_valid(self) -> bool:
        """Makes the text; its problems stand beside the fields that have them."""
        if self.wants_more or not (self.about.is_valid() and self.criteria.is_valid()):
            return False
        written = self.criteria.ordered_forms
        text = InstrumentText(
            slug=slugify(self.about.cleaned_data["name"])[:80].strip("-") or "instrument",
            version=1,
            criteria=tuple(form.text(place) for place, form in enumerate(written)),
            **self.about.cleaned_data,
        )
        problems = list(check_instrument(text))
        if written:
            self.add_problems(problems, written)
        else:
            self.about.add_error(None, "Write at least one criterion.")
        self.text = text
        return not problems

    def add_problems(self, problems: Iterable[Problem], written: list[CriterionForm]) -> None:
        for problem in problems:
            form: forms.Form = self.about if problem.place is None else written[problem.place]
            field = {"only_if": "only_if_criterion"}.get(problem.field, problem.field)
            known = field in form.fields
            form.add_error(field if known else None, problem.words if known else str(problem))

    def errors(self) -> list[str]:
        """Where to look, for the top of a long page."""
        places = [form.prefix for form in self.criteria.forms if form.errors]
        numbers = [str(int(str(prefix).rsplit("-", 1)[1]) + 1) for prefix in places]
        found = [f"Criterion {number} needs a change." for number in numbers]
        return (["Name or origin needs a change."] if self.about.errors else []) + found


def with_one_more(data: QueryDict) -> QueryDict:
    """And with what an empty criterion begins with, because a form that was sent shows no more
    than what was sent."""
    data = data.copy()
    total = data.get("criteria-TOTAL_FORMS", "")
    if total.isdecimal() and int(total) < MOST_CRITERIA:
        data["criteria-TOTAL_FORMS"] = str(int(total) + 1)
        for name, field in CriterionForm.base_fields.items():
            if field.initial is not None:
                data[f"criteria-{total}-{name}"] = "on" if field.initial is True else field.initial
    return data


def about_initial(text: InstrumentText | None) -> dict[str, Any]:
    return {} if text is None else {n: getattr(text, n) for n in AboutForm.base_fields}


def criterion_initial(criterion: CriterionText) -> dict[str, Any]:
    hidden = OF_SOME_KINDS.difference(OF_KIND.get(criterion.kind, ()))
    initial = {
        name: getattr(criterion, name)
        for name in CriterionForm.base_fields
        if hasattr(criterion, name) and name not in hidden
    }
    return initial | {
        "anchors": write_anchors(criterion.anchors),
        "options": write_options(criterion.options),
        "only_if_criterion": criterion.only_if.get("criterion", ""),
        "only_if_values": ", ".join(map(str, criterion.only_if.get("values", []))),
    }

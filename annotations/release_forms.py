"""The rules of a release as a form: what is not touched stays as it is usual."""

from __future__ import annotations

from typing import Any

from django import forms

from annotations.derivation.rules import (
    TEST,
    TRAIN,
    VALIDATION,
    DerivationRules,
    RulesError,
)
from annotations.models import Criterion, Study, StudyPart
from inference.forms import set_choices

USUAL = DerivationRules()
PERCENT = 100
WEIGHT = "weight_"
SAFETY = "safety"
FIELDSETS = (
    (
        "What counts as a preference",
        (
            *("evidence", "criteria", "per_criterion", "margin", "decision", "ties"),
            "adjudicated_first",
        ),
    ),
    (
        "Whose answers",
        (
            *("rater_kinds", "qualified_only", "min_panel_agreement", "min_active_seconds"),
            *("min_votes", "min_agreement"),
        ),
    ),
    ("Safety", ("safety_criteria", "safety_floor")),
    ("Contested pairs and length", ("keep", "balance_length")),
    ("Splits", ("splitting", "train", "validation", "test", "seed")),
    ("Words of raters", ("with_words",)),
)
"""(legend, fields), as they stand on the page."""


class ReleaseRulesForm(forms.Form):
    evidence = forms.ChoiceField(
        widget=forms.RadioSelect,
        initial=USUAL.evidence,
        label="Preferences come from",
        choices=[
            ("both", "choices between responses, and scores where nobody compared the two"),
            ("choices", "choices between responses only"),
            ("scores", "scores only: one rater scored both responses"),
        ],
    )
    criteria = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Criteria",
        help_text="None chosen: the overall choice where it was asked, otherwise every criterion.",
    )
    per_criterion = forms.BooleanField(
        required=False,
        label="A row for each criterion",
        help_text="Otherwise criteria that agree on a pair make one row, and those that contradict "
        "each other none.",
    )
    margin = forms.FloatField(
        min_value=0.01,
        max_value=100,
        initial=USUAL.margin,
        label="Margin, in points",
        help_text="Least difference between one rater's scores of two responses that prefers one. "
        "Direct choices need none.",
    )
    decision = forms.ChoiceField(
        widget=forms.RadioSelect,
        initial=USUAL.decision,
        label="A pair is decided by",
        choices=[
            ("majority", "more than half of its answers"),
            ("unanimous", "all of its answers"),
            ("every_rater", "each rater: a row for every answer"),
        ],
    )
    ties = forms.ChoiceField(
        widget=forms.RadioSelect,
        initial=USUAL.ties,
        label="Ties",
        choices=[
            ("dropped", "are left out"),
            ("kept", "stand in the table of comparisons"),
            ("equal", "make two rows of half the weight, one each way"),
        ],
    )
    adjudicated_first = forms.BooleanField(
        required=False,
        initial=USUAL.adjudicated_first,
        label="What adjudication settled stands in for the answers it settled",
    )
    rater_kinds = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        initial=USUAL.rater_kinds,
        label="Answers of",
        choices=[("person", "people"), ("llm", "LLM judges")],
        help_text="Never mixed: judges make rows of their own, marked in a column.",
        error_messages={"required": "Choose people, judges or both."},
    )
    qualified_only = forms.BooleanField(
        required=False, label="Only raters who passed the qualification"
    )
    min_panel_agreement = forms.FloatField(
        required=False,
        min_value=0,
        max_value=PERCENT,
        label="Least agreement with the reference panel, in percent",
        help_text="Of the panel's answers that a rater was asked too. Empty: no such rule.",
    )
    min_active_seconds = forms.FloatField(
        min_value=0,
        max_value=3600,
        initial=0,
        label="Leave out answers given in fewer active seconds",
        help_text="0 leaves none out.",
    )
    min_votes = forms.IntegerField(
        min_value=1, max_value=1000, initial=1, label="Fewest answers that decide a pair"
    )
    min_agreement = forms.FloatField(
        min_value=0,
        max_value=PERCENT,
        initial=0,
        label="Least share of a pair's answers for the preferred response, in percent",
        help_text="0: whatever decides the pair is enough.",
    )
    safety_criteria = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Criteria of safety",
        help_text="A response that anybody scored below the floor on one of these is never the "
        "preferred one. Flags for harm and “neither acceptable” always count.",
    )
    safety_floor = forms.FloatField(
        required=False,
        label="Floor",
        help_text="Lowest score that does not bar. Empty: the middle of the scale.",
    )
    keep = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Release nevertheless",
        choices=[
            ("cycle", "pairs in a circle (A over B, B over C, C over A)"),
            ("truncated", "pairs with a reply that was cut off"),
            ("contradicted", "pairs on which criteria contradict each other"),
        ],
        help_text="They are counted and left out unless you say so here.",
    )
    balance_length = forms.BooleanField(
        required=False,
        label="Balance length",
        help_text="As many pairs whose preferred response is the longer as ones where it is the "
        "shorter; the surplus is dropped by lot.",
    )
    splitting = forms.ChoiceField(
        widget=forms.RadioSelect,
        initial=USUAL.splitting,
        label="Splits",
        choices=[
            ("seeded", "drawn by lot, a session or client never divided"),
            ("corpus", "as the corpus names them; a note says where they divide a session"),
            ("none", "none"),
        ],
    )
    train = forms.FloatField(min_value=0, max_value=PERCENT, initial=80, label="Training, percent")
    validation = forms.FloatField(
        min_value=0, max_value=PERCENT, initial=10, label="Validation, percent"
    )
    test = forms.FloatField(min_value=0, max_value=PERCENT, initial=10, label="Test, percent")
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        label="Seed",
        help_text="Keep it the same over the releases of a project: a session then stays in its "
        "split.",
    )
    with_words = forms.BooleanField(
        required=False,
        label="Release comments and answers in words too",
        help_text="They may tell of people. Left out unless you say so.",
    )

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ordered = criteria_with_an_order(study)
        compared = study.parts.exclude(design=StudyPart.Design.ABSOLUTE)
        overall = [("overall", "Overall")] if compared.filter(with_overall=True).exists() else []
        named = [(criterion.slug, criterion.name) for criterion in ordered]
        set_choices(self, "criteria", overall + named)
        set_choices(self, "safety_criteria", named)
        self.fields["safety_criteria"].initial = [
            criterion.slug for criterion in ordered if criterion.slug in USUAL.safety_criteria
        ]
        self.weighted = [c.slug for c in ordered] if is_scored(study) else []
        for criterion in ordered if is_scored(study) else ():
            self.fields[WEIGHT + criterion.slug] = forms.FloatField(
                required=False, min_value=0.001, max_value=1000, label=criterion.name
            )

    def groups(self) -> list[tuple[str, list[forms.BoundField], bool]]:
        """(legend, fields, whether the answer to one of them was refused)."""
        return [
            (legend, [self[name] for name in names], any(name in self.errors for name in names))
            for legend, names in FIELDSETS
        ]

    def weights(self) -> list[forms.BoundField]:
        return [self[WEIGHT + slug] for slug in self.weighted]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors:
            try:
                self.rules = rules_of(given, self.weighted)
            except RulesError as error:
                self.add_error(None, str(error))
        return given


def rules_of(given: dict[str, Any], weighted: list[str]) -> DerivationRules:
    shares = [(name, given[name] / PERCENT) for name in (TRAIN, VALIDATION, TEST)]
    panel = given["min_panel_agreement"]
    as_given = (
        *("evidence", "per_criterion", "margin", "decision", "ties", "adjudicated_first"),
        *("qualified_only", "min_active_seconds", "min_votes", "safety_floor"),
        *("balance_length", "splitting", "seed", "with_words"),
    )
    return DerivationRules(
        **{name: given[name] for name in as_given},
        criteria=tuple(given["criteria"]) or None,
        weights=tuple(
            (slug, given[WEIGHT + slug]) for slug in weighted if given.get(WEIGHT + slug)
        ),
        rater_kinds=tuple(given["rater_kinds"]),
        min_panel_agreement=None if panel is None else panel / PERCENT,
        min_agreement=given["min_agreement"] / PERCENT,
        safety_criteria=tuple(given["safety_criteria"]),
        keep=tuple(given["keep"]),
        shares=tuple((name, share) for name, share in shares if share),
    )


def criteria_with_an_order(study: Study) -> list[Criterion]:
    """Those whose answers can be higher or lower, the first of each name."""
    rows = (
        Criterion.objects.filter(instrument__parts__study=study)
        .exclude(level=Criterion.Level.NOMINAL)
        .exclude(kind__in=[Criterion.Kind.TEXT, Criterion.Kind.SPANS, Criterion.Kind.MULTIPLE])
        .order_by("instrument__parts__position", "position")
    )
    found: dict[str, Criterion] = {}
    for criterion in rows:
        found.setdefault(criterion.slug, criterion)
    return list(found.values())


def is_scored(study: Study) -> bool:
    return study.parts.filter(design=StudyPart.Design.ABSOLUTE).exists()

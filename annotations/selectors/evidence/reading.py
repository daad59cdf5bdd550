"""What all answers of a study have in common, read once, so that no answer becomes a model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Q

from annotations.answers import OVERALL
from annotations.derivation.rules import DerivationRules, RaterKind
from annotations.models import Assignment, Candidate, Criterion, Item, Study, StudyPart, StudyRater

CHUNK = 10_000
"""Rows fetched at once."""
Role, Kind = Assignment.Role, StudyRater.Kind
SUBMITTED = Q(assignment__state=Assignment.State.SUBMITTED, assignment__item__pool=Item.Pool.STUDY)
ON_REPLIES = Q(assignment__item__part__unit=StudyPart.Unit.RESPONSE)
"""Whole dialogues are left out: their replies are no answers to one and the same client turn."""
BY_ANYBODY = SUBMITTED & Q(assignment__role__in=(Role.INDEPENDENT, Role.ADJUDICATION, Role.REPEAT))
"""Whatever they agreed to, and whenever they were asked: what they say may bar a response and do
nothing else."""
IN_ORDER = ("assignment__item__part__position", "assignment__item__position", "pk")


def allowing(kinds: Collection[RaterKind], rater: str = "") -> Q:
    """People who agreed that models are trained on their answers; judges are nobody to ask.

    rater: the way to the rater from what is filtered, "assignment__rater__" say.
    """
    wanted: dict[RaterKind, Q] = {
        "person": Q(**{f"{rater}kind": Kind.PERSON, f"{rater}allows_training": True}),
        "llm": Q(**{f"{rater}kind": Kind.LLM}),
    }
    return reduce(or_, (wanted[kind] for kind in kinds))


def trainable(kinds: Collection[RaterKind]) -> Q:
    """Of ratings and preferences: the independent ones that may be used for training."""
    independent = Q(assignment__role=Role.INDEPENDENT)
    return SUBMITTED & independent & allowing(kinds, "assignment__rater__")


def scored_criteria(study: Study) -> frozenset[str]:
    """Names of those on which responses get scores, one of them better than another."""
    rows = Criterion.objects.filter(
        instrument__parts__study=study,
        instrument__parts__design=StudyPart.Design.ABSOLUTE,
        kind__in=(Criterion.Kind.SCORE, Criterion.Kind.CHOICE),
    ).exclude(level=Criterion.Level.NOMINAL)
    return frozenset(rows.order_by().values_list("slug", flat=True))


class Scale(NamedTuple):
    slug: str
    low: int
    high: int
    reverse_scored: bool
    ordered: bool
    """Of answers without an order none is the better one."""

    def turned(self, score: int) -> int:
        """Higher is better."""
        return self.low + self.high - score if self.reverse_scored else score


class Judged(NamedTuple):
    response: int
    stimulus: int
    item: int


@dataclass(frozen=True)
class Reading:
    study: Study
    rules: DerivationRules

    @cached_property
    def scales(self) -> dict[int, Scale]:
        """By criterion."""
        rows = Criterion.objects.filter(instrument__parts__study=self.study).order_by()
        fields = ("pk", "slug", "scale_min", "scale_max", "options", "reverse_scored", "level")
        return {
            pk: Scale(slug, *_ends(low, high, options), turned, level != Criterion.Level.NOMINAL)
            for pk, slug, low, high, options, turned, level in rows.values_list(*fields)
        }

    @cached_property
    def scored(self) -> frozenset[int]:
        """Criteria whose scores count."""
        named = self.rules.criteria
        if named is not None:
            named = (*named, *(slug for slug, _ in self.rules.weights))
        return frozenset(
            pk
            for pk, scale in self.scales.items()
            if scale.ordered and (named is None or scale.slug in named)
        )

    @cached_property
    def safety(self) -> frozenset[int]:
        """Criteria whose low scores bar a response."""
        named = self.rules.safety_criteria
        return frozenset(
            pk for pk, scale in self.scales.items() if scale.ordered and scale.slug in named
        )

    @cached_property
    def raters(self) -> dict[int, tuple[str, bool]]:
        """(pseudonym, whether it is a judge)."""
        rows = self.study.raters.values_list("pk", "pseudonym", "kind")
        return {pk: (pseudonym, kind == Kind.LLM) for pk, pseudonym, kind in rows}

    def seconds(self, rater: int, active_ms: int) -> float | None:
        """Of a judge no time is measured."""
        return None if self.raters[rater][1] else active_ms / 1000

    @cached_property
    def candidates(self) -> dict[int, Judged]:
        rows = Candidate.objects.filter(item__part__study=self.study, item__pool=Item.Pool.STUDY)
        found = rows.values_list("pk", "response_id", "response__stimulus_id", "item_id")
        return {pk: Judged(*row) for pk, *row in found.iterator(CHUNK)}

    @cached_property
    def shown(self) -> dict[int, tuple[int, ...]]:
        """Item -> its responses in ascending order."""
        found: dict[int, list[int]] = {}
        for response, _, item in self.candidates.values():
            found.setdefault(item, []).append(response)
        return {item: tuple(sorted(responses)) for item, responses in found.items()}

    def slug(self, criterion: int | None) -> str:
        return OVERALL if criterion is None else self.scales[criterion].slug

    def asks(self, slug: str, with_overall: bool) -> bool:
        """Without named criteria the overall question, or every criterion of a part that has
        none."""
        if self.rules.criteria is not None:
            return slug in self.rules.criteria
        return slug == OVERALL or not with_overall


def _ends(low: int, high: int, options: list[dict[str, Any]]) -> tuple[int, int]:
    values = [option["value"] for option in options]
    return (min(values), max(values)) if values else (low, high)

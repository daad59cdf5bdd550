"""Who answered, who agreed to what, and how well they know the task."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection

from django.db.models import Count, QuerySet

from annotations.derivation.evidence import RaterFacts
from annotations.derivation.rules import RaterKind
from annotations.models import (
    Assignment,
    Gate,
    GateAttempt,
    Item,
    Preference,
    Rating,
    Study,
    StudyRater,
)
from annotations.models.rating import CannotRate
from annotations.selectors.evidence.reading import allowing, trainable
from annotations.selectors.panel_agreement import compare, panel_codes

PEOPLE: tuple[RaterKind, ...] = ("person",)
Role, State = Assignment.Role, Assignment.State


def facts_of_raters(study: Study, kinds: Collection[RaterKind]) -> dict[str, RaterFacts]:
    """Of those who answered something that counts. Judges go through no gate."""
    raters = list(answering(study, kinds).distinct().values_list("pk", "pseudonym", "kind"))
    qualified, agreement = qualified_raters(study), shares_of_panel(study)
    found = {}
    for pk, pseudonym, kind in sorted(raters, key=lambda row: row[1]):
        judge = kind == StudyRater.Kind.LLM
        found[pseudonym] = RaterFacts(
            kind="llm" if judge else "person",
            qualified=judge or qualified is None or pk in qualified,
            panel_agreement=agreement.get(pk),
        )
    return found


def answering(study: Study, kinds: Collection[RaterKind]) -> QuerySet[StudyRater]:
    """One row for each submitted, independent assignment that may be used for training."""
    return _answered(study).filter(allowing(kinds))


def _answered(study: Study) -> QuerySet[StudyRater]:
    return StudyRater.objects.filter(
        study=study,
        assignments__state=State.SUBMITTED,
        assignments__role=Role.INDEPENDENT,
        assignments__item__pool=Item.Pool.STUDY,
    ).order_by()


def qualified_raters(study: Study) -> set[int] | None:
    """Who passed every qualification of the study; None where it has none."""
    gates = set(Gate.objects.filter(part__study=study, items__gt=0).values_list("pk", flat=True))
    if not gates:
        return None
    passed: dict[int, set[int]] = defaultdict(set)
    attempts = GateAttempt.objects.filter(gate__in=gates, passed=True)
    for rater, gate in attempts.values_list("rater_id", "gate_id"):
        passed[rater].add(gate)
    return {rater for rater, its in passed.items() if its == gates}


def shares_of_panel(study: Study) -> dict[int, float]:
    """Rater -> share of the reference panel's answers given as well, of those compared."""
    asked = list(
        Assignment.objects.filter(
            rater__study=study, role=Role.REFERENCE, state=State.SUBMITTED
        ).values_list("pk", "rater", "item", "state")
    )
    if not asked:
        return {}
    equal: Counter[int] = Counter()
    compared: Counter[int] = Counter()
    for row in compare(panel_codes(list(study.parts.all())), asked):
        if row.given is not None:
            compared[row.rater] += 1
            equal[row.rater] += row.given == row.panel
    return {rater: equal[rater] / n for rater, n in compared.items()}


def raters_who_answered(study: Study, kinds: Collection[RaterKind] = PEOPLE) -> dict[str, int]:
    """Pseudonym -> submitted, independent assignments that may be used for training."""
    rows = answering(study, kinds).values_list("pseudonym").annotate(n=Count("assignments"))
    return dict(sorted(rows))


def permissions_of_answers(study: Study) -> dict[str, int]:
    """Of the people who answered: how many agreed to what, and what is left out of a release."""
    people = _answered(study).filter(kind=StudyRater.Kind.PERSON)
    rows = list(
        people.annotate(n=Count("assignments")).values_list(
            "allows_training", "allows_release", "n"
        )
    )
    return {
        "raters": len(rows),
        "allow_training": sum(training for training, _, _ in rows),
        "allow_training_and_release": sum(training and release for training, release, _ in rows),
        "left_out_raters": sum(not training for training, _, _ in rows),
        "left_out_answers": sum(n for training, _, n in rows if not training),
    }


def unanswered_by_reason(study: Study, kinds: Collection[RaterKind] = PEOPLE) -> dict[str, int]:
    """How often raters said that they cannot rate, scores and choices together."""
    found: Counter[str] = Counter()
    for model in (Rating, Preference):
        rows = model._default_manager.filter(
            trainable(kinds), assignment__item__part__study=study
        ).exclude(cannot_rate="")
        found.update(dict(rows.order_by().values_list("cannot_rate").annotate(n=Count("pk"))))
    return {str(reason): found[reason] for reason in CannotRate.values}

"""Training, then qualification, then the study's own items: how a rater moves from one to the next.

Locks are taken in one order: assignments, then the rater.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from annotations.models import Assignment, Gate, GateAttempt, Study, StudyPart, StudyRater
from annotations.selectors.gates import gate_problems, gates_of
from annotations.selectors.panel_agreement import (
    Compared,
    PanelAgreement,
    PanelCode,
    agreement_of,
    compare,
    panel_codes,
)
from annotations.services.reassignment import release
from annotations.services.study_drafts import lock_draft
from annotations.services.training_lists import begin_attempt, begin_training, load_panel
from annotations.services.webhooks import Event, announce
from inference.errors import DomainError, InvalidOptionsError

Role, Stage, State, Track = Assignment.Role, StudyRater.Stage, Assignment.State, Assignment.Track
ENOUGH_ANSWERED = 0.5
"""Of what the panel answered: with less, figures decide nothing."""
HIGHEST_ITEMS = 500
RULES = ("training_items", "items", "statistic", "threshold", "attempts", "hidden_share")


class PanelTooSmallError(DomainError):
    """The reference panel cannot do what the rules of training and qualification ask."""


@transaction.atomic
def save_rules(*, part: StudyPart, **rules: object) -> Gate:
    """Of a draft: its launch freezes them."""
    lock_draft(part.study)
    unknown = set(rules) - set(RULES)
    if unknown:
        raise TypeError(f"not rules of a gate: {', '.join(sorted(unknown))}")
    gate = Gate.objects.filter(part=part).first() or Gate(part=part)
    for name, value in rules.items():
        setattr(gate, name, value)
    check_rules(gate)
    gate.save()
    return gate


def check_rules(gate: Gate) -> None:
    if not (0 <= gate.items <= HIGHEST_ITEMS and 0 <= gate.training_items <= HIGHEST_ITEMS):
        raise InvalidOptionsError(
            f"Training and qualification each take from 0 to {HIGHEST_ITEMS} items."
        )
    if gate.items == 1:
        raise InvalidOptionsError("One item gives no kappa: ask for at least two, or for none.")
    if gate.attempts < 1:
        raise InvalidOptionsError("Raters need at least one attempt.")
    if not -1 <= gate.threshold < 1:
        raise InvalidOptionsError("Kappa lies below 1, so the threshold has to as well: 0.4, say.")
    if not 0 <= gate.hidden_share <= 0.5:
        raise InvalidOptionsError("At most half as many hidden items as own ones: 0 to 50 %.")


@transaction.atomic
def open_training(study: Study, raters: Collection[StudyRater] | None = None) -> None:
    """At the launch for all, and for those who join later. Call it once their work is dealt.

    Raises PanelTooSmallError at the launch where the rules cannot be kept.
    """
    gates = [gate for gate in gates_of(study) if gate.training_items or gate.items]
    if raters is None:
        problems = gate_problems(study)
        if problems:
            raise PanelTooSmallError(" ".join(problems))
        raters = list(study.raters.filter(kind=StudyRater.Kind.PERSON).order_by("pseudonym"))
    if not gates or not raters:
        return
    panel, people = load_panel(study), list(raters)
    if any(gate.training_items for gate in gates):
        begin_training(study, panel, gates, people, 0)
        stage, attempt = Stage.TRAINING, 0
    else:
        begin_attempt(study, panel, [gate for gate in gates if gate.items], people, 1)
        stage, attempt = Stage.GATE, 1
    for rater in people:
        rater.stage, rater.attempt = stage, attempt
    StudyRater.objects.bulk_update(people, ["stage", "attempt"], batch_size=500)


def after_submit(assignment: Assignment) -> None:
    """Once the last item of training or of an attempt is in. Inside the transaction that took it;
    also after a skip."""
    if assignment.track == Track.WORK:
        return
    rater = hold_rater(assignment)
    expected = Stage.TRAINING if assignment.track == Track.TRAINING else Stage.GATE
    if (rater.stage, rater.attempt) != (expected, assignment.attempt):
        return
    waiting = Assignment.objects.filter(
        rater=rater, track=assignment.track, attempt=rater.attempt, state=State.ASSIGNED
    )
    if waiting.exists():
        return
    if rater.stage == Stage.GATE:
        judge_attempts(rater)
    go_on(rater)


def hold_rater(assignment: Assignment) -> StudyRater:
    """Two items sent at the same moment wait here for each other: one of them is the last."""
    if assignment.track == Track.GATE and may_be_last(assignment):
        lock(open_items(assignment.rater_id))
    return locked_rater(assignment.rater_id)


def locked_rater(pk: int) -> StudyRater:
    raters = StudyRater.objects.select_for_update(of=("self",), no_key=True)
    return raters.select_related("study").get(pk=pk)


def lock(rows: QuerySet[Assignment]) -> None:
    list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk"))


def may_be_last(assignment: Assignment) -> bool:
    gates = Gate.objects.filter(part__study=assignment.rater.study_id, items__gt=0)
    fewest: int | None = gates.aggregate(fewest=Min("attempts"))["fewest"]
    return fewest is not None and assignment.attempt >= fewest


def judge_attempts(rater: StudyRater) -> None:
    """Each part's attempt on its own, by the answers as they are at this moment."""
    attempts = GateAttempt.objects.filter(
        rater=rater, number=rater.attempt, finished_at=None
    ).select_related("gate__part")
    given = Assignment.objects.filter(rater=rater, track=Track.GATE, attempt=rater.attempt)
    asked = list(given.values_list("pk", "rater", "item", "state"))
    codes = panel_codes([attempt.gate.part for attempt in attempts])
    rows = compare(codes, asked)
    for attempt in attempts:
        part = attempt.gate.part_id
        judge(attempt, [row for row in rows if row.part == part], codes)


def judge(attempt: GateAttempt, rows: Sequence[Compared], codes: dict[int, PanelCode]) -> None:
    found = agreement_of(rows, codes)
    attempt.finished_at = timezone.now()
    attempt.kappa, attempt.low, attempt.high = found.kappa, found.low, found.high
    attempt.answers, attempt.agreement = found.n, found.agreement
    attempt.by_criterion = {
        key: as_json(agreement_of([row for row in rows if row.question == key], codes))
        for key in dict.fromkeys(row.question for row in rows)
    }
    attempt.passed, attempt.why = verdict(attempt.gate, found)
    attempt.save()


def as_json(found: PanelAgreement) -> dict[str, float | int | str | None]:
    return {
        "n": found.n,
        "agreement": found.agreement,
        "kappa": found.kappa,
        "low": found.low,
        "high": found.high,
        "because": found.because,
        "cannot": found.cannot,
        "unanswered": found.unanswered,
    }


def verdict(gate: Gate, found: PanelAgreement) -> tuple[bool | None, str]:
    """Whether the figures say passed, and why; None where they decide nothing."""
    asked = found.n + found.cannot + found.unanswered
    if found.answered_share < ENOUGH_ANSWERED:
        return None, (
            f"Only {found.n} of the {asked} answers asked for were given, {found.cannot} times "
            "“Can't rate” was chosen: too few to decide by. A person has to."
        )
    if found.kappa is None:
        return None, f"Kappa is undefined: {found.because}. A person has to decide."
    passed = found.kappa > gate.threshold
    relation = "above" if passed else "not above"
    return passed, f"Kappa {found.kappa:.2f} is {relation} {gate.threshold:.2f}."


def go_on(rater: StudyRater) -> None:
    """To what comes next, by how training and the attempts so far have ended."""
    study = rater.study
    gates = list(gates_of(study))
    pending = pending_gates(rater, gates)
    latest = GateAttempt.objects.filter(rater=rater, gate__in=pending, number=rater.attempt)
    ended = {attempt.gate_id: attempt for attempt in latest}
    if rater.stage == Stage.GATE and any(attempt.passed is None for attempt in ended.values()):
        return  # a person decides
    if not pending:
        rater.stage = Stage.RATING
    elif rater.stage == Stage.TRAINING:
        next_attempt(rater, pending)
    elif any(attempt.finished_at is None for attempt in ended.values()):
        rater.stage = Stage.GATE  # back to where a decision had let the rater out
    elif any(rater.attempt >= gate.attempts for gate in pending):
        rater.stage = Stage.NOT_QUALIFIED
        release(open_items(rater.pk))
    else:
        train_again(rater, [gate for gate in pending if gate.training_items], pending)
    rater.save(update_fields=["stage", "attempt"])
    if any(gate.items for gate in gates):
        announce_outcome(rater, by="figures")


def announce_outcome(rater: StudyRater, *, by: str) -> None:
    if rater.stage in (Stage.RATING, Stage.NOT_QUALIFIED):
        passed = rater.stage == Stage.RATING
        announce(Event.RATER_QUALIFIED, rater.study, rater=rater.pseudonym, passed=passed, by=by)


def pending_gates(rater: StudyRater, gates: Iterable[Gate]) -> list[Gate]:
    passed = set(
        GateAttempt.objects.filter(rater=rater, passed=True).values_list("gate", flat=True)
    )
    return [gate for gate in gates if gate.items and gate.pk not in passed]


def next_attempt(rater: StudyRater, gates: Sequence[Gate]) -> None:
    rater.stage, rater.attempt = Stage.GATE, rater.attempt + 1
    begin_attempt(rater.study, load_panel(rater.study), gates, [rater], rater.attempt)


def train_again(rater: StudyRater, training: Sequence[Gate], pending: Sequence[Gate]) -> None:
    again = Assignment.objects.filter(rater=rater, track=Track.TRAINING, attempt=rater.attempt)
    begun = rater.attempt > 0 and again.exists()
    if not training or (begun and not again.filter(state=State.ASSIGNED).exists()):
        next_attempt(rater, pending)
        return
    rater.stage = Stage.TRAINING
    if not begun:
        begin_training(rater.study, load_panel(rater.study), training, [rater], rater.attempt)


def open_items(rater: int) -> QuerySet[Assignment]:
    """Places that nobody fills while this rater does not rate."""
    return Assignment.objects.filter(
        rater=rater,
        track=Track.WORK,
        state=State.ASSIGNED,
        role__in=(Role.INDEPENDENT, Role.ADJUDICATION),
    )

"""What a rater does to an assignment. Everything can be sent twice without doing it twice.

Each answer carries a number that the page counts up, so that a request which was held up on the
way never overwrites a newer one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from annotations.answers import (
    COMMENT,
    OVERALL,
    Choice,
    UnreadableAnswerError,
    Written,
    read_answer,
)
from annotations.branching import follow_ups
from annotations.models import Assignment, Criterion, LateAnswer, StudyPart, StudyRater
from annotations.selectors.asked import asked_after_text, asked_of, questions_in_part
from annotations.selectors.shown_text import text_to_mark
from annotations.services.answer_rows import AnswerRows, rows_of, said_by_slug
from annotations.services.held import Held, hold, save_held
from annotations.services.telemetry import Telemetry, note_telemetry
from annotations.services.webhooks import watch_completion
from inference.errors import DomainError, WrongStateError

MAX_COMMENT = 5000
MAX_REASON = 500
Questions = Mapping[str, Criterion | None]


class UnknownQuestionError(DomainError):
    pass


@dataclass(frozen=True)
class Missing:
    question: str
    message: str


class IncompleteError(DomainError):
    """Some question has neither an answer nor a reason for none."""

    def __init__(self, missing: Sequence[Missing]) -> None:
        super().__init__(" ".join(gap.message for gap in missing))
        self.missing = list(missing)


@dataclass
class Saved:
    at: datetime
    taken: list[str] = field(default_factory=list)
    late: int = 0
    why_not: str = ""
    """Why nothing counts any more; what came in is kept as late answers."""


def questions_of(assignment: Assignment) -> dict[str, Criterion | None]:
    return questions_in_part(assignment.item.part, assignment.rater.study)


def save_answers(
    assignment: Assignment, answers: Sequence[Written], seen: Telemetry | None = None
) -> Saved:
    """Takes the newest answer per question; after the study closed keeps them as late ones."""
    saved, _gaps = take(assignment, answers, seen)
    return saved


def submit_assignment(assignment: Assignment, answers: Sequence[Written] = ()) -> Assignment:
    """A refusal for missing answers keeps those that were given."""
    saved, gaps = take(assignment, answers, submit=True)
    if saved.why_not:
        raise WrongStateError(saved.why_not)
    if gaps:
        raise IncompleteError(gaps)
    return assignment


@transaction.atomic
def take(
    assignment: Assignment,
    answers: Sequence[Written],
    seen: Telemetry | None = None,
    *,
    submit: bool = False,
    lock: bool = False,
) -> tuple[Saved, list[Missing]]:
    held = hold(assignment)
    saved = Saved(timezone.now(), why_not=held.why_not)
    if held.why_not:
        saved.late = keep_late(assignment, answers)
        return saved, []
    questions = questions_of(assignment)
    rows = rows_of(held)
    changed = put_answers(held, rows, questions, answers, saved)
    if seen is not None:
        changed |= note_telemetry(assignment, seen, questions, saved.at)
    gaps: list[Missing] = []
    if submit or lock:
        gaps = missing_in(assignment.item.part, questions, rows, labels=submit)
    if submit and not gaps:
        changed |= mark_submitted(assignment, questions, rows, saved.at)
    if lock and not gaps and assignment.fields_shown_at is None:
        assignment.fields_shown_at = saved.at
        changed.add("fields_shown_at")
    rows.write()
    if changed:
        save_held(assignment, changed)
    if submit and not gaps:
        after_submit(assignment)
    return saved, gaps


def put_answers(
    held: Held, rows: AnswerRows, questions: Questions, answers: Sequence[Written], saved: Saved
) -> set[str]:
    """Names of the assignment's fields that changed."""
    assignment = held.assignment
    sequences: dict[str, int] = dict(assignment.answer_sequences)
    for answer in sorted(answers, key=lambda answer: answer.sequence):
        is_comment = answer.question == COMMENT
        if answer.question not in questions and not is_comment:
            raise UnknownQuestionError(
                _("This item has no question “%(name)s”.") % {"name": answer.question}
            )
        criterion = questions.get(answer.question)
        if not is_comment and is_locked(assignment, criterion):
            continue
        if answer.sequence > sequences.get(answer.question, -1):
            put_answer(held, rows, criterion, answer)
            sequences[answer.question] = answer.sequence
            saved.taken.append(answer.question)
    if not saved.taken:
        return set()
    assignment.answer_sequences, assignment.saved_at = sequences, saved.at
    comment = {"comment"} if COMMENT in saved.taken else set()
    return {"answer_sequences", "saved_at", *comment}


def is_locked(assignment: Assignment, criterion: Criterion | None) -> bool:
    """Once the response's labels were shown, what was said of its text stays as it is."""
    late = criterion is not None and asked_after_text(criterion)
    return assignment.fields_shown_at is not None and not late


def put_answer(held: Held, rows: AnswerRows, criterion: Criterion | None, answer: Written) -> None:
    assignment = held.assignment
    if answer.question == COMMENT:
        assignment.comment = storable(answer.value)
        return
    shown = text_to_mark(assignment, criterion)
    asked = asked_of(assignment.item.part, criterion, len(held.candidates), shown)
    try:
        read = read_answer(asked, answer.value)
    except UnreadableAnswerError as error:
        name = criterion.name if criterion else _("Overall")
        raise UnknownQuestionError(about_answer(name, error)) from error
    undecided = criterion is None and isinstance(read, Choice) and lacks_tie_kind(assignment, read)
    # A submitted item stays complete: half an answer does not replace a whole one.
    if not (undecided and rows.is_submitted and None in rows.by_criterion):
        rows.put(criterion, read)


def about_answer(name: str, error: UnreadableAnswerError) -> str:
    return _("The answer to “%(name)s”: %(problem)s.") % {"name": name, "problem": error}


def storable(text: str, most: int = MAX_COMMENT) -> str:
    """As PostgreSQL takes it: without NUL and halves of surrogate pairs."""
    return text[:most].replace("\0", "").encode(errors="replace").decode()


def lacks_tie_kind(assignment: Assignment, choice: Choice) -> bool:
    """An overall tie is half an answer until it says whether both are acceptable."""
    pairwise = assignment.item.part.design == StudyPart.Design.PAIRWISE
    return pairwise and not choice.letter and not choice.tie_kind


def keep_late(assignment: Assignment, answers: Sequence[Written]) -> int:
    known = {*questions_of(assignment), COMMENT}
    newer = [
        answer
        for answer in answers
        if answer.question in known
        and answer.sequence > assignment.answer_sequences.get(answer.question, -1)
    ]
    LateAnswer.objects.bulk_create(
        (
            LateAnswer(
                assignment=assignment,
                question=answer.question,
                value=storable(answer.value),
                sequence=answer.sequence,
            )
            for answer in newer
        ),
        ignore_conflicts=True,
    )
    return len(newer)


def missing_answers(assignment: Assignment) -> list[Missing]:
    rows = rows_of(Held(assignment, (), ""))
    return missing_in(assignment.item.part, questions_of(assignment), rows)


def missing_in(
    part: StudyPart, questions: Questions, rows: AnswerRows, *, labels: bool = True
) -> list[Missing]:
    """labels: whether what is asked about the response's labels has to be answered by now."""
    asked = asked_now(questions, rows)
    absolute = part.design == StudyPart.Design.ABSOLUTE
    gaps = []
    for question, criterion in questions.items():
        if criterion is None:
            found, name, needed = rows.by_criterion.get(None), _("Overall"), True
        else:
            found, name = rows.by_criterion.get(criterion.pk), criterion.name
            later = asked_after_text(criterion) and not labels
            needed = criterion.required and question in asked and not later
        if found is None and needed:
            gaps.append(Missing(question, advice(name, criterion if absolute else None)))
    overall = rows.by_criterion.get(None)
    undecided = (
        part.design == StudyPart.Design.PAIRWISE
        and overall is not None
        and getattr(overall, "strength", None) == 0
        and not getattr(overall, "tie_kind", "")
    )
    if undecided and not gaps:
        message = _("Overall is a tie. Choose whether both are acceptable.")
        gaps.append(Missing(OVERALL, message))
    return gaps


def advice(name: str, criterion: Criterion | None) -> str:
    words = {
        None: _("%(name)s has no answer. Choose an answer, or Can't rate."),
        Criterion.Kind.SCORE: _("%(name)s has no answer. Choose a score, or Can't rate."),
        Criterion.Kind.TEXT: _("%(name)s has no answer. Write one, or Can't rate."),
        Criterion.Kind.SPANS: _("%(name)s has no answer. Mark a passage, or Can't rate."),
    }
    kind = Criterion.Kind(criterion.kind) if criterion else None
    return words.get(kind, words[None]) % {"name": name}


def asked_now(questions: Questions, rows: AnswerRows) -> frozenset[str]:
    """Slugs that are asked, given what was answered; most instruments have no conditions."""
    criteria = [criterion for criterion in questions.values() if criterion is not None]
    if not any(criterion.only_if for criterion in criteria):
        return frozenset(questions)
    return follow_ups(criteria, said_by_slug(rows, questions))


def mark_submitted(
    assignment: Assignment, questions: Questions, rows: AnswerRows, at: datetime
) -> set[str]:
    """What was answered to a question that is no longer asked goes; its history stays."""
    asked = asked_now(questions, rows)
    for slug, criterion in questions.items():
        if criterion is not None and slug not in asked and criterion.pk in rows.by_criterion:
            rows.clear(criterion.pk)
    first = assignment.submitted_at is None
    assignment.state = Assignment.State.SUBMITTED
    assignment.submitted_at = assignment.submitted_at or at
    if first and assignment.rater.study.daily_minutes:
        count_day(assignment)
    return {"state", "submitted_at"}


def count_day(assignment: Assignment) -> None:
    """Adds the item's active time to the rater's day, for the daily cap."""
    today = timezone.localdate()
    same_day = When(day=today, then=F("day_active_ms") + assignment.active_ms)
    StudyRater.objects.filter(pk=assignment.rater_id).update(
        day_active_ms=Case(same_day, default=Value(assignment.active_ms)), day=today
    )
    rater = assignment.rater
    before = rater.day_active_ms if rater.day == today else 0
    rater.day, rater.day_active_ms = today, before + assignment.active_ms


def after_submit(assignment: Assignment) -> None:
    """Of training and qualification: what follows from it. Of the work: whether it is disputed."""
    if assignment.track != Assignment.Track.WORK:
        from annotations.services.gates import after_submit as next_stage

        next_stage(assignment)
        return
    if assignment.role == Assignment.Role.INDEPENDENT:
        watch_completion(assignment.rater.study)
    if assignment.item.part.resolution != StudyPart.Resolution.NONE:
        from annotations.services.disputes import after_submit as find_disputes

        find_disputes(assignment)


@transaction.atomic
def skip_assignment(assignment: Assignment, reason: str = "") -> None:
    """What was answered so far stays; a submitted item stays submitted."""
    hold(assignment).require_open()
    if assignment.state == Assignment.State.ASSIGNED:
        assignment.state = Assignment.State.SKIPPED
        assignment.skip_reason = storable(reason.strip(), MAX_REASON)
        assignment.save(update_fields=["state", "skip_reason"])
        if assignment.track != Assignment.Track.WORK:
            after_submit(assignment)


def show_fields(assignment: Assignment, answers: Sequence[Written] = ()) -> None:
    """The second step of a study that shows the response's labels "after": locks the scores."""
    saved, gaps = take(assignment, answers, lock=True)
    if saved.why_not:
        raise WrongStateError(saved.why_not)
    if gaps:
        raise IncompleteError(gaps)

"""What a rater does to an assignment. Everything can be sent twice without doing it twice.

Each answer carries a number that the page counts up, so that a request which was held up on the
way never overwrites a newer one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from annotations.answers import (
    COMMENT,
    OVERALL,
    Choice,
    NoAnswer,
    Score,
    UnreadableAnswerError,
    Written,
    read_choice,
    read_score,
)
from annotations.models import (
    Assignment,
    Candidate,
    Criterion,
    LateAnswer,
    Preference,
    Rating,
    Study,
    StudyPart,
)
from annotations.models.rating import CannotRate
from annotations.selectors.queue import has_consented
from inference.errors import DomainError, WrongStateError

MAX_COMMENT = 5000


class ConsentMissingError(DomainError):
    pass


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


@transaction.atomic
def save_answers(assignment: Assignment, answers: Sequence[Written]) -> Saved:
    """Takes the newest answer per question; after the study closed keeps them as late ones."""
    assignment = locked(assignment)
    study = assignment.rater.study
    saved = Saved(timezone.now())
    if study.state != Study.State.OPEN:
        saved.late = keep_late(assignment, answers)
        return saved
    questions = questions_of(assignment.item.part)
    sequences: dict[str, int] = dict(assignment.answer_sequences)
    for answer in sorted(answers, key=lambda answer: answer.sequence):
        if answer.question not in questions and answer.question != COMMENT:
            raise UnknownQuestionError(f"This item has no question “{answer.question}”.")
        if answer.sequence > sequences.get(answer.question, -1):
            save_answer(assignment, questions.get(answer.question), answer)
            sequences[answer.question] = answer.sequence
            saved.taken.append(answer.question)
    if saved.taken:
        assignment.answer_sequences = sequences
        assignment.saved_at = saved.at
        assignment.save(update_fields=["answer_sequences", "saved_at", "comment"])
    return saved


def locked(assignment: Assignment) -> Assignment:
    """Its study stays in its state until the transaction ends: closing waits for what is on its
    way, and what comes after it sees the closed study. Raters do not wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM annotations_study WHERE id = %s FOR KEY SHARE",
            [assignment.rater.study_id],
        )
    assignments = Assignment.objects.select_related("item__part", "rater__study")
    assignment = assignments.select_for_update(of=("self",)).get(pk=assignment.pk)
    if not has_consented(assignment.rater):
        raise ConsentMissingError("Please agree to take part first.")
    return assignment


def questions_of(part: StudyPart) -> dict[str, Criterion | None]:
    """Question -> its criterion; the overall question has none."""
    questions: dict[str, Criterion | None] = {
        criterion.slug: criterion
        for criterion in Criterion.objects.filter(instrument=part.instrument_id)
    }
    if part.design == StudyPart.Design.PAIRWISE and part.with_overall:
        questions[OVERALL] = None
    return questions


def save_answer(assignment: Assignment, criterion: Criterion | None, answer: Written) -> None:
    try:
        if answer.question == COMMENT:
            assignment.comment = storable(answer.value)
        elif assignment.item.part.design == StudyPart.Design.PAIRWISE:
            save_preference(assignment, criterion, answer.value)
        elif criterion is not None:
            save_rating(assignment, criterion, answer.value)
    except UnreadableAnswerError as error:
        raise UnknownQuestionError(f"The answer to “{answer.question}”: {error}.") from error


def storable(text: str) -> str:
    """As PostgreSQL takes it: without NUL and halves of surrogate pairs."""
    return text[:MAX_COMMENT].replace("\0", "").encode(errors="replace").decode()


def save_rating(assignment: Assignment, criterion: Criterion, value: str) -> None:
    found = Rating.objects.filter(assignment=assignment, criterion=criterion).first()
    if not value:
        clear(assignment, found)
        return
    read = read_score(value, criterion.scale_min, criterion.scale_max, CannotRate.values)
    score = read.value if isinstance(read, Score) else None
    reason = read.reason if isinstance(read, NoAnswer) else ""
    if found is None:
        candidate = candidates_in_order(assignment)[0]
        found = Rating(assignment=assignment, criterion=criterion, candidate=candidate)
    elif (found.score, found.cannot_rate) == (score, reason):
        return
    found.score, found.cannot_rate = score, reason
    found.save()


def save_preference(assignment: Assignment, criterion: Criterion | None, value: str) -> None:
    found = Preference.objects.filter(assignment=assignment, criterion=criterion).first()
    if not value:
        clear(assignment, found)
        return
    part = assignment.item.part
    read = read_choice(
        value,
        ties=part.tie_allowed,
        with_strength=part.with_strength,
        tie_kinds=Preference.TieKind.values if criterion is None else (),
        reasons=CannotRate.values,
    )
    choice = read if isinstance(read, Choice) else None
    if found and lacks_tie_kind(criterion, choice) and is_submitted(assignment):
        return
    preferred = None
    if choice and choice.letter:
        preferred = candidates_in_order(assignment)["AB".index(choice.letter)]
    said = (
        preferred.pk if preferred else None,
        choice.strength if choice else None,
        choice.tie_kind if choice else "",
        read.reason if isinstance(read, NoAnswer) else "",
    )
    if found is None:
        found = Preference(assignment=assignment, criterion=criterion)
    elif said == (found.preferred_id, found.strength, found.tie_kind, found.cannot_rate):
        return
    found.preferred_id, found.strength, found.tie_kind, found.cannot_rate = said
    found.save()


def clear(assignment: Assignment, found: Rating | Preference | None) -> None:
    """A submitted item stays complete: there an answer can be replaced, not taken back."""
    if found is not None and not is_submitted(assignment):
        found.delete()


def is_submitted(assignment: Assignment) -> bool:
    return assignment.state == Assignment.State.SUBMITTED


def lacks_tie_kind(criterion: Criterion | None, choice: Choice | None) -> bool:
    """An overall tie is half an answer until it says whether both are acceptable."""
    return criterion is None and choice is not None and not choice.letter and not choice.tie_kind


def candidates_in_order(assignment: Assignment) -> list[Candidate]:
    """The candidates as shown: the first is "A"."""
    by_response = {c.response_id: c for c in Candidate.objects.filter(item=assignment.item_id)}
    return [by_response[response] for response in assignment.display_order]


def keep_late(assignment: Assignment, answers: Sequence[Written]) -> int:
    known = {*questions_of(assignment.item.part), COMMENT}
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


def submit_assignment(assignment: Assignment, answers: Sequence[Written] = ()) -> Assignment:
    """Two steps, so that a refusal for missing answers keeps those that were given."""
    saved = save_answers(assignment, answers)
    if saved.late:
        raise WrongStateError("The study is closed; nothing more can be submitted.")
    return mark_submitted(assignment)


@transaction.atomic
def mark_submitted(assignment: Assignment) -> Assignment:
    assignment = locked(assignment)
    require_open(assignment)
    gaps = missing_answers(assignment)
    if gaps:
        raise IncompleteError(gaps)
    assignment.state = Assignment.State.SUBMITTED
    assignment.submitted_at = assignment.submitted_at or timezone.now()
    assignment.save(update_fields=["state", "submitted_at"])
    return assignment


def missing_answers(assignment: Assignment) -> list[Missing]:
    part = assignment.item.part
    questions = questions_of(part)
    if part.design == StudyPart.Design.ABSOLUTE:
        given: Mapping[int | None, str] = dict(
            Rating.objects.filter(assignment=assignment).values_list("criterion_id", "cannot_rate")
        )
        advice = "Choose a score, or Can't rate."
    else:
        given = dict(
            Preference.objects.filter(assignment=assignment).values_list(
                "criterion_id", "cannot_rate"
            )
        )
        advice = "Choose an answer, or Can't rate."
    gaps = []
    for question, criterion in questions.items():
        if (criterion.pk if criterion else None) not in given:
            name = criterion.name if criterion else "Overall"
            gaps.append(Missing(question, f"{name} has no answer. {advice}"))
    if not gaps and undecided_tie(assignment):
        gaps.append(Missing(OVERALL, "Overall is a tie. Choose whether both are acceptable."))
    return gaps


def undecided_tie(assignment: Assignment) -> bool:
    return Preference.objects.filter(
        assignment=assignment, criterion=None, strength=0, tie_kind=""
    ).exists()


@transaction.atomic
def skip_assignment(assignment: Assignment) -> None:
    """What was answered so far stays; a submitted item stays submitted."""
    assignment = locked(assignment)
    require_open(assignment)
    if assignment.state == Assignment.State.ASSIGNED:
        assignment.state = Assignment.State.SKIPPED
        assignment.save(update_fields=["state"])


def require_open(assignment: Assignment) -> None:
    if assignment.rater.study.state != Study.State.OPEN:
        raise WrongStateError("The study is closed; nothing more can be submitted.")

"""What a rater reads on the way to the study's own items: training, qualification, how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotations.answers import Answer
from annotations.models import Assignment, GateAttempt, ReferenceAnswer, StudyPart, StudyRater
from annotations.selectors.gates import gates_of
from annotations.selectors.panel_questions import PanelQuestion, in_words, panel_questions
from annotations.selectors.queue import list_of
from annotations.selectors.rating_page import Candidate, Line, rating_page
from annotations.selectors.rating_page.answered import answers_given
from annotations.stored_answers import PreferenceFields, read_preference, read_rating

Stage, State = StudyRater.Stage, Assignment.State
TRAINING, AGAIN, GATE, WAITING = "training", "again", "gate", "waiting"
PASSED, NOT_QUALIFIED = "passed", "not_qualified"


@dataclass(frozen=True)
class GatePage:
    state: str
    """training, again, gate, waiting, passed or not_qualified."""
    title: str
    rater: str
    contacts: str
    done: int = 0
    total: int = 0
    following: str = ""
    """Key of the item that comes next."""
    attempt: int = 0
    attempts: int = 0
    qualifies: bool = False
    """Whether a qualification follows the training."""
    figures: tuple[str, ...] = ()
    """How the last attempt ended, one sentence a part."""

    @property
    def attempts_left(self) -> int:
        return max(0, self.attempts - self.attempt)


@dataclass(frozen=True)
class AnswerBeside:
    name: str
    guiding_question: str
    own: str
    panel: str
    """Empty where the panel gave no answer."""
    explanation: str


@dataclass(frozen=True)
class TrainingAnswer:
    title: str
    rater: str
    number: int
    total: int
    client: tuple[Line, ...]
    candidates: tuple[Candidate, ...]
    answers: tuple[AnswerBeside, ...]
    following: str
    """Key of the next training item; empty after the last one."""


def gate_page(rater: StudyRater) -> GatePage | None:
    """None where the rater has nothing before the work, or left it behind without an attempt."""
    gates = [gate for gate in gates_of(rater.study) if gate.items]
    last = last_attempts(rater)
    own = list_of(rater) if rater.stage in (Stage.TRAINING, Stage.GATE) else None
    rows = list(own.order_by("position").values_list("pk", "state")) if own is not None else []
    waiting = [str(pk) for pk, state in rows if state == State.ASSIGNED]
    state = state_of(rater, last, bool(waiting))
    if not state:
        return None
    return GatePage(
        state=state,
        title=rater.study.name,
        rater=str(rater.uuid),
        contacts=rater.study.contacts,
        done=len(rows) - len(waiting),
        total=len(rows),
        following=waiting[0] if waiting else "",
        attempt=rater.attempt,
        attempts=max((gate.attempts for gate in gates), default=0),
        qualifies=bool(gates),
        figures=tuple(sentence(attempt, len(last)) for attempt in last if attempt.finished_at),
    )


def state_of(rater: StudyRater, last: Sequence[GateAttempt], waiting: bool) -> str:
    if rater.stage == Stage.TRAINING:
        return AGAIN if rater.attempt else TRAINING
    if rater.stage == Stage.GATE:
        return GATE if waiting else WAITING
    if rater.stage == Stage.NOT_QUALIFIED:
        return NOT_QUALIFIED
    return PASSED if rater.stage == Stage.RATING and last else ""


def last_attempts(rater: StudyRater) -> list[GateAttempt]:
    """The newest finished one of each part."""
    attempts = GateAttempt.objects.filter(rater=rater, finished_at__isnull=False)
    rows = attempts.select_related("gate__part").order_by("gate__part__position", "-number")
    return list(rows.distinct("gate__part__position"))


def sentence(attempt: GateAttempt, parts: int) -> str:
    if attempt.kappa is None or attempt.decided_by_id is not None:
        return ""
    said = _(
        "Agreement with the reference panel (kappa): %(kappa)s. This study asks for more "
        "than %(threshold)s."
    ) % {
        "kappa": number_format(attempt.kappa, 2),
        "threshold": number_format(attempt.gate.threshold, 2),
    }
    if parts == 1:
        return said
    return _("Part %(number)s: %(said)s") % {"number": attempt.gate.part.position, "said": said}


def training_answer(assignment: Assignment) -> TrainingAnswer:
    page = rating_page(assignment)
    part = assignment.item.part
    questions = panel_questions(part, len(assignment.display_order))
    own, panel = answers_given(assignment), panel_answers(assignment, questions)
    following = next_in_list(assignment)
    return TrainingAnswer(
        title=page.title,
        rater=page.rater,
        number=page.number,
        total=page.total,
        client=page.client,
        candidates=page.candidates,
        answers=tuple(
            beside(question, own.get(question.key), *panel.get(question.key, (None, "")))
            for question in in_shown_order(questions, [q.key for q in page.questions])
            if question.key in own or question.key in panel
        ),
        following=following,
    )


def in_shown_order(questions: Sequence[PanelQuestion], shown: Sequence[str]) -> list[PanelQuestion]:
    places = {key: place for place, key in enumerate(shown)}
    return sorted(questions, key=lambda question: places.get(question.key, len(places)))


def beside(
    question: PanelQuestion, own: Answer | None, panel: Answer | None, explanation: str
) -> AnswerBeside:
    return AnswerBeside(
        name=question.name,
        guiding_question=question.guiding_question,
        own=in_words(question, own),
        panel=in_words(question, panel) if panel is not None else "",
        explanation=explanation,
    )


def panel_answers(
    assignment: Assignment, questions: Sequence[PanelQuestion]
) -> dict[str, tuple[Answer, str]]:
    """Question -> the panel's answer by this rater's letters, and why."""
    by_criterion = {question.criterion: question for question in questions}
    found: dict[str, tuple[Answer, str]] = {}
    rows = ReferenceAnswer.objects.filter(item=assignment.item_id).select_related("preferred")
    for row in rows:
        question = by_criterion.get(row.criterion_id)
        if question is not None:
            answer = reference_answer(question, row, assignment.display_order)
            found[question.key] = (answer, row.explanation)
    return found


def reference_answer(question: PanelQuestion, row: ReferenceAnswer, shown: Sequence[int]) -> Answer:
    """`shown`: response ids in the order of the letters. Needs `row.preferred` loaded."""
    if question.asked.design == StudyPart.Design.ABSOLUTE:
        return read_rating(question.asked.kind, row.score, row.content, "")
    fields = PreferenceFields(
        preferred=row.preferred.response_id if row.preferred else None,
        strength=row.strength,
        ranks=row.ranks,
        tie_kind="",
        cannot_rate="",
    )
    return read_preference(fields, shown)


def next_in_list(assignment: Assignment) -> str:
    """Key of the next item of the same list that is still open."""
    waiting = Assignment.objects.filter(
        rater=assignment.rater_id,
        track=assignment.track,
        attempt=assignment.attempt,
        state=State.ASSIGNED,
    ).order_by("position")
    later = waiting.filter(position__gt=assignment.position).first() or waiting.first()
    return str(later.pk) if later else ""

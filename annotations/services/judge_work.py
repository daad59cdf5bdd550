"""A judge at work, under a lease: question by question, each answer stored as soon as it is there.

Up to `at_once` questions are under way; an answer is stored before another question takes its
place. A worker that is killed therefore loses no answer that has come back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import UUID

from annotations.judging.contract import JudgeOptions
from annotations.models import Assignment, JudgeRun
from annotations.selectors.judge_material import MATERIAL, PartWording, shown_to_judge, wordings_of
from annotations.selectors.judges import prompt_hash, spent_on
from annotations.services.judge_answers import Ask, store_answer, store_failure, store_refusal
from inference.backends.endpoint_faults import QuestionRefusedError, paid_before
from inference.backends.pacing import StoppedError
from inference.backends.text_sources import find_text_source, text_weights_sha256
from inference.endpoints import Chat, ChatAnswer, EndpointError, EndpointRefusedError
from inference.errors import CheckpointError, DomainError
from inference.models import ModelVersion
from inference.selectors.model_calls import currency_of, money_words
from inference.services.endpoints import endpoint_of
from inference.services.jobs import (
    Lease,
    LeaseLost,
    work_under_lease,
)
from inference.services.run_backends import worker_machine
from inference.services.text_models import text_source_of

Progress = Callable[[JudgeRun], None]
Key = tuple[UUID, int, int]
KEY = ("assignment_id", "repetition", "order")
PAGE = 50
"""Assignments read at once."""
CHECK_SECONDS = 1.0
FAILURES_IN_A_ROW = 3
"""Then it is the judge that does not answer, not a question that cannot be answered."""


class JudgeSilentError(DomainError):
    pass


class BudgetSpentError(DomainError):
    pass


def run_judging(pk: int, on_answer: Progress | None = None) -> bool:
    """Works until the run ends or is taken away; False when another worker has it."""
    return work_under_lease(
        JudgeRun, pk, lambda lease: _judge_all(lease, on_answer), "The judge failed"
    )


def _judge_all(lease: Lease[JudgeRun], on_answer: Progress | None) -> None:
    lease.check()
    run = JudgeRun.objects.select_related("judge", "rater", "study__team").get(pk=lease.pk)
    options = JudgeOptions.from_json(run.options)
    wordings = wordings_of(run.study, options)
    _note_prompt(run, wordings)
    stopping = threading.Event()
    chat, at_once = _chat_of(run.judge, stopping)
    with ThreadPoolExecutor(at_once, thread_name_prefix=f"judge {run.pk}") as pool:
        desk = Desk(lease, run, options, wordings, chat, pool, at_once, on_answer or _unheard)
        try:
            desk.ask_all()
        except LeaseLost:
            stopping.set()
            raise
        except BaseException:
            stopping.set()  # no further try; what comes back of this one is paid for, and kept
            desk.empty()
            raise
    _say_what_failed(run)


def _unheard(run: JudgeRun) -> None:
    pass


def _note_prompt(run: JudgeRun, wordings: dict[int, PartWording]) -> None:
    """A judge has one instruction from its first item to its last."""
    sha256 = prompt_hash(wordings.values())
    if not run.prompt_sha256:
        run.prompt_sha256 = sha256
        run.save(update_fields=["prompt_sha256"])
    elif run.prompt_sha256 != sha256:
        raise DomainError(
            "The instruction of judges has changed with a new version of MoodEval since this judge "
            "began. Go back to that version to finish it, or start a new judge."
        )


def _chat_of(judge: ModelVersion, stopping: threading.Event) -> tuple[Chat, int]:
    """And how many questions it is asked at a time."""
    if judge.kind == ModelVersion.Kind.ENDPOINT:
        from inference.backends.openai_chat import OpenAIChat

        endpoint = endpoint_of(judge)
        return OpenAIChat(endpoint, stopping=stopping), endpoint.at_once
    return _local_chat(judge), 1


def _local_chat(judge: ModelVersion) -> Chat:
    """With the weights that were registered; of a model from the hub those first judged with."""
    from inference.backends.local_chat import load_local_chat

    source = text_source_of(judge)
    sha256 = text_weights_sha256(find_text_source(source))
    if not judge.weights_sha256:
        ModelVersion.objects.filter(pk=judge.pk, weights_sha256="").update(weights_sha256=sha256)
    elif judge.weights_sha256 != sha256:
        raise CheckpointError(
            f"The weights of “{judge}” at {source} are no longer those that were registered. Put "
            "them back, or register the new ones under a name of their own."
        )
    return load_local_chat(source, machine=worker_machine())


def _say_what_failed(run: JudgeRun) -> None:
    failed = run.answers.exclude(error="")
    count = failed.count()
    if count:
        reason = failed.order_by("-pk").values_list("error", flat=True).first()
        raise DomainError(
            f"{count} question{'s' * (count != 1)} got no answer, at last because: {reason} "
            "Everything else is judged. Resume it to ask these again."
        )


@dataclass
class Desk:
    """Questions under way, and what has become of the others."""

    lease: Lease[JudgeRun]
    run: JudgeRun
    options: JudgeOptions
    wordings: dict[int, PartWording]
    chat: Chat
    pool: ThreadPoolExecutor
    at_once: int
    on_answer: Progress
    under_way: dict[Future[ChatAnswer], Ask] = field(default_factory=dict)
    spent: Decimal = Decimal(0)
    dearest: Decimal = Decimal(0)
    """What the most expensive answer has cost: as much is held back for each that is awaited."""
    failed_in_a_row: int = 0
    has_answered: bool = False
    """Anything, ever."""
    refused_before: list[Ask] = field(default_factory=list)
    """Before there was any answer: it was not known whether the judge takes any question."""

    def ask_all(self) -> None:
        self.spent = spent_on(self.run)
        self.has_answered = self.run.answers.filter(error="").exists()
        self.ask_each(self.questions())
        if self.has_answered:
            self.ask_each([replace(ask, again=True) for ask in self.refused_before])

    def ask_each(self, asks: Iterable[Ask]) -> None:
        for ask in asks:
            while len(self.under_way) >= self.at_once or self.could_be_spent():
                self.take_next()
            self.lease.check()
            self.check_budget()
            self.under_way[self.pool.submit(self.put, ask)] = ask
        while self.under_way:
            self.take_next()
            self.lease.check()

    def put(self, ask: Ask) -> ChatAnswer:
        """In a thread of the pool: touches no database."""
        return self.chat.ask(
            ask.messages,
            max_tokens=self.options.max_tokens,
            temperature=self.options.temperature,
            seed=self.options.seed_of(ask.repetition),
            schema=ask.schema,
        )

    def questions(self) -> Iterator[Ask]:
        """Those never asked, then those that got no answer before this work began."""
        failed = set(self.run.answers.exclude(error="").values_list(*KEY))
        yield from self.questions_where(lambda key, asked: key not in asked)
        yield from self.questions_where(lambda key, asked: key in failed)

    def questions_where(self, wanted: Callable[[Key, Collection[Key]], bool]) -> Iterator[Ask]:
        """In the judge's order of items. wanted: is told what was asked before."""
        position = 0
        while page := self.open_assignments(position):
            position = page[-1].position
            asked = set(self.run.answers.filter(assignment__in=page).values_list(*KEY))
            for assignment in page:
                wording = self.wordings[assignment.item.part_id]
                for repetition in range(self.options.repeats):
                    for order in wording.orders:
                        if wanted((assignment.pk, repetition, order), asked):
                            yield self.question(assignment, wording, repetition, order)

    def open_assignments(self, after: int) -> list[Assignment]:
        rows = Assignment.objects.filter(
            rater=self.run.rater, state=Assignment.State.ASSIGNED, position__gt=after
        )
        found = list(rows.select_related("item", *MATERIAL).order_by("position")[:PAGE])
        for assignment in found:
            assignment.item.part = self.wordings[assignment.item.part_id].part
        return found

    def question(
        self, assignment: Assignment, wording: PartWording, repetition: int, order: int
    ) -> Ask:
        shown = shown_to_judge(assignment, wording, order)
        return Ask(
            assignment=assignment,
            wording=wording,
            repetition=repetition,
            order=order,
            shown=shown,
            messages=wording.messages(shown),
            schema=wording.schema(shown),
        )

    def could_be_spent(self) -> bool:
        """Whether the answers awaited may use up the budget: then they are awaited first."""
        if self.run.budget is None or not self.under_way:
            return False
        return self.spent + self.dearest * len(self.under_way) >= self.run.budget

    def check_budget(self) -> None:
        budget = self.run.budget
        if budget is not None and self.spent >= budget:
            currency = currency_of(self.run.judge)
            raise BudgetSpentError(
                f"{money_words(self.spent, currency)} are spent, and the budget is "
                f"{money_words(budget, currency)}. Everything judged so far is kept. Resume it "
                "with a larger budget to go on."
            )

    def take_next(self) -> None:
        """Waits for an answer and stores it."""
        done: set[Future[ChatAnswer]] = set()
        while not done:
            done, _ = wait(self.under_way, timeout=CHECK_SECONDS, return_when=FIRST_COMPLETED)
            if not done:
                self.lease.check()  # an answer may take minutes, and nobody waits that long to stop
        for future in done:
            self.take(future)
            if self.failed_in_a_row >= FAILURES_IN_A_ROW:
                raise JudgeSilentError(
                    f"The judge does not answer: {future.exception()} What was judged is kept. "
                    "Resume it when it does."
                )

    def take(self, future: Future[ChatAnswer]) -> None:
        ask = self.under_way.pop(future)
        error = future.exception()
        if error is None:
            answer = future.result()
            self.failed_in_a_row, self.has_answered = 0, True
            self.spent += answer.cost
            self.dearest = max(self.dearest, answer.cost)
            row = store_answer(self.lease, self.run, self.options, ask, answer)
        elif self.is_refused(error):
            row = store_refusal(self.lease, self.run, self.options, ask, str(error))
        elif isinstance(error, EndpointError | StoppedError):
            row = self.take_failure(ask, error)
        else:
            raise error
        self.on_answer(row)

    def is_refused(self, error: BaseException) -> bool:
        """This question and no other, for good: too long, or against the judge's rules. Of a judge
        that has never answered it is not known whether it takes any question."""
        return isinstance(error, QuestionRefusedError) and self.has_answered

    def take_failure(self, ask: Ask, error: EndpointError | StoppedError) -> JudgeRun:
        paid = paid_before(error)
        self.spent += paid.cost if paid else 0
        refused = isinstance(error, QuestionRefusedError)
        wrong = isinstance(error, EndpointRefusedError) and not refused
        if refused:
            self.refused_before.append(ask)
        self.failed_in_a_row += FAILURES_IN_A_ROW if wrong else 1
        return store_failure(self.lease, self.run, ask, str(error), paid)

    def empty(self) -> None:
        """Takes what is still under way, without asking on. A try that was broken off leaves no
        trace but what was paid for it: its question is asked again."""
        wait(self.under_way)
        for future in list(self.under_way):
            error = future.exception()
            if error is None or paid_before(error):
                self.take(future)

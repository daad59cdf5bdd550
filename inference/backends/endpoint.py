"""Answers from a model behind an OpenAI-compatible address, each kept before the next is asked."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from inference.backends.base import Backend, KeepingBackend
from inference.backends.chat_prompt import NothingToShowError, Question, ask_about, template_of
from inference.backends.endpoint_faults import QuestionRefusedError, paid_before
from inference.backends.ledger import Ledger, PromptRecord, SilentError, check_budget
from inference.backends.openai_chat import PATIENT, OpenAIChat, Patience
from inference.backends.pacing import StoppedError
from inference.backends.thoughts import after_thoughts
from inference.backends.threads import in_threads
from inference.contracts import Answer, GenerationOptions, StimulusInput
from inference.endpoints import ChatAnswer, Endpoint, EndpointError, EndpointRefusedError
from inference.errors import ClipError
from inference.labels import EMOTIONS
from inference.media import MediaLimits
from inference.multimood.parsing import parse_reply, read_emotion
from inference.multimood.prompt import PromptTemplate

ROOM_FOR_LABELS = 64
"""Tokens of the three label lines, where the bound on new tokens is meant for the response."""
FEWEST_SILENT = 2
"""Questions without an answer, one after the other, that tell of the server, not of a question."""


def load_endpoint(
    endpoint: Endpoint,
    prompt: str,
    ledger: Ledger,
    should_stop: Callable[[], bool],
    media: MediaLimits,
    patience: Patience = PATIENT,
) -> Backend:
    """`prompt` is TOML; empty: the shipped wording. `should_stop` is asked by the thread that calls
    `answer`, twice a second: where it is true, StoppedError is raised once what is under way is
    stored; what it raises itself reaches the caller likewise."""
    stopping = threading.Event()
    return EndpointBackend(
        chat=OpenAIChat(endpoint, stopping=stopping, patience=patience),
        endpoint=endpoint,
        template=template_of(prompt),
        ledger=ledger,
        media=media,
        stopping=stopping,
        should_stop=should_stop,
    )


@dataclass(frozen=True)
class _Wanted:
    stimulus: StimulusInput
    sample: int
    seed: int

    @property
    def key(self) -> str:
        return f"{self.stimulus.key}:{self.sample}"


class EndpointBackend(KeepingBackend):
    """Raises EndpointRefusedError where the server refuses everything, SilentError where it
    answers nothing, BudgetReachedError, StoppedError; then no answer is returned, and all that
    came are in the ledger."""

    def __init__(
        self,
        *,
        chat: OpenAIChat,
        endpoint: Endpoint,
        template: PromptTemplate,
        ledger: Ledger,
        media: MediaLimits,
        stopping: threading.Event,
        should_stop: Callable[[], bool],
    ) -> None:
        self.chat = chat
        self.endpoint = endpoint
        self.template = template
        self.ledger = ledger
        self.media = media
        self._stopping = stopping
        self._should_stop = should_stop
        self._silence = _Silence(max(FEWEST_SILENT, endpoint.at_once))

    def answer(
        self,
        stimuli: Sequence[StimulusInput],
        options: GenerationOptions,
        seeds: Sequence[int],
    ) -> list[Answer]:
        places = [(one, sample) for one in stimuli for sample in range(options.samples)]
        wanted = [
            _Wanted(stimulus, sample, seed)
            for (stimulus, sample), seed in zip(places, seeds, strict=True)
        ]
        questions = _Questions(
            lambda stimulus: ask_about(stimulus, options, self.template, self.endpoint, self.media),
            [one.stimulus for one in wanted],
        )
        return in_threads(
            wanted,
            lambda one: self._answer(one, options, questions),
            threads=self.endpoint.at_once,
            stopping=self._stopping,
            should_stop=self._should_stop,
            at_end=self.ledger.close,
        )

    def kept(
        self, stimuli: Sequence[StimulusInput], options: GenerationOptions
    ) -> list[Answer | None]:
        return [
            self._kept(_Wanted(stimulus, sample, seed=0).key, options)
            for stimulus in stimuli
            for sample in range(options.samples)
        ]

    def _kept(self, key: str, options: GenerationOptions) -> Answer | None:
        found = self.ledger.find(key)
        return None if found is None else read_answer(found, self.template, options)

    def _answer(self, wanted: _Wanted, options: GenerationOptions, questions: _Questions) -> Answer:
        kept = self._kept(wanted.key, options)
        if kept is not None:
            questions.taken(wanted.stimulus)
            return kept
        check_budget(self.ledger, self.endpoint.currency)
        try:
            question = questions.about(wanted.stimulus)
        except (ClipError, NothingToShowError) as error:
            return Answer.failed(str(error))
        try:
            answer = self._ask(question, wanted.seed, options)
        except (EndpointError, StoppedError) as error:
            return self._unanswered(wanted, question, error)
        self._silence.broken()
        fault = fault_of(answer)
        self.ledger.store(wanted.key, self._record(question), answer, fault)
        return Answer.failed(fault) if fault else read_answer(answer, self.template, options)

    def _ask(self, question: Question, seed: int, options: GenerationOptions) -> ChatAnswer:
        labels = options.constrain_labels and options.task == "reply"
        return self.chat.ask(
            question.messages,
            max_tokens=options.max_new_tokens + ROOM_FOR_LABELS * labels,
            temperature=options.temperature,
            top_p=options.top_p,
            # Nothing is drawn at 0, and some servers take no seed.
            seed=seed if options.temperature else None,
        )

    def _record(self, question: Question) -> PromptRecord:
        return question.record(self.chat.not_sent)

    def _unanswered(
        self, wanted: _Wanted, question: Question, error: EndpointError | StoppedError
    ) -> Answer:
        paid = paid_before(error)
        if paid or isinstance(error, EndpointError):
            self.ledger.store(wanted.key, self._record(question), paid, str(error))
        if isinstance(error, QuestionRefusedError):
            self._silence.broken()
            return Answer.failed(str(error))
        if isinstance(error, EndpointRefusedError | StoppedError):
            raise error
        silent = self._silence.lasts(wanted.key)
        if silent:
            raise SilentError(f"{error} Resume when it answers.", silent) from error
        return Answer.failed(str(error))


class _Questions:
    """Each is put together once, whatever the number of samples, and let go with the last: pictures
    and sound are large."""

    def __init__(
        self, make: Callable[[StimulusInput], Question], wanted: Iterable[StimulusInput]
    ) -> None:
        self._make = make
        self._samples = Counter(wanted)
        self._made: dict[StimulusInput, Question] = {}
        self._lock = threading.Lock()

    def about(self, stimulus: StimulusInput) -> Question:
        with self._lock:  # clips are read one at a time anyhow
            question = self._made.get(stimulus) or self._make(stimulus)
            self._made[stimulus] = question
            self._take(stimulus)
            return question

    def taken(self, stimulus: StimulusInput) -> None:
        """For one of its samples nothing is to be asked."""
        with self._lock:
            self._take(stimulus)

    def _take(self, stimulus: StimulusInput) -> None:
        self._samples[stimulus] -= 1
        if not self._samples[stimulus]:
            self._made.pop(stimulus, None)


class _Silence:
    """Questions without an answer since the last one that had any."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys: list[str] = []
        self._lock = threading.Lock()

    def broken(self) -> None:
        with self._lock:
            self._keys.clear()

    def lasts(self, key: str) -> list[str]:
        """All of them once they are too many."""
        with self._lock:
            self._keys.append(key)
            return list(self._keys) if len(self._keys) >= self._most else []


def fault_of(answer: ChatAnswer) -> str:
    """Why an answer that came is none."""
    if answer.finish == "content_filter":
        return "The server's content filter withheld the answer."
    if not after_thoughts(answer.text).strip():
        return (
            f"The model used up its {answer.new_tokens} tokens before it said anything. Allow "
            "longer replies."
        )
    return ""


def read_answer(answer: ChatAnswer, template: PromptTemplate, options: GenerationOptions) -> Answer:
    said = after_thoughts(answer.text)
    if options.task == "emotion":
        emotion = read_emotion(said, options.emotions or EMOTIONS, template.names)
        return _read(answer, client_emotion=emotion)
    reply = parse_reply(said, template.names)
    return _read(
        answer,
        client_emotion=reply.client_emotion,
        therapist_emotion=reply.therapist_emotion,
        strategy=reply.strategy,
        text=reply.text,
    )


def _read(
    answer: ChatAnswer,
    client_emotion: str | None,
    therapist_emotion: str | None = None,
    strategy: str | None = None,
    text: str = "",
) -> Answer:
    return Answer(
        client_emotion=client_emotion,
        therapist_emotion=therapist_emotion,
        strategy=strategy,
        text=text,
        raw=answer.text,
        seconds=answer.seconds,
        prompt_tokens=answer.prompt_tokens,
        new_tokens=answer.new_tokens,
    )

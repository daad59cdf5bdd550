"""One model over a fixed selection of stimuli, chunk by chunk under a lease."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, ProtectedError, Subquery
from django.db.models.functions import Coalesce

from inference.backends.base import Backend, KeepingBackend
from inference.backends.ledger import BudgetReachedError, SilentError
from inference.contracts import Answer, GenerationOptions, StimulusInput
from inference.endpoints import EndpointError
from inference.errors import (
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    UnknownNameError,
    WrongStateError,
)
from inference.models import (
    Corpus,
    Dialogue,
    GenerationRun,
    JobState,
    ModelVersion,
    Response,
    RunStimulus,
    Stimulus,
    Turn,
)
from inference.selectors.imported_responses import imported_stimuli
from inference.selectors.run_options import options_of
from inference.selectors.runs import failures_of
from inference.selectors.stimuli import stimulus_inputs, stimulus_key
from inference.services import jobs
from inference.services.budgets import check_budget, check_left, spent_message
from inference.services.clip_errors import placed
from inference.services.generation_options import check_options
from inference.services.jobs import JobCancelled, Lease, work_under_lease
from inference.services.model_versions import refuse_reward_model
from inference.services.run_backends import answered_together, backend_of
from inference.stored_text import storable
from mood_eval.models import Team, User

Progress = Callable[[GenerationRun], None]


@transaction.atomic
def create_generation_run(
    *,
    team: Team,
    model_version: ModelVersion,
    corpus: Corpus,
    splits: Sequence[str] = (),
    limit: int | None = None,
    options: GenerationOptions | None = None,
    user: User | None = None,
    stimuli: Sequence[int] | None = None,
    budget: Decimal | None = None,
) -> GenerationRun:
    """The selection is fixed here, in corpus order; no split means all of them.

    `stimuli` names keys of the corpus; `splits` then only says where they come from. `budget`: what
    may be spent, in the currency of the model's prices.
    """
    options = options or GenerationOptions()
    refuse_reward_model(model_version)
    check_options(options, model_version)
    check_budget(budget, model_version)
    if {model_version.team_id, corpus.team_id} != {team.pk}:
        raise UnknownNameError("The model and the corpus must belong to the team.")
    if stimuli is None:
        stimuli = selected_stimuli(model_version, corpus, splits, limit, options)
    run = GenerationRun.objects.create(
        team=team,
        model_version=model_version,
        corpus=corpus,
        splits=list(splits),
        options=asdict(options),
        budget=budget,
        total=len(stimuli) * options.samples,
        created_by=user,
    )
    RunStimulus.objects.bulk_create(
        [RunStimulus(run=run, stimulus_id=pk, position=i) for i, pk in enumerate(stimuli)],
        batch_size=5000,
    )
    jobs.enqueue(run)
    return run


def selected_stimuli(
    model_version: ModelVersion,
    corpus: Corpus,
    splits: Sequence[str],
    limit: int | None,
    options: GenerationOptions,
) -> list[int]:
    if limit is not None and limit < 1:
        raise InvalidOptionsError("The limit must be at least 1.")
    stimuli = Stimulus.objects.filter(dialogue__corpus=corpus)
    if splits:
        _check_splits(corpus, splits)
        stimuli = stimuli.filter(dialogue__split__in=splits)
    if model_version.kind == ModelVersion.Kind.IMPORTED:
        if model_version.config.get("corpus") != corpus.pk:
            raise InvalidOptionsError(
                f"{model_version} holds the replies of another corpus than {corpus}."
            )
        stimuli = stimuli.filter(followed=True)
    if model_version.kind == ModelVersion.Kind.RESPONSES:
        stimuli = stimuli.filter(pk__in=imported_stimuli(model_version))
    from_clips = options.task == "emotion" and options.modality != "text"
    if from_clips:
        stimuli = stimuli.filter(_has_clip())
    keys = stimuli.order_by("dialogue_id", "first_position").values_list("pk", flat=True)
    selected = list(keys[:limit])
    if not selected and from_clips:
        raise NothingSelectedError(
            f"No client turn of {corpus} in this selection has a clip, and the emotion is told "
            "from the clip alone. Import the corpus with its clips, or ask for replies."
        )
    if not selected:
        raise NothingSelectedError(f"{corpus} has no stimulus in this selection to answer.")
    return selected


def _has_clip() -> Exists:
    return Exists(
        Turn.objects.filter(
            dialogue=OuterRef("dialogue"),
            position__range=(OuterRef("first_position"), OuterRef("last_position")),
            clip__isnull=False,
        )
    )


def _check_splits(corpus: Corpus, splits: Sequence[str]) -> None:
    known = set(Dialogue.objects.filter(corpus=corpus).values_list("split", flat=True).distinct())
    unknown = sorted(set(splits) - known)
    if unknown:
        names = ", ".join(sorted(filter(None, known))) or "none"
        raise UnknownNameError(f"{corpus} has no split {', '.join(unknown)}. Its splits: {names}.")


def cancel_generation_run(run: GenerationRun) -> None:
    jobs.request_cancel(run)


@transaction.atomic
def resume_generation_run(run: GenerationRun, budget: Decimal | None = None) -> None:
    """What is missing is answered; where nothing is, what failed is tried again. `budget` replaces
    the old one; what was spent before counts."""
    row = _with_budget(run, budget)
    if row.state == JobState.FAILED and row.done >= row.total:
        answer_failed_again(row)
    else:
        jobs.resume(row)


def _with_budget(run: GenerationRun, budget: Decimal | None) -> GenerationRun:
    """The row, locked; something is left for what is to come."""
    rows = GenerationRun.objects.select_related("model_version")
    row = rows.select_for_update(of=("self",)).get(pk=run.pk)
    check_budget(budget, row.model_version)
    if budget is not None:
        row.budget = budget
    if not row.is_active:
        check_left(row)
        row.save(update_fields=["budget"])
    return row


@transaction.atomic
def answer_failed_again(run: GenerationRun, budget: Decimal | None = None) -> int:
    """Replaces the rows that hold an error, and no other; how many they are."""
    row = _with_budget(run, budget)
    if row.is_active:
        raise WrongStateError("This run is still at work. Wait for its end, or cancel it.")
    failed = Response.objects.filter(run=row).exclude(error="")
    try:
        count, _ = failed.delete()
    except ProtectedError as error:
        raise WrongStateError("What failed is used elsewhere, so it stays as it is.") from error
    if not count:
        raise WrongStateError("Nothing failed in this run.")
    row.done = Response.objects.filter(run=row).count()
    row.save(update_fields=["done"])
    jobs.enqueue(row)
    return count


def run_generation(run_id: int, on_chunk: Progress | None = None) -> bool:
    """Works on the run until it ends or is taken away; False when another worker has it."""
    return work_under_lease(
        GenerationRun, run_id, lambda lease: _answer_all(lease, on_chunk), "The model failed"
    )


def _answer_all(lease: Lease[GenerationRun], on_chunk: Progress | None) -> None:
    lease.check()
    run = GenerationRun.objects.select_related("model_version").get(pk=lease.pk)
    options = options_of(run)
    backend, size = backend_of(run, lease.check), answered_together(run, options)
    position = -1
    while chunk := _unanswered(run, position, options, size):
        stimuli, position = [row.stimulus for row in chunk], chunk[-1].position
        try:
            responses = _responses(run, stimuli, backend, options)
        except (BudgetReachedError, EndpointError, JobCancelled) as error:
            silent = error.keys if isinstance(error, SilentError) else frozenset()
            _keep(lease, run, _paid_for(run, stimuli, backend, options), on_chunk, silent)
            if isinstance(error, BudgetReachedError):
                raise DomainError(spent_message(run)) from error
            raise
        _keep(lease, run, responses, on_chunk)
        lease.check()
    _refuse_without_answers(run)


def _keep(
    lease: Lease[GenerationRun],
    run: GenerationRun,
    responses: Sequence[Response],
    on_chunk: Progress | None,
    silent: frozenset[str] = frozenset(),
) -> None:
    with lease.commit_chunk() as row:
        _drop_failed(run, silent)
        Response.objects.bulk_create(_missing(run, responses))
        row.done = Response.objects.filter(run=run).count()
    if on_chunk:
        on_chunk(row)


def _paid_for(
    run: GenerationRun, chunk: Sequence[Stimulus], backend: Backend, options: GenerationOptions
) -> list[Response]:
    """What is in the ledger of a chunk that is broken off."""
    if not isinstance(backend, KeepingBackend):
        return []
    inputs = stimulus_inputs(chunk)
    return _rows(run, chunk, inputs, options, backend.kept(inputs, options))


def _drop_failed(run: GenerationRun, keys: frozenset[str]) -> None:
    """What failed only because the server had fallen silent, in chunks before it was known to."""
    if not keys:
        return
    failed = run.responses.exclude(error="").select_related("stimulus__dialogue")
    dropped = [row.pk for row in failed if f"{stimulus_key(row.stimulus)}:{row.sample}" in keys]
    with suppress(ProtectedError):  # shown to raters already
        Response.objects.filter(pk__in=dropped).delete()


def _refuse_without_answers(run: GenerationRun) -> None:
    if Response.objects.filter(run=run, error="").exists():
        return
    reasons = " ".join(failure.reason for failure in failures_of(run)[:3])
    raise DomainError(f"Not one client turn could be answered. {reasons}")


def _unanswered(
    run: GenerationRun, after: int, options: GenerationOptions, size: int
) -> list[RunStimulus]:
    of_stimulus = Response.objects.filter(run=run, stimulus=OuterRef("stimulus"))
    answered = of_stimulus.order_by().values("stimulus").annotate(n=Count("pk")).values("n")
    rows = (
        RunStimulus.objects.filter(run=run, position__gt=after)
        .annotate(answered=Coalesce(Subquery(answered), 0))
        .filter(answered__lt=options.samples)
    )
    return list(rows.select_related("stimulus__dialogue").order_by("position")[:size])


def _responses(
    run: GenerationRun, chunk: Sequence[Stimulus], backend: Backend, options: GenerationOptions
) -> list[Response]:
    seeds = [
        stimulus_seed(options.seed, stimulus_key(stimulus), sample)
        for stimulus in chunk
        for sample in range(options.samples)
    ]
    inputs = stimulus_inputs(chunk)
    return _rows(run, chunk, inputs, options, backend.answer(inputs, options, seeds))


def _rows(
    run: GenerationRun,
    chunk: Sequence[Stimulus],
    inputs: Sequence[StimulusInput],
    options: GenerationOptions,
    answers: Sequence[Answer | None],
) -> list[Response]:
    places = [
        (stimulus, given, sample)
        for stimulus, given in zip(chunk, inputs, strict=True)
        for sample in range(options.samples)
    ]
    return [
        _response(run, stimulus, sample, placed(answer, stimulus, given))
        for (stimulus, given, sample), answer in zip(places, answers, strict=True)
        if answer is not None
    ]


def stimulus_seed(seed: int, key: str, sample: int = 0) -> int:
    """Each answer has its own, so that chunks, samples and resumption change no answer."""
    text = f"{seed}/{key}/{sample}" if sample else f"{seed}/{key}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1


def _missing(run: GenerationRun, responses: Sequence[Response]) -> list[Response]:
    """Where a sample failed and is answered again, its stimulus has other rows already."""
    there = set(
        Response.objects.filter(
            run=run, stimulus__in={response.stimulus_id for response in responses}
        ).values_list("stimulus_id", "sample")
    )
    return [
        response for response in responses if (response.stimulus_id, response.sample) not in there
    ]


def _response(run: GenerationRun, stimulus: Stimulus, sample: int, answer: Answer) -> Response:
    return Response(
        run=run,
        stimulus=stimulus,
        sample=sample,
        client_emotion=answer.client_emotion or "",
        therapist_emotion=answer.therapist_emotion or "",
        strategy=answer.strategy or "",
        text=storable(answer.text),
        raw=storable(answer.raw),
        label_probabilities={
            name: dict(labels) for name, labels in answer.label_probabilities.items()
        },
        chain={part: storable(text) for part, text in answer.chain.items()},
        error=storable(answer.error),
        seconds=answer.seconds,
        prompt_tokens=answer.prompt_tokens,
        new_tokens=answer.new_tokens,
    )

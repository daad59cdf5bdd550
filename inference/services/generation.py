"""One model over a fixed selection of stimuli, chunk by chunk under a lease."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import get_args

from django.db import transaction
from django.db.models import Exists, OuterRef

from inference.backends.base import Backend
from inference.backends.registry import load_backend
from inference.contracts import Answer, GenerationOptions, Modality, ReplyFields, StimulusInput
from inference.errors import (
    ClipError,
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    UnknownNameError,
)
from inference.models import (
    Corpus,
    Dialogue,
    GenerationRun,
    ModelVersion,
    Response,
    RunStimulus,
    Stimulus,
)
from inference.selectors.stimuli import human_replies, stimulus_inputs, stimulus_key
from inference.services import jobs
from inference.services.jobs import Lease, work_under_lease
from inference.services.model_versions import checkpoint_folder
from mood_eval.models import Team, User

MAX_NEW_TOKENS = 2048
MAX_BATCH = 256
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
) -> GenerationRun:
    """The selection is fixed here, in corpus order; no split means all of them.

    `stimuli` names keys of the corpus; `splits` then only says where they come from.
    """
    options = options or GenerationOptions()
    check_options(options)
    if {model_version.team_id, corpus.team_id} != {team.pk}:
        raise UnknownNameError("The model and the corpus must belong to the team.")
    if stimuli is None:
        stimuli = selected_stimuli(model_version, corpus, splits, limit)
    run = GenerationRun.objects.create(
        team=team,
        model_version=model_version,
        corpus=corpus,
        splits=list(splits),
        options=asdict(options),
        total=len(stimuli),
        created_by=user,
    )
    RunStimulus.objects.bulk_create(
        [RunStimulus(run=run, stimulus_id=pk, position=i) for i, pk in enumerate(stimuli)],
        batch_size=5000,
    )
    jobs.enqueue(run)
    return run


def selected_stimuli(
    model_version: ModelVersion, corpus: Corpus, splits: Sequence[str], limit: int | None
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
    keys = stimuli.order_by("dialogue_id", "first_position").values_list("pk", flat=True)
    selected = list(keys[:limit])
    if not selected:
        raise NothingSelectedError(f"{corpus} has no stimulus in this selection to answer.")
    return selected


def _check_splits(corpus: Corpus, splits: Sequence[str]) -> None:
    known = set(Dialogue.objects.filter(corpus=corpus).values_list("split", flat=True).distinct())
    unknown = sorted(set(splits) - known)
    if unknown:
        names = ", ".join(sorted(filter(None, known))) or "none"
        raise UnknownNameError(f"{corpus} has no split {', '.join(unknown)}. Its splits: {names}.")


def check_options(options: GenerationOptions) -> None:
    rules = {
        f"The modality must be one of {', '.join(get_args(Modality))}.": options.modality
        in get_args(Modality),
        f"The number of new tokens must lie between 1 and {MAX_NEW_TOKENS}.": 1
        <= options.max_new_tokens
        <= MAX_NEW_TOKENS,
        "The temperature must lie between 0 and 5.": 0 <= options.temperature <= 5,
        "top_p must be above 0 and at most 1.": 0 < options.top_p <= 1,
        f"The batch size must lie between 1 and {MAX_BATCH}.": 1 <= options.batch_size <= MAX_BATCH,
        "The seed must lie between 0 and 2147483647.": 0 <= options.seed < 2**31,
    }
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise InvalidOptionsError(" ".join(broken))


def cancel_generation_run(run: GenerationRun) -> None:
    jobs.request_cancel(run)


def resume_generation_run(run: GenerationRun) -> None:
    jobs.resume(run)


def run_generation(run_id: int, on_chunk: Progress | None = None) -> bool:
    """Works on the run until it ends or is taken away; False when another worker has it."""
    return work_under_lease(
        GenerationRun, run_id, lambda lease: _answer_all(lease, on_chunk), "The model failed"
    )


def _answer_all(lease: Lease[GenerationRun], on_chunk: Progress | None) -> None:
    lease.check()
    run = GenerationRun.objects.select_related("model_version").get(pk=lease.pk)
    options = options_of(run)
    backend = _backend(run)
    position = -1
    while chunk := _unanswered(run, position, options.batch_size):
        stimuli, position = [row.stimulus for row in chunk], chunk[-1].position
        answers = _answers(backend, stimuli, options)
        lease.check()
        with lease.commit_chunk() as row:
            Response.objects.bulk_create(
                [_response(run, s, a) for s, a in zip(stimuli, answers, strict=True)]
            )
            row.done = Response.objects.filter(run=run).count()
        if on_chunk:
            on_chunk(row)


def options_of(run: GenerationRun) -> GenerationOptions:
    known = {field.name for field in fields(GenerationOptions)}
    return GenerationOptions(**{k: v for k, v in run.options.items() if k in known})


def _backend(run: GenerationRun) -> Backend:
    version = run.model_version
    return load_backend(
        kind=version.kind,
        folder=checkpoint_folder(version.path) if version.path else None,
        sha256=version.weights_sha256,
        replies=_reply_lookup(run),
    )


def _reply_lookup(run: GenerationRun) -> Callable[[Sequence[str]], Mapping[str, ReplyFields]]:
    def lookup(keys: Sequence[str]) -> Mapping[str, ReplyFields]:
        dialogues = {key.rpartition(":")[0] for key in keys}
        stimuli = Stimulus.objects.filter(
            dialogue__corpus=run.corpus_id, dialogue__external_id__in=dialogues, followed=True
        )
        return human_replies(list(stimuli.select_related("dialogue")))

    return lookup


def _unanswered(run: GenerationRun, after: int, size: int) -> list[RunStimulus]:
    answered = Response.objects.filter(run=run, stimulus=OuterRef("stimulus"))
    rows = RunStimulus.objects.filter(~Exists(answered), run=run, position__gt=after)
    return list(rows.select_related("stimulus__dialogue").order_by("position")[:size])


def _answers(
    backend: Backend, chunk: Sequence[Stimulus], options: GenerationOptions
) -> list[Answer]:
    seeds = [stimulus_seed(options.seed, stimulus_key(stimulus)) for stimulus in chunk]
    inputs = stimulus_inputs(chunk)
    try:
        return backend.answer(inputs, options, seeds)
    except ClipError as error:
        raise _placed(error, chunk, inputs) from error


def _placed(
    error: ClipError, chunk: Sequence[Stimulus], inputs: Sequence[StimulusInput]
) -> DomainError:
    """Stored clips are named by their hash, which tells nobody where they belong."""
    for stimulus, given in zip(chunk, inputs, strict=True):
        if error.path in given.clip_paths:
            place = f"dialogue “{stimulus.dialogue.external_id}”, turns from "
            place += f"{stimulus.first_position + 1}"
            return DomainError(f"In {place}: {error} Then resume this run: its answers are kept.")
    return error


def stimulus_seed(seed: int, key: str) -> int:
    """Each stimulus has its own, so that chunks and resumption change no answer."""
    digest = hashlib.sha256(f"{seed}/{key}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


def _response(run: GenerationRun, stimulus: Stimulus, answer: Answer) -> Response:
    return Response(
        run=run,
        stimulus=stimulus,
        client_emotion=answer.client_emotion or "",
        therapist_emotion=answer.therapist_emotion or "",
        strategy=answer.strategy or "",
        text=answer.text,
        raw=answer.raw,
        seconds=answer.seconds,
        prompt_tokens=answer.prompt_tokens,
        new_tokens=answer.new_tokens,
    )

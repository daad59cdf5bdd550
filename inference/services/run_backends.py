"""What answers for a run: its model, with one prompt from the first answer to the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from django.conf import settings

from inference.backends.base import Backend, Machine
from inference.backends.imported import ImportedBackend
from inference.backends.registry import load_checkpoint, load_endpoint, load_text_model
from inference.backends.responses import ResponsesBackend
from inference.contracts import GenerationOptions, HumanReply
from inference.errors import CheckpointError, DomainError
from inference.media import MediaLimits
from inference.models import GenerationRun, ModelVersion, Stimulus
from inference.multimood.prompt import PromptTemplate
from inference.multimood.prompt_file import parse_template, shipped, template_for
from inference.selectors.endpoints import endpoint_from_row
from inference.selectors.imported_responses import imported_lookup
from inference.selectors.run_options import PROMPT_KEY
from inference.selectors.stimuli import human_replies
from inference.services.endpoints import endpoint_of
from inference.services.model_calls import RunCalls
from inference.services.model_versions import checkpoint_folder
from inference.services.text_models import text_source_of

Kind = ModelVersion.Kind
Check = Callable[[], None]


def backend_of(run: GenerationRun, check: Check) -> Backend:
    """`check` raises where the run is to stop; it is asked while others are waited for. Needs
    `model_version`."""
    loader = LOADERS.get(Kind(run.model_version.kind))
    if loader is None:
        raise CheckpointError(
            f"Nothing here can answer for a model of the kind “{run.model_version.kind}”."
        )
    return loader(run, check)


def answered_together(run: GenerationRun, options: GenerationOptions) -> int:
    """Client turns; at an address at least as many as are asked for at a time."""
    if run.model_version.kind != Kind.ENDPOINT:
        return options.batch_size
    return max(options.batch_size, endpoint_from_row(run.model_version).at_once)


def worker_machine() -> Machine:
    return Machine(
        device=settings.MODEL_DEVICE,
        models_in_memory=settings.MODELS_IN_MEMORY,
        feature_cache=settings.FEATURE_CACHE,
        feature_cache_mb=settings.FEATURE_CACHE_MB,
        media=MediaLimits(seconds=settings.MEDIA_SECONDS, memory_mb=settings.MEDIA_MEMORY_MB),
    )


def _imported(run: GenerationRun, _: Check) -> Backend:
    return ImportedBackend(_reply_lookup(run))


def _responses(run: GenerationRun, _: Check) -> Backend:
    return ResponsesBackend(imported_lookup(run.model_version))


def _multimood(run: GenerationRun, _: Check) -> Backend:
    version = run.model_version
    folder = checkpoint_folder(version.path)
    template = template_for(folder, version.config.get("prompt_style", "full"), version.prompt)
    _note_prompt(run, template)
    return load_checkpoint(
        folder, sha256=version.weights_sha256, prompt=template.text, machine=worker_machine()
    )


def _text(run: GenerationRun, _: Check) -> Backend:
    version = run.model_version
    template = _own_or_shipped(version)
    _note_prompt(run, template)
    backend, sha256 = load_text_model(
        text_source_of(version),
        sha256=version.weights_sha256,
        prompt=template.text,
        machine=worker_machine(),
    )
    if not version.weights_sha256:
        # From the hub: from now on these weights and no others.
        ModelVersion.objects.filter(pk=version.pk, weights_sha256="").update(weights_sha256=sha256)
    return backend


def _endpoint(run: GenerationRun, check: Check) -> Backend:
    version = run.model_version
    _note_prompt(run, _own_or_shipped(version))

    def should_stop() -> bool:
        check()
        return False

    return load_endpoint(
        endpoint_of(version),
        prompt=version.prompt,
        ledger=RunCalls(run),
        should_stop=should_stop,
        media=worker_machine().media,
    )


LOADERS: Mapping[Kind, Callable[[GenerationRun, Check], Backend]] = {
    Kind.IMPORTED: _imported,
    Kind.RESPONSES: _responses,
    Kind.MULTIMOOD: _multimood,
    Kind.TEXT: _text,
    Kind.ENDPOINT: _endpoint,
}


def _own_or_shipped(version: ModelVersion) -> PromptTemplate:
    return (
        parse_template(version.prompt, "the model's prompt") if version.prompt else shipped("full")
    )


def _note_prompt(run: GenerationRun, template: PromptTemplate) -> None:
    if PROMPT_KEY not in run.options:
        run.options[PROMPT_KEY] = template.sha256
        run.save(update_fields=["options"])
    elif run.options[PROMPT_KEY] != template.sha256:
        raise DomainError(
            f"The prompt of {run.model_version} has changed since this run began. Put the old one "
            "back, or start a new run."
        )


def _reply_lookup(run: GenerationRun) -> Callable[[Sequence[str]], Mapping[str, HumanReply]]:
    def lookup(keys: Sequence[str]) -> Mapping[str, HumanReply]:
        dialogues = {key.rpartition(":")[0] for key in keys}
        stimuli = Stimulus.objects.filter(
            dialogue__corpus=run.corpus_id, dialogue__external_id__in=dialogues, followed=True
        )
        return human_replies(list(stimuli.select_related("dialogue")))

    return lookup

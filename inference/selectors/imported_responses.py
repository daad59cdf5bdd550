"""Responses that were imported from a file, as a run asks for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from django.db.models import QuerySet

from inference.contracts import Answer
from inference.models import ImportedResponse, ModelVersion, Stimulus
from inference.selectors.stimuli import stimulus_key

Imported = Mapping[str, Mapping[int, Answer]]
"""By the key of the stimulus, then by sample."""


def imported_lookup(model: ModelVersion) -> Callable[[Sequence[str]], Imported]:
    """What `backends.responses.ResponsesBackend` asks, with keys of the model's corpus."""

    def lookup(keys: Sequence[str]) -> Imported:
        dialogues = {key.rpartition(":")[0] for key in keys}
        rows = ImportedResponse.objects.filter(
            model_version=model, stimulus__dialogue__external_id__in=dialogues
        )
        found: dict[str, dict[int, Answer]] = defaultdict(dict)
        for row in rows.select_related("stimulus__dialogue").order_by("pk"):
            found[stimulus_key(row.stimulus)][row.sample] = imported_answer(row)
        return found

    return lookup


def imported_stimuli(model: ModelVersion) -> QuerySet[Stimulus]:
    """Those that the file has a response to: nothing else can be asked of it."""
    answered = ImportedResponse.objects.filter(model_version=model).values("stimulus")
    return Stimulus.objects.filter(pk__in=answered)


def imported_answer(row: ImportedResponse) -> Answer:
    return Answer(
        client_emotion=row.client_emotion or None,
        therapist_emotion=row.therapist_emotion or None,
        strategy=row.strategy or None,
        text=row.text,
        raw=row.raw or row.text,
        seconds=0.0,
        prompt_tokens=0,
        new_tokens=0,
        chain=row.chain,
    )

"""Responses, and the client turns that they answer, as the rows of a release hold them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage

from annotations.derivation.outcome import Derivation
from annotations.derivation.rules import DerivationRules
from annotations.selectors.evidence import group_of
from inference.contracts import ReplyFields, StimulusInput
from inference.models import Clip, Response, Stimulus
from inference.preference_files import stimulus_row
from inference.selectors.stimuli import stimulus_inputs

CHUNK = 2000


@dataclass(frozen=True)
class ReleasedStimulus:
    input: StimulusInput
    """Its clip paths are relative to the media root, so that they hold on any machine."""
    corpus: str
    session: str
    client: str
    group: str
    split: str
    corpus_split: str
    """What the corpus itself calls the part its dialogue is in."""
    problem_type: str
    licence: str

    def row(self, clip_sha256: Mapping[str, str]) -> dict[str, Any]:
        """Of stimuli.jsonl."""
        return {
            **stimulus_row(self.input, clip_sha256),
            "corpus": self.corpus,
            "session": self.session,
            "client": self.client,
            "group": self.group,
            "split": self.split,
            "problem_type": self.problem_type,
            "licence": self.licence,
        }


@dataclass(frozen=True)
class ReleasedResponse:
    stimulus: int
    model: str
    reply: ReplyFields
    label_probabilities: Mapping[str, Mapping[str, float]]
    """Field -> label -> how likely the model held it; empty where it was not asked."""


@dataclass(frozen=True)
class Material:
    responses: Mapping[int, ReleasedResponse]
    stimuli: Mapping[int, ReleasedStimulus]
    clip_sha256: Mapping[str, str]

    def about(self, response: int) -> ReleasedStimulus:
        return self.stimuli[self.responses[response].stimulus]


def media_root() -> Path:
    return Path(default_storage.path(""))


def read_material(
    wanted: Collection[int], derivation: Derivation, rules: DerivationRules
) -> Material:
    """Of the responses wanted, by id; derivation says which split a session is in."""
    responses = _responses(wanted)
    splits = None if rules.splitting == "corpus" else derivation.splits
    stimuli = _stimuli({response.stimulus for response in responses.values()}, splits)
    names = {path.as_posix() for s in stimuli.values() for path in s.input.clip_paths}
    return Material(responses, stimuli, dict(_hashes(sorted(names))))


def _responses(wanted: Collection[int]) -> dict[int, ReleasedResponse]:
    """By id, in ascending order."""
    found: dict[int, ReleasedResponse] = {}
    for some in _chunks(sorted(wanted)):
        rows = (
            Response.objects.filter(pk__in=some)
            .select_related("run__model_version")
            .defer("raw", "run__options", "run__model_version__card")
            .order_by("pk")
        )
        found.update((row.pk, _response(row)) for row in rows)
    return found


def _stimuli(wanted: set[int], splits: Mapping[str, str] | None) -> dict[int, ReleasedStimulus]:
    """splits: of groups; None where the corpus's own count."""
    found: dict[int, ReleasedStimulus] = {}
    for some in _chunks(sorted(wanted)):
        rows = list(
            Stimulus.objects.filter(pk__in=some)
            .select_related("dialogue__session__corpus", "dialogue__corpus")
            .order_by("pk")
        )
        for row, read in zip(rows, stimulus_inputs(rows), strict=True):
            found[row.pk] = _stimulus(row, read, splits)
    return found


def _stimulus(
    row: Stimulus, read: StimulusInput, splits: Mapping[str, str] | None
) -> ReleasedStimulus:
    dialogue, root = row.dialogue, media_root()
    group = group_of(dialogue.session)
    return ReleasedStimulus(
        input=replace(
            read,
            clip_paths=tuple(path.relative_to(root) for path in read.clip_paths),
            earlier_clip_paths=(),
        ),
        corpus=dialogue.corpus.name,
        session=dialogue.session.label,
        client=dialogue.session.client,
        group=group,
        split=dialogue.split if splits is None else splits.get(group, ""),
        corpus_split=dialogue.split,
        problem_type=dialogue.problem_type,
        licence=dialogue.licence or dialogue.corpus.licence,
    )


def _response(row: Response) -> ReleasedResponse:
    return ReleasedResponse(
        stimulus=row.stimulus_id,
        model=row.run.model_version.name,
        reply=ReplyFields(
            client_emotion=row.client_emotion or None,
            therapist_emotion=row.therapist_emotion or None,
            strategy=row.strategy or None,
            text=row.text,
        ),
        label_probabilities=row.label_probabilities,
    )


def _hashes(names: list[str]) -> Iterator[tuple[str, str]]:
    for some in _chunks(names):
        yield from Clip.objects.filter(file__in=some).values_list("file", "sha256")


def _chunks(values: list[Any]) -> Iterable[list[Any]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))

"""What a file of responses holds for a corpus: read, matched with its client turns, counted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from inference.corpora.errors import Place
from inference.corpora.response_files import LABELS, ResponseRecord, read_responses
from inference.errors import UnknownNameError
from inference.models import Corpus, ModelVersion, Stimulus
from inference.selectors.stimuli import stimulus_inputs
from mood_eval.models import Team

CONTENT_KEY = "content_sha256"
SHOWN = 3
NAMED = 5
LABELS_SHOWN = 10


@dataclass(frozen=True)
class Unmatched:
    place: Place
    why: str

    def __str__(self) -> str:
        return f"line {self.place.line}: {self.why}"


@dataclass(frozen=True)
class Example:
    model: str
    client: str
    record: ResponseRecord


@dataclass
class ModelCount:
    name: str
    responses: int = 0
    stimuli: set[int] = field(default_factory=set)
    most_samples: int = 0
    """That one client turn has, counted by their numbers."""
    digests: list[bytes] = field(default_factory=list)
    existing: ModelVersion | None = None

    @property
    def content_sha256(self) -> str:
        """Whatever the order of the rows."""
        return hashlib.sha256(b"".join(sorted(self.digests))).hexdigest()

    @property
    def is_the_same(self) -> bool:
        return (
            self.existing is not None
            and self.existing.config.get(CONTENT_KEY) == self.content_sha256
        )


@dataclass
class FileContents:
    """What a file holds for a corpus; complete once its rows were read."""

    corpus: Corpus
    models: dict[str, ModelCount] = field(default_factory=dict)
    failed: int = 0
    """Rows that say there is no response: left out."""
    blank: int = 0
    """Rows without words and without a reason, such as what a model left empty: left out."""
    unmatched: int = 0
    first_unmatched: list[Unmatched] = field(default_factory=list)
    other_labels: Counter[str] = field(default_factory=Counter)
    """Labels that are none of MultiMood's, kept as they were written."""
    stimuli: int = 0
    """That the corpus has."""
    examples: list[Example] = field(default_factory=list)

    @property
    def responses(self) -> int:
        return sum(model.responses for model in self.models.values())

    @property
    def counts(self) -> list[ModelCount]:
        return list(self.models.values())

    @property
    def frequent_labels(self) -> list[tuple[str, int]]:
        return self.other_labels.most_common(LABELS_SHOWN)

    @property
    def changed(self) -> list[ModelCount]:
        """Names that stand for something else already."""
        return [m for m in self.models.values() if m.existing is not None and not m.is_the_same]


def preview_responses(*, team: Team, corpus: Corpus, path: Path) -> FileContents:
    """Changes nothing. Rows of no client turn are counted; every other fault is refused."""
    contents = no_contents(team, corpus)
    for record, stimulus in matched_rows(contents, team, path):
        if len(contents.examples) < SHOWN:
            given = stimulus_inputs([Stimulus.objects.select_related("dialogue").get(pk=stimulus)])
            client = " ".join(turn.text for turn in given[0].client_turns)
            contents.examples.append(Example(record.model, client, record))
    return contents


def no_contents(team: Team, corpus: Corpus) -> FileContents:
    if corpus.team_id != team.pk:
        raise UnknownNameError("The corpus belongs to another team.")
    return FileContents(corpus)


def matched_rows(
    contents: FileContents, team: Team, path: Path
) -> Iterator[tuple[ResponseRecord, int]]:
    """The responses with their stimulus; everything else is counted, or refused."""
    stimuli = _stimuli_of(contents.corpus)
    contents.stimuli = len({pk for turns in stimuli.values() for pk in turns.values()})
    first: dict[tuple[str, int, int], Place] = {}
    for record in read_responses(path):
        stimulus = stimuli.get(record.dialogue, {}).get(record.position)
        if stimulus is None:
            contents.unmatched += 1
            if len(contents.first_unmatched) < NAMED:
                contents.first_unmatched.append(
                    Unmatched(record.place, _why_unmatched(record, stimuli))
                )
            continue
        key = (record.model, stimulus, record.sample)
        if key in first:
            raise record.place.error(
                "sample",
                f"a second response of “{record.model}” to this client turn, after line "
                f"{first[key].line}",
                "Number several responses to one turn in the column sample: 0, 1, 2, …",
            )
        first[key] = record.place
        if record.failed:
            contents.failed += 1
            continue
        if record.blank:
            contents.blank += 1
            continue
        if record.model not in contents.models:
            contents.models[record.model] = ModelCount(
                record.model, existing=_existing(team, contents.corpus, record)
            )
        _count(contents, record, stimulus)
        yield record, stimulus


def _stimuli_of(corpus: Corpus) -> dict[str, dict[int, int]]:
    """By dialogue and position of each of its client turns, the stimulus' key."""
    found: dict[str, dict[int, int]] = {}
    rows = Stimulus.objects.filter(dialogue__corpus=corpus).values_list(
        "dialogue__external_id", "first_position", "last_position", "pk"
    )
    for dialogue, start, end, pk in rows.iterator():
        found.setdefault(dialogue, {}).update(dict.fromkeys(range(start, end + 1), pk))
    return found


def _why_unmatched(record: ResponseRecord, stimuli: dict[str, dict[int, int]]) -> str:
    if record.dialogue not in stimuli:
        return f"the corpus has no dialogue “{record.dialogue[:80]}” with client turns"
    return f"turn {record.position + 1} of “{record.dialogue}” is no turn of the client"


def _existing(team: Team, corpus: Corpus, record: ResponseRecord) -> ModelVersion | None:
    model = ModelVersion.objects.filter(team=team, name=record.model).first()
    if model is None:
        return None
    if model.kind != ModelVersion.Kind.RESPONSES:
        raise record.place.error(
            "model",
            f"“{model}” is the name of a model of another kind here",
            "Give the model of the file another name",
        )
    if model.config.get("corpus") != corpus.pk:
        raise record.place.error(
            "model",
            f"“{model}” holds responses to another corpus, {model.config.get('corpus_name')}",
            "Give the model of the file another name",
        )
    return model


def _count(contents: FileContents, record: ResponseRecord, stimulus: int) -> None:
    count = contents.models[record.model]
    count.responses += 1
    count.stimuli.add(stimulus)
    count.most_samples = max(count.most_samples, record.sample + 1)
    count.digests.append(_digest(record, stimulus))
    for name, (known, _) in LABELS.items():
        label = getattr(record, name)
        if label and label not in known:
            contents.other_labels[label] += 1


def _digest(record: ResponseRecord, stimulus: int) -> bytes:
    said = [stimulus, record.sample, record.text, *(getattr(record, name) for name in LABELS)]
    text = json.dumps([*said, record.raw, record.chain], sort_keys=True)
    return hashlib.sha256(text.encode()).digest()

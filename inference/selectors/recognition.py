"""Answers of a run, or of several runs over folds, beside the corpus' emotion labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.core.cache import cache
from django.db.models import OuterRef, QuerySet, Subquery

from inference.errors import InvalidOptionsError
from inference.labels import EMOTIONS
from inference.models import GenerationRun, ModelVersion, Response, Turn
from inference.recognition import Outcome, Recognition, recognition
from inference.recognition.published import label_set_note, published_for
from inference.recognition.tables import csv_lines

CHUNK = 2000
CACHED_SECONDS = 7 * 24 * 3600
FOLD = "fold-"
LABEL_KIND = "corpus label, not a diagnosis"


@dataclass(frozen=True)
class LabelledAnswer:
    response: int
    dialogue: str
    first_turn: int
    last_turn: int
    """Counted from 1."""
    session: str
    split: str
    emotion: str
    """Of the last client turn answered, as the corpus labels it; empty: it has no label."""
    emotion_original: str
    predicted: str
    error: str
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class RunRecognition:
    scores: Recognition
    answers: int
    """First answers to client turns that are there, labelled or not."""
    unlabelled: int
    """Left out of every figure: the corpus says nothing about them."""
    failed: int
    """Labelled, but not answered, because of an error; counted as wrong."""


def offered_labels(run: GenerationRun) -> tuple[str, ...]:
    if run.options.get("task") == "emotion" and run.options.get("emotions"):
        return tuple(run.options["emotions"])
    return EMOTIONS


def repeats_the_corpus(run: GenerationRun) -> bool:
    """Imported replies carry the labels themselves: nothing was recognised. Needs
    `model_version`."""
    return run.model_version.kind == ModelVersion.Kind.IMPORTED


def recognition_of_runs(runs: Sequence[GenerationRun]) -> RunRecognition:
    """One query a run, however many answers there are. Several runs are one evaluation: each
    answers other client turns of one corpus, with the same labels to choose from."""
    first = runs[0]
    for run in runs[1:]:
        if run.corpus_id != first.corpus_id:
            raise InvalidOptionsError(f"Runs {first.pk} and {run.pk} answer different corpora.")
        if offered_labels(run) != offered_labels(first):
            raise InvalidOptionsError(f"Runs {first.pk} and {run.pk} chose among different labels.")
    tally: Counter[str] = Counter()
    return RunRecognition(
        scores=recognition(_outcomes(runs, tally), offered_labels(first)),
        answers=tally["answers"],
        unlabelled=tally["unlabelled"],
        failed=tally["failed"],
    )


def recognition_of_run(run: GenerationRun) -> RunRecognition:
    """Of an ended run from the cache: thousands of answers take a second or more to read, and
    neither they nor the corpus' labels change any more."""
    if run.is_active or run.finished_at is None:
        return recognition_of_runs([run])
    key = f"recognition:{run.pk}:{run.finished_at.timestamp()}"
    found = cache.get_or_set(key, lambda: recognition_of_runs([run]), CACHED_SECONDS)
    return cast(RunRecognition, found)


def recognition_facts(runs: Sequence[GenerationRun], found: RunRecognition) -> dict[str, Any]:
    """What the command and the JSON file report. Needs `model_version` and `corpus`."""
    corpus = runs[0].corpus
    return {
        "runs": [
            {
                "run": run.pk,
                "model": run.model_version.name,
                "splits": run.splits,
                "options": run.options,
                "state": run.state,
            }
            for run in runs
        ],
        "corpus": corpus.name,
        "licence": corpus.licence,
        "citation": corpus.citation,
        "labels_are": LABEL_KIND,
        "answers": found.answers,
        "unlabelled": found.unlabelled,
        "failed": found.failed,
        **found.scores.as_dict(),
        "published": [scores.as_dict() for scores in published_for(corpus.format)],
        "published_note": label_set_note(corpus.format, found.scores.offered),
    }


def prediction_lines(runs: Sequence[GenerationRun]) -> Iterator[str]:
    """predictions.csv, while it is read."""
    return csv_lines(_prediction_rows(runs))


def _prediction_rows(runs: Sequence[GenerationRun]) -> Iterator[Sequence[object]]:
    labels = offered_labels(runs[0])
    yield [
        *("run", "response", "dialogue", "first_turn", "last_turn", "session", "split"),
        *("corpus_label", "corpus_label_original", "predicted", "right", "confidence", "error"),
        *(f"p_{label}" for label in labels),
    ]
    for run, row in _labelled(runs):
        yield [
            *(run.pk, row.response, row.dialogue, row.first_turn, row.last_turn),
            *(row.session, row.split, row.emotion, row.emotion_original, row.predicted),
            *(int(row.predicted == row.emotion), _blank(_confidence(row)), row.error),
            *(_blank(row.probabilities.get(label)) for label in labels),
        ]


def _labelled(runs: Sequence[GenerationRun]) -> Iterator[tuple[GenerationRun, LabelledAnswer]]:
    return ((run, row) for run in runs for row in labelled_answers(run) if row.emotion)


def _blank(value: float | None) -> object:
    return "" if value is None else value


def _outcomes(runs: Sequence[GenerationRun], tally: Counter[str]) -> Iterator[Outcome]:
    seen: dict[str, int] = {}
    for run in runs:
        for row in labelled_answers(run):
            tally["answers"] += 1
            if not row.emotion:
                tally["unlabelled"] += 1
                continue
            tally["failed"] += bool(row.error)
            outcome = _outcome(row)
            if (other := seen.setdefault(outcome.key, run.pk)) != run.pk:
                raise InvalidOptionsError(
                    f"Runs {other} and {run.pk} both answer dialogue “{row.dialogue}”, turn "
                    f"{row.first_turn}. Give runs over different splits."
                )
            yield outcome


def _outcome(row: LabelledAnswer) -> Outcome:
    return Outcome(
        key=f"{row.dialogue}:{row.first_turn}",
        truth=row.emotion,
        predicted=row.predicted or None,
        group=row.session,
        fold=row.split if row.split.startswith(FOLD) else "",
        confidence=_confidence(row),
    )


def _confidence(row: LabelledAnswer) -> float | None:
    return row.probabilities.get(row.predicted)


def labelled_answers(run: GenerationRun) -> Iterator[LabelledAnswer]:
    """The first answer to each client turn, in corpus order, read chunk by chunk."""
    rows = _rows(run).values_list(
        *("pk", "stimulus__dialogue__external_id"),
        *("stimulus__first_position", "stimulus__last_position"),
        *("stimulus__dialogue__session__label", "stimulus__dialogue__split"),
        *("emotion", "emotion_original", "client_emotion", "error"),
        "label_probabilities__client_emotion",
    )
    for row in rows.iterator(chunk_size=CHUNK):
        pk, dialogue, first, last, session, split, emotion, original, named, error, shares = row
        yield LabelledAnswer(
            response=pk,
            dialogue=dialogue,
            first_turn=first + 1,
            last_turn=last + 1,
            session=session,
            split=split,
            emotion=emotion or "",
            emotion_original=original or "",
            predicted=named,
            error=error,
            probabilities=shares or {},
        )


def _rows(run: GenerationRun) -> QuerySet[Response]:
    last_turn = Turn.objects.filter(
        dialogue=OuterRef("stimulus__dialogue"), position=OuterRef("stimulus__last_position")
    )
    return (
        Response.objects.filter(run=run, sample=0)
        .annotate(
            emotion=Subquery(last_turn.values("emotion")[:1]),
            emotion_original=Subquery(last_turn.values("emotion_original")[:1]),
        )
        .order_by("stimulus__dialogue_id", "stimulus__first_position")
    )

"""A run's first answers beside what the corpus says of them, as the benchmarks read them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from inference.benchmarks.contract import Case, Label, RunFacts
from inference.models import Dialogue, GenerationRun, Response, TrainingRun, Turn
from inference.selectors.model_versions import lineage
from inference.selectors.recognition import FOLD, repeats_the_corpus
from inference.selectors.run_options import names_emotions_only

CHUNK = 2000


def benchmark_cases(run: GenerationRun, among: Collection[int] = ()) -> Iterator[Case]:
    """One query, read chunk by chunk, in corpus order, whatever kind of model answered.

    `among`: runs; only client turns that each of these has answered too. A run that was asked for
    the emotion alone says nothing of the rest, so its cases hold no truth there.
    """
    emotion_only = names_emotions_only(run.options)
    rows = _rows(run, among).values_list(
        *("stimulus__dialogue__external_id", "stimulus__first_position"),
        *("stimulus__dialogue__session__label", "stimulus__dialogue__session__client"),
        *("stimulus__dialogue__split", "stimulus__followed"),
        *("truth_client", "truth_therapist", "truth_strategy", "reference"),
        *("client_emotion", "therapist_emotion", "strategy", "text", "error"),
    )
    for row in rows.iterator(chunk_size=CHUNK):
        yield _case(row, emotion_only)


def _case(row: tuple[Any, ...], emotion_only: bool) -> Case:
    dialogue, first, session, client, split, followed = row[:6]
    felt, tone, strategy, reference = (text or "" for text in row[6:10])
    said_felt, said_tone, said_strategy, text, error = row[10:]
    replied = followed and not emotion_only
    return Case(
        key=f"{dialogue}:{first}",
        group=f"client {client}" if client else session,
        client_emotion=Label(felt, said_felt),
        therapist_emotion=Label(tone if replied else "", said_tone),
        strategy=Label(strategy if replied else "", said_strategy),
        reference=reference if replied else "",
        response=text,
        readable=not error and any((said_felt, said_tone, said_strategy, text)),
        fold=split if split.startswith(FOLD) else "",
    )


def _answers(run: GenerationRun, among: Collection[int]) -> QuerySet[Response]:
    answers = Response.objects.filter(run=run, sample=0)
    for other in set(among) - {run.pk}:
        answered = Response.objects.filter(run=other, sample=0)
        answers = answers.filter(stimulus__in=answered.values("stimulus"))
    return answers


def _rows(run: GenerationRun, among: Collection[int]) -> QuerySet[Response]:
    asked = Turn.objects.filter(
        dialogue=OuterRef("stimulus__dialogue"), position=OuterRef("stimulus__last_position")
    )
    # The reply is the therapist's turn that directly follows, which there is where `followed`.
    reply = Turn.objects.filter(
        dialogue=OuterRef("stimulus__dialogue"), position=OuterRef("stimulus__last_position") + 1
    )
    rows = _answers(run, among).annotate(
        truth_client=Subquery(asked.values("emotion")[:1]),
        truth_therapist=Subquery(reply.values("emotion")[:1]),
        truth_strategy=Subquery(reply.values("strategy")[:1]),
        reference=Subquery(reply.values("text")[:1]),
    )
    return rows.order_by("stimulus__dialogue_id", "stimulus__first_position")


def run_facts_for_benchmark(run: GenerationRun, among: Collection[int] = ()) -> RunFacts:
    """Of the same answers as the cases. Needs `model_version` and `corpus`."""
    answered = Dialogue.objects.filter(stimuli__generation_runs=run).exclude(split="")
    return RunFacts(
        splits=tuple(answered.order_by("split").values_list("split", flat=True).distinct()),
        corpus_format=run.corpus.format,
        trained_on=tuple(trainings_on_the_corpus(run)),
        repeats_the_corpus=repeats_the_corpus(run),
        failed=_answers(run, among).exclude(error="").count(),
    )


def trainings_on_the_corpus(run: GenerationRun) -> list[str]:
    """Sentences on trainings of the model, or of one it was trained from, that read the corpus."""
    line = [*lineage(run.model_version).ancestors, run.model_version]
    trainings = TrainingRun.objects.filter(corpus=run.corpus_id, result__in=line).order_by("pk")
    return [
        f"“{training.result}” was trained on {_part(training)} of this corpus "
        f"({training.get_method_display()}, “{training.name}”)."
        for training in trainings.select_related("result")
    ]


def _part(training: TrainingRun) -> str:
    split = training.config.get("split", "")
    return f"the split “{split}”" if split else "all"

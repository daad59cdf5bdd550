"""What a follow-up study needs: client turns that no training saw, answered by old and new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from annotations.models import DatasetTraining, Item, PreferenceDataset, Study
from inference.models import (
    Corpus,
    Dialogue,
    GenerationRun,
    JobState,
    ModelVersion,
    Stimulus,
    TrainingRun,
)

FRESH, TRAIN = "fresh", "train"


@dataclass(frozen=True)
class FollowUp:
    link: DatasetTraining | None
    corpus: Corpus | None
    stimuli: int
    old: GenerationRun | None
    new: GenerationRun | None

    @property
    def study(self) -> Study | None:
        return self.link.follow_up if self.link else None

    @property
    def missing(self) -> bool:
        return self.old is None or self.new is None

    @property
    def ready(self) -> bool:
        return all(run is not None and run.state == JobState.DONE for run in (self.old, self.new))


def training_link(run: TrainingRun) -> DatasetTraining | None:
    links = DatasetTraining.objects.select_related("dataset__study", "follow_up")
    return links.filter(training_run=run).first()


def trainings_of(dataset: PreferenceDataset) -> list[TrainingRun]:
    runs = TrainingRun.objects.filter(dataset_link__dataset=dataset)
    return list(runs.select_related("base", "result").order_by("-pk"))


def follow_up_of(run: TrainingRun) -> FollowUp:
    link = training_link(run)
    corpus = study_corpus(link.dataset.study) if link else None
    if link is None or corpus is None or run.result is None:
        return FollowUp(link, corpus, 0, None, None)
    stimuli = fresh_stimuli(link.dataset.study, corpus)
    return FollowUp(
        link=link,
        corpus=corpus,
        stimuli=len(stimuli),
        old=run_over(run.base, stimuli),
        new=run_over(run.result, stimuli),
    )


def study_corpus(study: Study) -> Corpus | None:
    """The one corpus that the study's client turns come from."""
    corpora = Corpus.objects.filter(dialogues__stimuli__items__part__study=study).distinct()
    return corpora.order_by("pk").first()


def fresh_stimuli(study: Study, corpus: Corpus) -> list[int]:
    """In sessions of which nothing was rated or trained on: a session is never divided.

    Of the split "fresh" where the corpus has one, otherwise of everything but "train".
    """
    dialogues = Dialogue.objects.filter(corpus=corpus)
    rated = Item.objects.filter(part__study=study).values("stimulus__dialogue__session")
    trained = dialogues.filter(split=TRAIN).values("session")
    unseen = dialogues.exclude(session__in=rated).exclude(session__in=trained)
    if dialogues.filter(split=FRESH).exists():
        unseen = unseen.filter(split=FRESH)
    stimuli = Stimulus.objects.filter(dialogue__in=unseen)
    return list(stimuli.order_by("dialogue_id", "first_position").values_list("pk", flat=True))


def run_over(model: ModelVersion, stimuli: Sequence[int]) -> GenerationRun | None:
    """The latest run of the model over exactly these stimuli that has not failed."""
    wanted = set(stimuli)
    runs = (
        GenerationRun.objects.filter(model_version=model)
        .exclude(state__in=[JobState.FAILED, JobState.CANCELLED])
        .exclude(options__contains={"task": "emotion"})
        .annotate(selected=Count("selection"))
        .filter(selected=len(wanted))
    )
    for run in runs.order_by("-pk"):
        if set(run.selection.values_list("stimulus_id", flat=True)) == wanted:
            return run
    return None
